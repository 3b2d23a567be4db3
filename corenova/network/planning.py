"""What a request for servers asks of the network, checked before anything is written.

A plan holds ids, not rows: what it says is looked at again, under locks, by the transaction that makes the servers.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.db import addresses, network_quotas, networks, ports, security_groups
from corenova.db.schema import ports as port_table
from corenova.db.schema import security_groups as group_table
from corenova.exceptions import Conflict, InvalidInput
from corenova.network import allocation, errors
from corenova.objects.context import RequestContext
from corenova.objects.network import WantedNic


class PlannedNic(msgspec.Struct, frozen=True, kw_only=True):
    """One interface of every server: a new port on a network, or a port that is there."""

    network_uuid: str
    port_uuid: str | None = None
    address: str | None = None
    tag: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A NetworkPlan (corenova/contracts/network.py).

    :param everywhere: the caller may use networks of other projects.
    :param groups: uuids of the groups of new ports; empty: the project's default group.
    """

    project_id: str = ""
    nics: tuple[PlannedNic, ...] = ()
    groups: tuple[str, ...] = ()
    everywhere: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether a server gets no interface at all."""
        return not self.nics

    def may_use(self, network: sa.Row) -> bool:
        """Tell whether new ports may be made on the network."""
        return self.everywhere or network.shared or network.project_id == self.project_id

    @property
    def new_ports(self) -> int:
        """How many ports are made for each server."""
        return sum(nic.port_uuid is None for nic in self.nics)


NOTHING = Plan()


def automatic(connection: sa.Connection, context: RequestContext) -> tuple[WantedNic, ...]:
    """Return the only network that the project can use, or nothing; raises Conflict when there are several."""
    found = networks.find(connection, networks.usable(context))
    its = networks.subnets_of(connection, [row.uuid for row in found])
    usable = [row for row in found if its[row.uuid]]
    if len(usable) > 1:
        named = ", ".join(f"{row.name} ({row.uuid})" for row in usable[:5])
        raise Conflict(f"Multiple possible networks found, use a Network ID to be more specific: {named}.")
    return tuple(WantedNic(network_id=row.uuid) for row in usable)


def make_plan(
    connection: sa.Connection,
    context: RequestContext,
    wanted: Sequence[WantedNic],
    *,
    groups: Sequence[str],
    count: int,
    limits: dict[str, int],
) -> Plan:
    """Return the plan for these entries; raises as corenova/contracts/network.py says."""
    its_ports = _ports(connection, context, wanted)
    network_uuids = {one.network_id for one in wanted if not one.port_id}
    rows = networks.named(connection, network_uuids)
    subnets = networks.subnets_of(connection, network_uuids)
    nics = []
    for one in wanted:
        if count > 1 and (one.port_id or one.address):
            raise InvalidInput(
                "A port or a fixed address is for one server: it cannot be asked for with several at once."
            )
        if one.port_id:
            network_uuid = its_ports[one.port_id].network_uuid
        else:
            network_uuid = _usable(context, rows, one.network_id, subnets).uuid
            _check_address(connection, rows[network_uuid], subnets[network_uuid], one.address)
        nics.append(PlannedNic(network_uuid=network_uuid, port_uuid=one.port_id, address=one.address, tag=one.tag))
    plan = Plan(
        project_id=context.project_id,
        nics=tuple(nics),
        groups=_groups(connection, context, groups),
        everywhere=context.is_admin,
    )
    _check_quota(connection, plan, count, limits)
    return plan


def _ports(connection: sa.Connection, context: RequestContext, wanted: Sequence[WantedNic]) -> dict[str, sa.Row]:
    asked = [one.port_id for one in wanted if one.port_id]
    found = {row.uuid: row for row in ports.find(connection, port_table.c.uuid.in_(asked))} if asked else {}
    for uuid in asked:
        row = found.get(uuid)
        if row is None or not (context.is_admin or row.project_id == context.project_id):
            raise InvalidInput(f"Port {uuid} could not be found.")
        if row.instance_uuid or row.device_id:
            raise Conflict(f"Port {uuid} is still in use.")
        if asked.count(uuid) > 1:
            raise InvalidInput(f"Port {uuid} is asked for twice.")
    return found


def _usable(
    context: RequestContext, rows: dict[str, sa.Row], uuid: str | None, subnets: dict[str, list[sa.Row]]
) -> sa.Row:
    row = rows.get(uuid)
    if row is None or not (context.is_admin or row.shared or row.project_id == context.project_id):
        raise InvalidInput(f"Network {uuid} could not be found.")
    if not subnets[uuid]:
        raise InvalidInput(f"Network {uuid} requires a subnet in order to boot instances on.")
    return row


def _check_address(connection: sa.Connection, network: sa.Row, subnets: Sequence[sa.Row], text: str | None) -> None:
    if text is None:
        return
    subnet = allocation.subnet_for(network, subnets, text)
    if addresses.taken(connection, subnet.uuid, [addresses.position_of(subnet.cidr, text)]):
        raise Conflict(f"Fixed IP address {text} is already in use on network {network.uuid}.")


def _groups(connection: sa.Connection, context: RequestContext, asked: Sequence[str]) -> tuple[str, ...]:
    """The groups by name or id. A default group that is not there yet is made with the ports."""
    asked = tuple(dict.fromkeys(asked))
    if asked in ((), (security_groups.DEFAULT,)):
        return ()
    g = group_table.c
    found = security_groups.find(
        connection, g.project_id == context.project_id, sa.or_(g.uuid.in_(asked), g.name.in_(asked))
    )
    return tuple(dict.fromkeys(_group(found, text) for text in asked))


def _group(found: Sequence[sa.Row], text: str) -> str:
    matching = [row for row in found if row.uuid == text] or [row for row in found if row.name == text]
    if len(matching) > 1:
        raise Conflict(f"Multiple security groups found matching '{text}'. Use an ID to be more specific.")
    if not matching:
        raise InvalidInput(f"Security group {text} not found.")
    return matching[0].uuid


def _check_quota(connection: sa.Connection, plan: Plan, count: int, limits: dict[str, int]) -> None:
    """Refuse early what the transaction would refuse later."""
    more = plan.new_ports * count
    limit = network_quotas.limits(connection, plan.project_id, limits)["port"]
    if more and limit != network_quotas.UNLIMITED:
        used = network_quotas.usage(connection, plan.project_id, "port")
        if used + more > limit:
            raise errors.OverQuota("port", more, used, limit)
