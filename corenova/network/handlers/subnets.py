"""Subnets: what is special about them. Which addresses they have is worked out in corenova/network/ipam.py."""

import ipaddress
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from corenova.db import addresses, deployment, networks, ports
from corenova.db.engine import for_update, now
from corenova.db.schema import deployment as facts
from corenova.db.schema import networks as network_table
from corenova.db.schema import subnets
from corenova.exceptions import InvalidInput
from corenova.network import errors, ipam, views
from corenova.network.call import Act
from corenova.network.handlers.nouns import Noun
from corenova.network.requests import NewSubnet, SubnetChange, values
from corenova.objects.context import RequestContext, new_uuid

_LOCK = "network_ranges"  # one subnet after the other, for the look at all others


class Draft(msgspec.Struct, kw_only=True):
    """A subnet as it shall be, understood and consistent in itself.

    :param keep: the address that the hosts have and no port can.
    """

    network: ipam.Network
    gateway: ipam.Address | None
    has_dhcp: bool
    keep: ipam.Address | None
    pools: ipam.Pools


def create(act: Act, body: NewSubnet) -> str:
    """Make a subnet of a network of the caller's project."""
    project_id = act.owner(body)
    network = _network(act, body.network_id)
    act.count(project_id, "subnet")
    draft = _new_draft(body, is_flat=network.network_type == networks.FLAT)
    _hold_ranges(act)
    _lock(act, network.uuid)
    its = networks.subnets_of(act.connection, [network.uuid])[network.uuid]
    same = ipam.overlapping(draft.network, [one.cidr for one in its])
    if same:
        raise InvalidInput(
            f"Invalid input for operation: Requested subnet with cidr: {body.cidr} for network: {network.uuid} "
            f"overlaps with another subnet: {same}."
        )
    _check_hosts(act, network, draft)
    uuid = new_uuid()
    given = {"name": "", **values(body, "name", "description"), **_columns(draft), **_texts(body, draft)}
    first = min((start for start, _ in draft.pools), default=draft.network.network_address)
    insert = sa.insert(subnets).values(
        uuid=uuid,
        network_uuid=network.uuid,
        project_id=project_id,
        ip_version=draft.network.version,
        cidr=str(draft.network),
        cursor=addresses.position_of(str(draft.network), str(first)),
    )
    act.connection.execute(insert.values(**given, created_at=now(), updated_at=now()))
    _settle(act, network, its)
    return uuid


def update(act: Act, row: sa.Row, body: SubnetChange) -> None:
    """Change a subnet; servers learn the new gateway, name servers and routes."""
    _hold_ranges(act)
    network = _lock(act, row.network_uuid)
    its = networks.subnets_of(act.connection, [network.uuid])[network.uuid]
    uuid, row = row.uuid, next((one for one in its if one.uuid == row.uuid), None)
    if row is None:
        raise errors.not_found("Subnet", uuid)
    draft = _changed_draft(row, body, is_flat=network.network_type == networks.FLAT)
    _check_kept(act, row, draft)
    _check_hosts(act, network, draft, but=row.uuid)
    given = {**values(body, "name", "description"), **_columns(draft), **_texts(body, draft)}
    changed = sa.update(subnets).where(subnets.c.uuid == row.uuid)
    act.connection.execute(changed.values(**given, updated_at=now()))
    _settle(act, network, its)


def delete(act: Act, row: sa.Row) -> None:
    """Delete a subnet of which no port has an address."""
    network = _lock(act, row.network_uuid)
    if addresses.in_use(act.connection, row.uuid):
        raise errors.SubnetInUse(
            f"Unable to complete operation on subnet {row.uuid}: One or more ports have an IP address of it."
        )
    its = networks.subnets_of(act.connection, [network.uuid])[network.uuid]
    act.connection.execute(sa.delete(subnets).where(subnets.c.uuid == row.uuid))
    _settle(act, network, its)


def _network(act: Act, uuid: str) -> sa.Row:
    """The network, when the caller may have subnets on it."""
    found = networks.find(act.connection, network_table.c.uuid == uuid, networks.visible(act.context))
    if not found:
        raise errors.not_found("Network", uuid)
    act.authorize("create_subnet", project_id=found[0].project_id)
    return found[0]


def _lock(act: Act, uuid: str) -> sa.Row:
    row = networks.lock(act.connection, [uuid]).get(uuid)
    if row is None:
        raise errors.not_found("Network", uuid)
    return row


def _hold_ranges(act: Act) -> None:
    deployment.settle(act.connection, _LOCK, "")
    act.connection.execute(for_update(sa.select(facts.c.key).where(facts.c.key == _LOCK), act.connection))


def _new_draft(body: NewSubnet, *, is_flat: bool) -> Draft:
    if body.ip_version not in (4, 6):
        raise InvalidInput("Invalid input for ip_version. Reason: it is 4 or 6.")
    network = ipam.network_of(body.cidr, body.ip_version)
    gateway = ipam.first_host(network)
    if body.gateway_ip is not UNSET:
        gateway = body.gateway_ip and ipam.checked_gateway(network, body.gateway_ip)
    # Of a bridge somebody else is the master, and IPv6 addresses are told by the config drive alone.
    has_dhcp = (network.version == 4 and not is_flat) if body.enable_dhcp is UNSET else body.enable_dhcp
    return _draft(network, gateway, has_dhcp, is_flat, body, None)


