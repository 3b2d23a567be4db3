"""Networks: what is special about them. Their kinds are told in docs/operating.md."""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import UNSET

from corenova.db import networks as rows
from corenova.db import ports
from corenova.db.engine import now
from corenova.db.schema import networks, subnets
from corenova.exceptions import InvalidInput
from corenova.network import errors, views
from corenova.network.call import Act
from corenova.network.handlers.nouns import Noun
from corenova.network.listing import always
from corenova.network.requests import NetworkChange, NewNetwork, values
from corenova.objects.context import new_uuid

_TYPES = (rows.NAT, rows.LOCAL, rows.FLAT)
_BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_FIELDS = ("name", "description", "admin_state_up", "shared", "external", "port_security", "mtu")


def create(act: Act, body: NewNetwork) -> str:
    """Make a network for the project that the body names, or the caller's."""
    network_type = body.network_type or rows.NAT
    bridge = body.bridge or None
    if network_type not in _TYPES:
        raise InvalidInput(f"Invalid input for provider:network_type: there are {', '.join(_TYPES)}.")
    if body.segmentation_id:
        raise InvalidInput("Invalid input for provider:segmentation_id: networks have no segments here.")
    if body.is_default:
        raise InvalidInput("Invalid input for is_default: there are no default external networks here.")
    if (network_type == rows.FLAT) != (bridge is not None):
        raise InvalidInput(
            "provider:physical_network is the name of a bridge on every host, which a flat network must have and no "
            "other can."
        )
    if bridge and not _BRIDGE.fullmatch(bridge):
        raise InvalidInput(f"Invalid input for provider:physical_network: '{bridge}' cannot be a bridge.")
    project_id = act.owner(body)
    act.count(project_id, "network")
    uuid = new_uuid()
    given = {"name": "", **values(body, *_FIELDS)}
    insert = sa.insert(networks).values(uuid=uuid, project_id=project_id, network_type=network_type, bridge=bridge)
    act.connection.execute(insert.values(**given, created_at=now(), updated_at=now()))
    return uuid


def update(act: Act, row: sa.Row, body: NetworkChange) -> None:
    """Change a network; servers learn its new name and mtu."""
    if row.uuid not in rows.lock(act.connection, [row.uuid]):
        raise errors.not_found("Network", row.uuid)
    if body.shared is False and row.shared and _has_others(act, row):
        raise errors.NetworkInUse(
            f"Unable to reconfigure sharing settings for network {row.uuid}. Other projects have ports on it."
        )
    changed = sa.update(networks).where(networks.c.uuid == row.uuid)
    act.connection.execute(changed.values(**values(body, *_FIELDS), updated_at=now()))
    servers = ports.servers_on(act.connection, row.uuid)
    if body.name is not UNSET or body.mtu is not UNSET:
        ports.refresh(act.connection, servers)
    if body.admin_state_up is not UNSET and body.admin_state_up != row.admin_state_up:
        act.touch(servers)


def _has_others(act: Act, row: sa.Row) -> bool:
    p = ports.ports.c
    return bool(ports.find(act.connection, p.network_uuid == row.uuid, p.project_id != row.project_id))


def delete(act: Act, row: sa.Row) -> None:
    """Delete a network with its subnets; it must have no ports."""
    rows.lock(act.connection, [row.uuid])
    if ports.find(act.connection, ports.ports.c.network_uuid == row.uuid):
        raise errors.NetworkInUse(
            f"Unable to complete operation on network {row.uuid}. There are one or more ports still in use on it."
        )
    act.connection.execute(sa.delete(subnets).where(subnets.c.network_uuid == row.uuid))
    act.connection.execute(sa.delete(networks).where(networks.c.uuid == row.uuid))


def show(act: Act, found: Sequence[sa.Row]) -> list[dict[str, object]]:
    """Return how networks are shown."""
    its = rows.subnets_of(act.connection, [row.uuid for row in found])
    return [views.network(row, its[row.uuid]) for row in found]


_COLUMNS = {
    "id": "uuid",
    "name": "name",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "description": "description",
    "admin_state_up": "admin_state_up",
    "shared": "shared",
    "router:external": "external",
    "port_security_enabled": "port_security",
    "mtu": "mtu",
    "provider:network_type": "network_type",
    "provider:physical_network": "bridge",
}  # fmt: skip
NETWORKS = Noun(
    singular="network",
    kind="Network",
    table=networks,
    columns=_COLUMNS,
    filters={"status": always("active")},
    visible=rows.visible,
    views=show,
    new=NewNetwork,
    create=create,
    change=NetworkChange,
    update=update,
    delete=delete,
)
