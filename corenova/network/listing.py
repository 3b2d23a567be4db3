"""What a list is asked for: filters, fields, order and page, in Neutron's words."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from corenova.exceptions import InvalidInput

Query = Mapping[str, Sequence[str]]
Filter = Callable[[Sequence[str]], sa.ColumnElement[bool]]
_WORDS = ("fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse")
_TRUE, _FALSE = ("true", "1", "t", "yes", "y", "on"), ("false", "0", "f", "no", "n", "off")
_DIRECTIONS = {"asc": False, "desc": True}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list, in which order (db/pages.py)."""

    conditions: tuple[sa.ColumnElement[bool], ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None
    reverse: bool = False


def understand(query: Query, filters: Mapping[str, Filter], columns: Mapping[str, str], max_limit: int) -> Page:
    """Return what a query asks for.

    :param columns: names that a list can be sorted by, and their columns.
    :param max_limit: no page is longer.
    :raises InvalidInput: a filter or a sort key that there is not, a limit or direction that cannot be read.
    """
    conditions = []
    for name, values in query.items():
        if any("\x00" in value for value in values):
            raise InvalidInput(f"Invalid input for {name}: it has a NUL character.")
        if name in _WORDS:
            continue
        if name not in filters:
            raise InvalidInput(f"'{name}' is no attribute to filter by. There are {', '.join(sorted(filters))}.")
        conditions.append(filters[name](values))
    limit = _limit(query)
    return Page(
        conditions=tuple(conditions),
        sort=tuple(_sort(query, columns)),
        limit=None if limit is None else min(limit, max_limit),
        marker=_last(query, "marker"),
        reverse=boolean("page_reverse", _last(query, "page_reverse") or "false"),
    )


def boolean(name: str, value: str) -> bool:
    """Return a word that is yes or no; raises InvalidInput."""
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise InvalidInput(f"Invalid input for {name}. Reason: '{value}' is neither true nor false.")


def number(name: str, value: str) -> int:
    """Return a number; raises InvalidInput."""
    try:
        found = int(value)
    except ValueError:
        raise InvalidInput(f"Invalid input for {name}. Reason: '{value}' is not a number.") from None
    if abs(found) >= 2**31:
        raise InvalidInput(f"Invalid input for {name}. Reason: {value} is too large.")
    return found


def equal(name: str, column: sa.Column) -> Filter:
    """Return the filter for a column that has one of the values; an empty value finds what has none."""
    if isinstance(column.type, sa.Boolean):
        return lambda values: column.in_([boolean(name, value) for value in values])
    if isinstance(column.type, sa.Integer):
        return lambda values: column.in_([number(name, value) for value in values])

    def condition(values: Sequence[str]) -> sa.ColumnElement[bool]:
        found = column.in_(values)
        return sa.or_(found, column.is_(None)) if column.nullable and "" in values else found

    return condition


def always(value: str) -> Filter:
    """Return the filter for an attribute that everything has with the same value."""
    return lambda values: sa.true() if value in [one.lower() for one in values] else sa.false()


def _last(query: Query, name: str) -> str | None:
    values = query.get(name)
    return values[-1] if values else None


def _limit(query: Query) -> int | None:
    text = _last(query, "limit")
    if text is None:
        return None
    limit = number("limit", text)
    if limit < 0:
        raise InvalidInput("Invalid input for limit. Reason: it must be 0 (all) or a positive number.")
    return limit or None


def _sort(query: Query, columns: Mapping[str, str]) -> list[tuple[str, bool]]:
    keys, directions = query.get("sort_key", ()), query.get("sort_dir", ())
    if directions and len(directions) != len(keys):
        raise InvalidInput("The number of sort_keys and sort_dirs must be same.")
    found = []
    for i, key in enumerate(keys):
        direction = directions[i].lower() if directions else "asc"
        if key not in columns:
            raise InvalidInput(f"'{key}' is no attribute to sort by. There are {', '.join(sorted(columns))}.")
        if direction not in _DIRECTIONS:
            raise InvalidInput(f"'{direction}' is no direction: sort_dir is asc or desc.")
        found.append((columns[key], _DIRECTIONS[direction]))
    return found
