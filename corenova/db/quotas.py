"""Quota: usage is a counter row a project, raised by compare-and-swap in the transaction that creates the servers.

So two parallel requests cannot both take the last place, and nothing needs to be checked again later. The audit holds
the counters against the rows (I5).
"""

import contextlib
from collections.abc import Mapping
from functools import lru_cache

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.engine import for_update
from corenova.db.schema import quota_usages
from corenova.exceptions import OverQuota

UNLIMITED = -1
_LIMIT_NAMES = {"instances": "instances", "cores": "cores", "ram_mb": "ram", "server_groups": "server_groups"}
"""Counter column and the name that users and the ini file know."""


_NO_LIMIT = 2**62


@lru_cache
def _raise(names: tuple[str, ...]) -> sa.Update:
    """Return the statement that raises these counters within their limits; made once, it runs for every create."""
    columns = {name: quota_usages.c[name] + sa.bindparam(f"more_{name}", type_=sa.BigInteger) for name in names}
    return (
        sa.update(quota_usages)
        .where(
            quota_usages.c.project_id == sa.bindparam("of_project"),
            *(raised <= sa.bindparam(f"most_{name}", type_=sa.BigInteger) for name, raised in columns.items()),
        )
        .values(columns)
    )


def usage(connection: sa.Connection, project_id: str) -> dict[str, int]:
    """Return the counters of a project, zeros when it has none."""
    row = connection.execute(sa.select(quota_usages).where(quota_usages.c.project_id == project_id)).first()
    return {name: getattr(row, name, 0) for name in _LIMIT_NAMES}


def reserve(connection: sa.Connection, project_id: str, amounts: Mapping[str, int], limits: Mapping[str, int]) -> None:
    """Add ``amounts`` to the counters of the project, or nothing.

    :param amounts: by counter column (instances, cores, ram_mb, server_groups).
    :param limits: by the same names; -1 is unlimited.
    :raises OverQuota: a limit would be passed; the message names it with what is asked, used and allowed.
    """
    values = {"of_project": project_id}
    for name, amount in amounts.items():
        limit = limits.get(name, UNLIMITED)
        values |= {f"more_{name}": amount, f"most_{name}": _NO_LIMIT if limit == UNLIMITED else limit}
    raise_them = _raise(tuple(amounts))
    if connection.execute(raise_them, values).rowcount == 1:
        return
    # Refused, or the project has no counters yet. Another transaction may insert them at this very moment.
    with contextlib.suppress(db_error.DBDuplicateEntry), connection.begin_nested():
        connection.execute(sa.insert(quota_usages).values(project_id=project_id))
    if connection.execute(raise_them, values).rowcount == 1:
        return
    used = usage(connection, project_id)
    over = [n for n, a in amounts.items() if limits.get(n, UNLIMITED) != UNLIMITED and used[n] + a > limits[n]]
    raise OverQuota(_refusal(over, amounts, used, limits))


def lock(connection: sa.Connection, project_id: str) -> None:
    """Let no other transaction count what this project has, until the commit: for limits on what has no counter."""
    select = for_update(sa.select(quota_usages.c.project_id).where(quota_usages.c.project_id == project_id), connection)
    if connection.execute(select).first() is None:
        with contextlib.suppress(db_error.DBDuplicateEntry), connection.begin_nested():
            connection.execute(sa.insert(quota_usages).values(project_id=project_id))
        connection.execute(select)


def release(connection: sa.Connection, project_id: str, amounts: Mapping[str, int]) -> None:
    """Take ``amounts`` off the counters of the project."""
    lowered = {name: quota_usages.c[name] - amount for name, amount in amounts.items()}
    connection.execute(sa.update(quota_usages).where(quota_usages.c.project_id == project_id).values(lowered))


def _refusal(over: list[str], amounts: Mapping, used: Mapping, limits: Mapping) -> str:
    names = ", ".join(_LIMIT_NAMES[n] for n in over)
    return (
        f"Quota exceeded for {names}: Requested {', '.join(str(amounts[n]) for n in over)}, "
        f"but already used {', '.join(str(used[n]) for n in over)} of {', '.join(str(limits[n]) for n in over)} {names}"
    )