def _changed_draft(row: sa.Row, body: SubnetChange, *, is_flat: bool) -> Draft:
    network = ipaddress.ip_network(row.cidr)
    text = row.gateway_ip if body.gateway_ip is UNSET else body.gateway_ip
    has_dhcp = row.enable_dhcp if body.enable_dhcp is UNSET else body.enable_dhcp
    gateway = text and ipam.checked_gateway(network, text)
    return _draft(network, gateway, has_dhcp, is_flat, body, msgspec.json.decode(row.pools))


def _draft(
    network: ipam.Network,
    gateway: ipam.Address | None,
    has_dhcp: bool,
    is_flat: bool,
    body: SubnetChange,
    pools: list | None,
) -> Draft:
    if network.version == 6 and has_dhcp:
        raise InvalidInput(
            "Invalid input for enable_dhcp. Reason: IPv6 subnets have no DHCP here, guests learn their addresses from "
            "the config drive. Set enable_dhcp to false."
        )
    keep = ipam.kept(network, gateway, has_dhcp=has_dhcp and not is_flat)
    if body.allocation_pools is not UNSET:
        pools = [(pool.start, pool.end) for pool in body.allocation_pools]
    checked = ipam.default_pools(network, keep) if pools is None else ipam.checked_pools(network, keep, pools)
    return Draft(network=network, gateway=gateway, has_dhcp=has_dhcp, keep=keep, pools=checked)


def _columns(draft: Draft) -> dict[str, object]:
    return {
        "gateway_ip": draft.gateway and str(draft.gateway),
        "enable_dhcp": draft.has_dhcp,
        "pools": _json([(str(start), str(end)) for start, end in draft.pools]),
    }


def _texts(body: SubnetChange, draft: Draft) -> dict[str, str]:
    """The columns that only guests read."""
    found = {}
    if body.dns_nameservers is not UNSET:
        found["dns_nameservers"] = _json([str(ipam.address_of(one, "dns_nameservers")) for one in body.dns_nameservers])
    if body.host_routes is not UNSET:
        version = draft.network.version
        found["host_routes"] = _json(
            [
                (_destination(one.destination, version), str(ipam.address_of(one.nexthop, "host_routes", version)))
                for one in body.host_routes
            ]
        )
    return found


def _destination(text: str, version: int) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    if network is None or network.version != version:
        raise InvalidInput(f"Invalid input for host_routes. Reason: '{text}' is not a valid IPv{version} subnet.")
    return str(network)


def _check_kept(act: Act, row: sa.Row, draft: Draft) -> None:
    if draft.keep and addresses.taken(act.connection, row.uuid, [addresses.position_of(row.cidr, str(draft.keep))]):
        raise errors.GatewayIpInUse(f"The address {draft.keep} is in use by a port: it cannot be that of the hosts.")


def _check_hosts(act: Act, network: sa.Row, draft: Draft, *, but: str = "") -> None:
    """Networks that the hosts make share the routing table of a host, whoever owns them."""
    if network.network_type == networks.FLAT or draft.keep is None:
        return
    select = (
        sa.select(subnets.c.cidr)
        .join_from(subnets, network_table, subnets.c.network_uuid == network_table.c.uuid)
        .where(
            subnets.c.uuid != but,
            subnets.c.ip_version == draft.network.version,
            network_table.c.network_type != networks.FLAT,
            sa.or_(subnets.c.gateway_ip.is_not(None), subnets.c.enable_dhcp),
        )
    )
    if ipam.overlapping(draft.network, act.connection.execute(select).scalars().all()):
        raise InvalidInput(
            f"Invalid input for operation: cidr {draft.network} overlaps with a subnet of another network. All "
            "networks share the routing table of the hosts that make them, so addresses cannot be used twice. Choose "
            "another range, or have neither gateway nor DHCP (gateway_ip null, enable_dhcp false)."
        )


def _settle(act: Act, network: sa.Row, before: Sequence[sa.Row]) -> None:
    """After a change: servers keep the kind of network that they have, and learn the rest."""
    after = networks.subnets_of(act.connection, [network.uuid])[network.uuid]
    servers = ports.servers_on(act.connection, network.uuid)
    if servers and networks.kind(network, before) != networks.kind(network, after):
        raise errors.NetworkInUse(
            f"Network {network.uuid} has ports of servers: it can neither get its first gateway nor lose its last one. "
            "Detach them first."
        )
    ports.refresh(act.connection, servers)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def visible(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for subnets that the caller may see: the own ones, and those of networks to be used."""
    if context.is_admin:
        return sa.true()
    usable = sa.select(network_table.c.uuid).where(networks.usable(context))
    return sa.or_(subnets.c.project_id == context.project_id, subnets.c.network_uuid.in_(usable))


_COLUMNS = {
    "id": "uuid",
    "name": "name",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "description": "description",
    "network_id": "network_uuid",
    "ip_version": "ip_version",
    "cidr": "cidr",
    "gateway_ip": "gateway_ip",
    "enable_dhcp": "enable_dhcp",
}  # fmt: skip
SUBNETS = Noun(
    singular="subnet",
    kind="Subnet",
    table=subnets,
    columns=_COLUMNS,
    visible=visible,
    views=lambda act, found: [views.subnet(row) for row in found],
    new=NewSubnet,
    create=create,
    change=SubnetChange,
    update=update,
    delete=delete,
)
