"""One page of a list: conditions, an order, and a marker behind which the page begins. For tables with ``uuid``."""

from collections.abc import Sequence

import sqlalchemy as sa

from corenova.exceptions import InvalidInput


def page(
    connection: sa.Connection,
    table: sa.Table,
    conditions: Sequence[sa.ColumnElement[bool]],
    *,
    sort: Sequence[tuple[str, bool]] = (),
    marker: str | None = None,
    limit: int | None = None,
    reverse: bool = False,
) -> list[sa.Row]:
    """Return rows of ``table``.

    :param sort: names of columns, each with whether it descends; the oldest row comes first among equals.
    :param reverse: return the page in front of the marker instead of the one behind it, in the same order.
    :raises InvalidInput: there is no such marker.
    """
    # Databases disagree on where NULL sorts, and a page after NULL cannot be asked for.
    keys = [(_comparable(table.c[name]), descends != reverse) for name, descends in sort] + [(table.c.id, reverse)]
    select = sa.select(table).where(*conditions)
    if marker is not None:
        select = select.where(_behind(connection, table, keys, marker))
    select = select.order_by(*(key.desc() if descends else key.asc() for key, descends in keys)).limit(limit)
    found = list(connection.execute(select))
    return found[::-1] if reverse else found


def _comparable(column: sa.Column) -> sa.ColumnElement:
    return sa.func.coalesce(column, "") if column.nullable and isinstance(column.type, sa.String) else column


def _behind(
    connection: sa.Connection, table: sa.Table, keys: list[tuple[sa.ColumnElement, bool]], marker: str
) -> sa.ColumnElement[bool]:
    """The condition for rows behind the marker in this order, which is lexicographic over the keys."""
    row = connection.execute(sa.select(*(key for key, _ in keys)).where(table.c.uuid == marker)).first()
    if row is None:
        raise InvalidInput(f"The marker {marker} is no entry of this list.")
    return behind(keys, row)


def behind(keys: Sequence[tuple[sa.ColumnElement, bool]], values: Sequence[object]) -> sa.ColumnElement[bool]:
    """Return the condition for rows behind the one with these values, in the lexicographic order of the keys.

    :param keys: each with whether it descends.
    """
    condition: sa.ColumnElement[bool] = sa.false()
    for (key, descends), value in reversed(list(zip(keys, values, strict=True))):
        beyond = key < value if descends else key > value
        condition = sa.or_(beyond, sa.and_(key == value, condition))
    return condition
