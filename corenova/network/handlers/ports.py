"""Ports: what is special about them. The port of a server keeps its addresses and its card until it is detached."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import UNSET

from corenova.db import addresses, networks
from corenova.db import ports as rows
from corenova.db import security_groups as groups
from corenova.db.engine import for_update, now
from corenova.db.schema import instances, port_addresses, ports
from corenova.db.schema import networks as network_table
from corenova.exceptions import Forbidden, InvalidInput
from corenova.network import allocation, errors, views
from corenova.network.call import Act
from corenova.network.handlers.nouns import Noun
from corenova.network.listing import Filter, always
from corenova.network.requests import NewPort, PortChange, values
from corenova.objects.context import RequestContext, new_uuid

_TAKEN_WORDS = ("compute:", "network:")
_OF_A_GUEST = ("mac_address", "fixed_ips", "port_security_enabled", "device_id", "device_owner")


def create(act: Act, body: NewPort) -> str:
    """Make a port on a network that the caller may use."""
    _check(act, body)
    project_id = act.owner(body)
    act.count(project_id, "port")
    networks.lock(act.connection, [body.network_id])
    network = _network(act, body.network_id, project_id)
    is_secured = network.port_security if body.port_security_enabled is UNSET else body.port_security_enabled
    chosen = _groups(act, project_id, body, is_secured=is_secured)
    given = {
        "uuid": new_uuid(),
        "project_id": project_id,
        "port_security": is_secured,
        **values(body, "name", "description", "admin_state_up", "device_id", "device_owner"),
    }
    if body.mac_address:
        given["mac"] = allocation.checked_mac(body.mac_address)
    wishes = None if body.fixed_ips is UNSET else _wishes(body)
    [uuid] = allocation.make_ports(act.connection, network, [given], groups=chosen, wishes=wishes)
    act.touch(groups.servers_admitting(act.connection, chosen))
    return uuid


def update(act: Act, row: sa.Row, body: PortChange) -> None:
    """Change a port; its server learns what it may know."""
    _check(act, body)
    networks.lock(act.connection, [row.network_uuid])
    row = _held(act, row.uuid)
    if row.instance_uuid and _changes_guest(act, row, body):
        raise errors.PortInUse(
            f"Unable to complete operation on port {row.uuid}: server {row.instance_uuid} has it. Detach it first to "
            f"change {', '.join(_OF_A_GUEST)}."
        )
    before = {group.group_uuid for group in rows.groups_of(act.connection, [row.uuid])[row.uuid]}
    is_secured = row.port_security if body.port_security_enabled is UNSET else body.port_security_enabled
    after = _change_groups(act, row, body, before, is_secured=is_secured)
    given = values(body, "name", "description", "admin_state_up", "device_id", "device_owner")
    if body.mac_address:
        given["mac"] = _new_mac(act, row, body.mac_address)
    changed = sa.update(ports).where(ports.c.uuid == row.uuid)
    act.connection.execute(changed.values(**given, port_security=is_secured, updated_at=now()))
    if body.fixed_ips is not UNSET and not row.instance_uuid:
        _change_addresses(act, row, body)
    if before != after or body.fixed_ips is not UNSET:
        act.touch(groups.servers_admitting(act.connection, before | after))
    if row.instance_uuid:
        rows.refresh(act.connection, [row.instance_uuid])
        act.touch([row.instance_uuid])


def delete(act: Act, row: sa.Row) -> None:
    """Delete a port that no server has."""
    row = _held(act, row.uuid)
    if row.instance_uuid:
        raise errors.PortInUse(
            f"Unable to complete operation on port {row.uuid}: server {row.instance_uuid} has it. Detach it first, or "
            "delete the server."
        )
    its = {group.group_uuid for group in rows.groups_of(act.connection, [row.uuid])[row.uuid]}
    rows.remove(act.connection, [row.uuid])
    act.touch(groups.servers_admitting(act.connection, its))


def _held(act: Act, uuid: str) -> sa.Row:
    """The port, which nobody else changes or deletes until the commit."""
    wanted = sa.select(ports).where(ports.c.uuid == uuid)
    row = act.connection.execute(for_update(wanted, act.connection)).first()
    if row is None:
        raise errors.not_found("Port", uuid)
    return row


def _check(act: Act, body: PortChange) -> None:
    owner = body.device_owner or ""
    if owner.startswith(_TAKEN_WORDS) and not act.context.is_admin:
        raise Forbidden(f"device_owner {owner} is for ports of servers and of the network itself.")
    if body.vnic_type not in (UNSET, "normal"):
        raise InvalidInput("Invalid input for binding:vnic_type. Reason: there is normal only.")
    if body.host_id or body.profile:
        raise InvalidInput(
            "Ports are bound to hosts by their servers: binding:host_id and binding:profile cannot be set."
        )


def _network(act: Act, uuid: str, project_id: str) -> sa.Row:
    found = networks.find(act.connection, network_table.c.uuid == uuid, networks.visible(act.context))
    if not found:
        raise errors.not_found("Network", uuid)
    if not (act.context.is_admin or found[0].shared or found[0].project_id == project_id):
        raise Forbidden(f"Network {uuid} is neither of your project nor shared.")
    return found[0]


def _groups(act: Act, project_id: str, body: PortChange, *, is_secured: bool) -> list[str]:
    """The groups of a port, held; the project's default when the body says nothing."""
    if not is_secured:
        if body.security_groups:
            raise errors.PortSecurityAndIPRequiredForSecurityGroups(
                "Port security must be enabled and port must have an IP address in order to use security groups."
            )
        return []
    if body.security_groups is UNSET or body.security_groups is None:
        chosen = [groups.ensure_default(act.connection, project_id)]
    else:
        chosen = list(dict.fromkeys(body.security_groups))
    held = groups.lock(act.connection, chosen)
    for uuid in chosen:
        if uuid not in held or not (act.context.is_admin or held[uuid].project_id == project_id):
            raise errors.not_found("SecurityGroup", uuid)
    return chosen


