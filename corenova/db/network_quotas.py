"""What a project may have of the embedded network service: limits of its own, and the count that is made under a lock.

Things are counted where they are, not in counters: whoever adds something holds the project's row until the commit, so
two parallel requests cannot both take the last place, and nothing can drift.
"""

import contextlib
from collections.abc import Mapping

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db import schema
from corenova.db.engine import for_update
from corenova.db.schema import network_quotas

UNLIMITED = -1
TABLES: dict[str, sa.Table] = {
    "network": schema.networks,
    "subnet": schema.subnets,
    "port": schema.ports,
    "security_group": schema.security_groups,
    "security_group_rule": schema.security_group_rules,
}
"""What is limited, and where it is counted."""


def limits(connection: sa.Connection, project_id: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """Return the project's limits: its own, or the defaults."""
    row = connection.execute(_row(project_id)).first()
    return _merged(row, defaults)


def usage(connection: sa.Connection, project_id: str, name: str) -> int:
    """Return how many of the things called ``name`` the project has."""
    table = TABLES[name]
    return connection.execute(
        sa.select(sa.func.count()).select_from(table).where(table.c.project_id == project_id)
    ).scalar()


def excess(
    connection: sa.Connection, project_id: str, name: str, count: int, defaults: Mapping[str, int]
) -> tuple[int, int] | None:
    """Hold the project's row and return (used, limit) when ``count`` more would be too many, else None."""
    if limits(connection, project_id, defaults)[name] == UNLIMITED:
        return None
    held = _hold(connection, project_id)
    limit, used = _merged(held, defaults)[name], usage(connection, project_id, name)
    return None if limit == UNLIMITED or used + count <= limit else (used, limit)


def put(connection: sa.Connection, project_id: str, values: Mapping[str, int]) -> None:
    """Set some of the project's own limits."""
    _hold(connection, project_id)
    if values:
        connection.execute(sa.update(network_quotas).where(network_quotas.c.project_id == project_id).values(**values))


def clear(connection: sa.Connection, project_id: str) -> bool:
    """Go back to the defaults; False when the project had no limits of its own."""
    row = connection.execute(_row(project_id)).first()
    # The row stays: somebody may be holding it.
    connection.execute(
        sa.update(network_quotas).where(network_quotas.c.project_id == project_id).values(dict.fromkeys(TABLES))
    )
    return row is not None and _has_own(row)


def projects(connection: sa.Connection) -> list[str]:
    """Return the projects that have limits of their own."""
    rows = connection.execute(sa.select(network_quotas).order_by(network_quotas.c.project_id))
    return [row.project_id for row in rows if _has_own(row)]


def _row(project_id: str) -> sa.Select:
    return sa.select(network_quotas).where(network_quotas.c.project_id == project_id)


def _hold(connection: sa.Connection, project_id: str) -> sa.Row:
    wanted = for_update(_row(project_id), connection)
    row = connection.execute(wanted).first()
    if row is None:
        # Another transaction may insert it at this very moment.
        with contextlib.suppress(db_error.DBDuplicateEntry), connection.begin_nested():
            connection.execute(sa.insert(network_quotas).values(project_id=project_id))
        row = connection.execute(wanted).first()
    return row


def _has_own(row: sa.Row) -> bool:
    return any(getattr(row, name) is not None for name in TABLES)


def _merged(row: sa.Row | None, defaults: Mapping[str, int]) -> dict[str, int]:
    own = {name: getattr(row, name, None) for name in TABLES}
    return {name: defaults[name] if own[name] is None else own[name] for name in TABLES}
