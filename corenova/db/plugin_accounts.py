"""How plug-ins do, as services tell it with each heartbeat: one row a service and process.

Accounts are running totals of a process: a later one takes the place of the earlier one, nothing is added up here.
A row counts for as long as its process is heard of. Several processes of one service may share an address.
"""

import json
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.engine import now
from corenova.db.schema import plugin_accounts
from corenova.objects.plugin_account import PluginAccount

_FORGET_S = 86400.0
_PAST_S = 600.0
"""Far beyond the time between two heartbeats: what is silent for so long, and has a successor, was ended."""
_columns = plugin_accounts.c
_decode = msgspec.json.Decoder(tuple[PluginAccount, ...]).decode
_TELL = (
    sa.update(plugin_accounts)
    .where(_columns.incarnation == sa.bindparam("of_incarnation"), _columns.binary == sa.bindparam("of_binary"))
    .values(told_at=now(), accounts=sa.bindparam("told"))
)


class ServiceAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of one service that runs.

    :param incarnation: of its process. Services of one process may share plug-ins, and then tell the same account.
    """

    binary: str
    address: str
    incarnation: str
    accounts: tuple[PluginAccount, ...]


def tell(
    connection: sa.Connection, *, binary: str, address: str, incarnation: str, accounts: Sequence[PluginAccount]
) -> None:
    """Keep the accounts of a service. The first ones of a process drop those of whom nobody has heard for long."""
    # As ASCII: whatever a plug-in has said of its fault, no database refuses the heartbeat for it.
    text = json.dumps(msgspec.to_builtins(accounts))
    row = {"of_incarnation": incarnation, "of_binary": binary, "told": text}
    if connection.execute(_TELL, row).rowcount:
        return
    same = sa.and_(_columns.binary == binary, _columns.address == address, _columns.told_at < now() - _PAST_S)
    past = sa.or_(same, _columns.told_at < now() - _FORGET_S)
    connection.execute(sa.delete(plugin_accounts).where(past))
    who = {"binary": binary, "address": address, "incarnation": incarnation}
    connection.execute(sa.insert(plugin_accounts).values(told_at=now(), accounts=text, **who))


def withdraw(connection: sa.Connection, *, binary: str, incarnation: str) -> None:
    """Forget the accounts of a service that has stopped."""
    row = sa.and_(_columns.binary == binary, _columns.incarnation == incarnation)
    connection.execute(sa.delete(plugin_accounts).where(row))


def told(connection: sa.Connection, *, down_time_s: float) -> list[ServiceAccounts]:
    """Return the accounts of all services that were heard of within ``down_time_s``, by binary and address."""
    select = (
        sa.select(_columns.binary, _columns.address, _columns.incarnation, _columns.accounts)
        .where(_columns.told_at > now() - down_time_s)
        .order_by(_columns.binary, _columns.address, _columns.id)
    )
    return [
        ServiceAccounts(
            binary=row.binary, address=row.address, incarnation=row.incarnation, accounts=_decode(row.accounts)
        )
        for row in connection.execute(select)
    ]