def _change_groups(act: Act, row: sa.Row, body: PortChange, before: set[str], *, is_secured: bool) -> set[str]:
    if body.security_groups is UNSET:
        if is_secured or not before:
            return before
        raise errors.PortSecurityPortHasSecurityGroup(
            "Port has security group associated. Cannot disable port security until security group is removed."
        )
    chosen = _groups(act, row.project_id, body, is_secured=is_secured)
    if set(chosen) != before:
        rows.unlink(act.connection, [row.uuid])
        rows.link(act.connection, [row.uuid], chosen)
    return set(chosen)


def _changes_guest(act: Act, row: sa.Row, body: PortChange) -> bool:
    """Whether a server would have to learn what it cannot: a client may well repeat what is so already."""
    its = [(one.subnet_uuid, one.address) for one in rows.addresses_of(act.connection, [row.uuid])[row.uuid]]
    same = {
        "mac_address": row.mac,
        "port_security_enabled": row.port_security,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": its,
    }
    given = values(body, *_OF_A_GUEST)
    if "fixed_ips" in given:
        subnet_of = {address: subnet for subnet, address in its}
        asked = [(one.subnet_id or subnet_of.get(one.ip_address), one.ip_address) for one in given["fixed_ips"]]
        given["fixed_ips"] = sorted(asked, key=lambda one: its.index(one) if one in its else -1)
    return any(value != same[name] for name, value in given.items() if value is not None)


def _new_mac(act: Act, row: sa.Row, text: str) -> str:
    mac = allocation.checked_mac(text)
    if mac != row.mac and rows.known_macs(act.connection, [mac]):
        raise errors.MacAddressInUse(f"Unable to complete operation: The mac address {mac} is in use by another port.")
    return mac


