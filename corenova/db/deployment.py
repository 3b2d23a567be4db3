"""Facts of the deployment: its id, which marks our guests, and secrets that all processes must share."""

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.schema import deployment


def get(connection: sa.Connection, key: str) -> str | None:
    """Return the fact called ``key``, or None."""
    return connection.execute(sa.select(deployment.c.value).where(deployment.c.key == key)).scalar()


def put(connection: sa.Connection, key: str, value: str) -> None:
    """Set the fact ``key``, new or not."""
    updated = connection.execute(sa.update(deployment).where(deployment.c.key == key).values(value=value))
    if updated.rowcount == 0:
        connection.execute(sa.insert(deployment).values(key=key, value=value))


def settle(connection: sa.Connection, key: str, proposal: str) -> str:
    """Return the fact ``key``; when nobody has set it yet, ``proposal`` becomes it. Safe between processes."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(deployment).values(key=key, value=proposal))
        return proposal
    except db_error.DBDuplicateEntry:
        return get(connection, key)
