"""Rows of networks: who may see and use them, how one is made on a host, and the lock that guards its inside.

The order of locks is quota, networks, groups, each by id: whoever follows it cannot wait in a circle.
"""

from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa

from corenova.db.chunks import chunks
from corenova.db.engine import for_update
from corenova.db.schema import networks, subnets
from corenova.objects.context import RequestContext

NAT, LOCAL, FLAT = "nat", "local", "flat"
_KINDS = {LOCAL: "isolated", FLAT: "bridge"}
_ANY = sa.select(networks.c.id).limit(1)
_some = sa.bindparam("some", expanding=True)
_NAMED = sa.select(networks).where(networks.c.uuid.in_(_some)).order_by(networks.c.id)
_SUBNETS = sa.select(subnets).where(subnets.c.network_uuid.in_(_some)).order_by(subnets.c.id)


def visible(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for networks that the caller may see."""
    return sa.true() if context.is_admin else sa.or_(usable(context), networks.c.external)


def usable(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for networks that servers of the caller's project are put on by themselves."""
    return sa.or_(networks.c.project_id == context.project_id, networks.c.shared)


def exist(connection: sa.Connection) -> bool:
    """Tell whether there is any network at all."""
    return connection.execute(_ANY).first() is not None


def find(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Sequence[sa.Row]:
    """Return the networks of which the conditions are true, oldest first."""
    return connection.execute(sa.select(networks).where(*conditions).order_by(networks.c.id)).all()


def named(connection: sa.Connection, uuids: Collection[str]) -> dict[str, sa.Row]:
    """Return those of these networks that are there."""
    return {row.uuid: row for some in chunks(uuids) for row in connection.execute(_NAMED, {"some": some})}


def lock(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, sa.Row]:
    """Hold these networks until the commit and return those that are there: nobody else changes what is inside."""
    held = connection.execute(for_update(_NAMED, connection), {"some": list(uuids)})
    return {row.uuid: row for row in held}


def kind(network: sa.Row, its_subnets: Iterable[sa.Row]) -> str:
    """Return how the network is made on a host (``Nic.kind``): without any gateway there is no way out of it."""
    its_subnets = list(its_subnets)
    if network.network_type == NAT and its_subnets and all(subnet.gateway_ip is None for subnet in its_subnets):
        return "isolated"
    return _KINDS.get(network.network_type, "nat")


def subnets_of(connection: sa.Connection, network_uuids: Iterable[str]) -> dict[str, list[sa.Row]]:
    """Return the subnets of each of these networks, oldest first."""
    found: dict[str, list[sa.Row]] = {uuid: [] for uuid in network_uuids}
    for some in chunks(found):
        for row in connection.execute(_SUBNETS, {"some": some}):
            found[row.network_uuid].append(row)
    return found