def _change_addresses(act: Act, row: sa.Row, body: PortChange) -> None:
    """The port keeps of its addresses what is asked for again, any of a subnet included."""
    its = {one.subnet_uuid: one.address for one in rows.addresses_of(act.connection, [row.uuid])[row.uuid]}
    wishes = [
        allocation.Wish(address=wish.address or its.pop(wish.subnet_uuid, None), subnet_uuid=wish.subnet_uuid)
        for wish in _wishes(body)
    ]
    addresses.remove(act.connection, [row.uuid])
    [network] = networks.find(act.connection, network_table.c.uuid == row.network_uuid)
    allocation.give_addresses(act.connection, network, [row.uuid], wishes)


def _wishes(body: PortChange) -> list[allocation.Wish]:
    return [allocation.Wish(address=one.ip_address, subnet_uuid=one.subnet_id) for one in body.fixed_ips]


def visible(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for ports that the caller may see."""
    return sa.true() if context.is_admin else ports.c.project_id == context.project_id


def owner_of_network(act: Act, about: object) -> str:
    """Return the project that owns the network of a port, or of a body for one; empty when there is none."""
    uuid = getattr(about, "network_uuid", None) or getattr(about, "network_id", "")
    found = networks.find(act.connection, network_table.c.uuid == uuid)
    return found[0].project_id if found else ""


def show(act: Act, found: Sequence[sa.Row]) -> list[dict[str, object]]:
    """Return how ports are shown."""
    uuids = [row.uuid for row in found]
    its_addresses = rows.addresses_of(act.connection, uuids)
    its_groups = rows.groups_of(act.connection, uuids)
    host_of = rows.hosts_of(act.connection, {row.instance_uuid for row in found} - {None})
    return [
        views.port(row, its_addresses[row.uuid], its_groups[row.uuid], host_of.get(row.instance_uuid)) for row in found
    ]


def _by_fixed_ips(given: Sequence[str]) -> sa.ColumnElement[bool]:
    """``fixed_ips=ip_address=A``, ``subnet_id=S``: any of the addresses, any of the subnets."""
    columns = {"ip_address": port_addresses.c.address, "subnet_id": port_addresses.c.subnet_uuid}
    wanted: dict[str, list[str]] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in columns:
            raise InvalidInput("Invalid input for fixed_ips. Reason: it is ip_address=ADDRESS or subnet_id=ID.")
        wanted.setdefault(name, []).append(value)
    ports_with = sa.select(port_addresses.c.port_uuid)
    return ports.c.uuid.in_(ports_with.where(*(columns[name].in_(its) for name, its in wanted.items())))


def _by_groups(given: Sequence[str]) -> sa.ColumnElement[bool]:
    linked = groups.port_security_groups.c
    return ports.c.uuid.in_(sa.select(linked.port_uuid).where(linked.group_uuid.in_(given)))


_FILTERS: dict[str, Filter] = {
    "fixed_ips": _by_fixed_ips,
    "security_groups": _by_groups,
    "mac_address": lambda given: ports.c.mac.in_([mac.lower() for mac in given]),
    "status": lambda given: ports.c.status.in_([status.upper() for status in given]),
    "binding:vnic_type": always("normal"),
    "binding:host_id": lambda given: ports.c.instance_uuid.in_(
        sa.select(instances.c.uuid).where(instances.c.host.in_(given))
    ),
}

_COLUMNS = {
    "id": "uuid",
    "name": "name",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "description": "description",
    "network_id": "network_uuid",
    "mac_address": "mac",
    "device_id": "device_id",
    "device_owner": "device_owner",
    "admin_state_up": "admin_state_up",
    "status": "status",
    "port_security_enabled": "port_security",
}  # fmt: skip
PORTS = Noun(
    singular="port",
    kind="Port",
    table=ports,
    columns=_COLUMNS,
    filters=_FILTERS,
    visible=visible,
    views=show,
    new=NewPort,
    create=create,
    change=PortChange,
    update=update,
    delete=delete,
    owner_of_network=owner_of_network,
)
