"""Rows of ports, and what servers know of theirs: ``instances.network_info`` is a copy that is made here alone.

Whatever changes a port, its network, its subnets or the names of its groups calls :func:`refresh` in the same
transaction, so the copy is never older than what it is of (audit I6).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db import addresses, networks
from corenova.db.chunks import chunks
from corenova.db.engine import execute_many, for_update, now
from corenova.db.schema import instances, port_addresses, port_security_groups, ports, security_groups, subnets
from corenova.objects.network import FixedIP, Nic

ACTIVE, DOWN = "ACTIVE", "DOWN"
OF_SERVER = "compute:nova"
"""``device_owner`` of a server's port."""
_ADD = sa.insert(ports).values(created_at=now(), updated_at=now())
_LINK = sa.insert(port_security_groups)
_WRITE = (
    sa.update(instances)
    .where(instances.c.uuid == sa.bindparam("of_uuid"))
    .values(network_info=sa.bindparam("new_info"))
)
_free = (ports.c.instance_uuid.is_(None), ports.c.device_id == "")
# Read for every server that is made, and made once: building such a statement takes longer than running it.
_some = sa.bindparam("some", expanding=True)
_a, _s, _l, _g = port_addresses.c, subnets.c, port_security_groups.c, security_groups.c
_OF_SERVERS = sa.select(ports).where(ports.c.instance_uuid.in_(_some)).order_by(ports.c.slot, ports.c.id)
_KNOWN_MACS = sa.select(ports.c.mac).where(ports.c.mac.in_(_some))
_ADDRESSES = (
    sa.select(_a.port_uuid, _a.subnet_uuid, _a.address, _s.cidr, _s.gateway_ip, _s.dns_nameservers, _s.host_routes)
    .add_columns(_s.enable_dhcp, _s.ip_version)
    .join_from(port_addresses, subnets, _a.subnet_uuid == _s.uuid)
    .where(_a.port_uuid.in_(_some))
    .order_by(_s.id, _a.position)
)
_GROUPS = (
    sa.select(_l.port_uuid, _l.group_uuid, _g.name)
    .join_from(port_security_groups, security_groups, _l.group_uuid == _g.uuid)
    .where(_l.port_uuid.in_(_some))
    .order_by(_g.id)
)
_SERVERS = sa.select(instances.c.uuid).where(instances.c.uuid.in_(_some)).order_by(instances.c.uuid)


def add(connection: sa.Connection, rows: Sequence[Mapping[str, object]], groups: Sequence[str]) -> None:
    """Insert ports, all with the same columns and each in these groups; addresses are given by db/addresses.py."""
    execute_many(connection, _ADD, rows)
    link(connection, [row["uuid"] for row in rows], groups)


def link(connection: sa.Connection, port_uuids: Sequence[str], groups: Sequence[str]) -> None:
    """Put the ports into the groups, whose rows the caller holds."""
    pairs = [{"port_uuid": port, "group_uuid": group} for port in port_uuids for group in dict.fromkeys(groups)]
    if pairs:
        execute_many(connection, _LINK, pairs)


def unlink(connection: sa.Connection, port_uuids: Sequence[str]) -> None:
    """Take the ports out of all groups."""
    connection.execute(sa.delete(port_security_groups).where(port_security_groups.c.port_uuid.in_(list(port_uuids))))


def find(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Sequence[sa.Row]:
    """Return the ports of which the conditions are true, oldest first."""
    return connection.execute(sa.select(ports).where(*conditions).order_by(ports.c.id)).all()


def of_servers(connection: sa.Connection, instance_uuids: Sequence[str]) -> list[sa.Row]:
    """Return the ports of these servers, each server's in the order in which its guest sees them."""
    found: list[sa.Row] = []
    for some in chunks(instance_uuids):
        found += connection.execute(_OF_SERVERS, {"some": some})
    return found


def hold_of_server(connection: sa.Connection, instance_uuid: str) -> Sequence[sa.Row]:
    """Hold the ports of a server until the commit, and return them."""
    select = sa.select(ports).where(ports.c.instance_uuid == instance_uuid).order_by(ports.c.id)
    return connection.execute(for_update(select, connection)).all()


def known_macs(connection: sa.Connection, macs: Iterable[str]) -> set[str]:
    """Return those of the addresses that a port has."""
    return {mac for some in chunks(list(macs)) for mac in connection.execute(_KNOWN_MACS, {"some": some}).scalars()}


def bind(connection: sa.Connection, port_uuid: str, instance_uuid: str, *, slot: int, tag: str | None) -> bool:
    """Give a port that nobody has to a server; False when somebody has it, or there is none."""
    values = {"instance_uuid": instance_uuid, "device_id": instance_uuid, "device_owner": OF_SERVER}
    wanted = sa.update(ports).where(ports.c.uuid == port_uuid, *_free)
    return connection.execute(wanted.values(**values, slot=slot, tag=tag, updated_at=now())).rowcount == 1


def remove(connection: sa.Connection, port_uuids: Sequence[str]) -> None:
    """Delete ports with their addresses."""
    for some in chunks(port_uuids):
        addresses.remove(connection, some)
        unlink(connection, some)
        connection.execute(sa.delete(ports).where(ports.c.uuid.in_(some)))


def leave(connection: sa.Connection, rows: Sequence[sa.Row]) -> None:
    """Take these ports from their servers: what was made for a server goes, what is its user's becomes free."""
    remove(connection, [row.uuid for row in rows if not row.preserve])
    freed = {"instance_uuid": None, "device_id": "", "device_owner": "", "tag": None, "slot": 0, "status": DOWN}
    for some in chunks([row.uuid for row in rows if row.preserve]):
        connection.execute(sa.update(ports).where(ports.c.uuid.in_(some)).values(**freed, updated_at=now()))


def set_status(connection: sa.Connection, instance_uuids: Sequence[str], status: str) -> None:
    """Set the status (ACTIVE, DOWN) that the ports of these servers show."""
    for some in chunks(instance_uuids):
        changed = sa.update(ports).where(ports.c.instance_uuid.in_(some), ports.c.status != status)
        connection.execute(changed.values(status=status, updated_at=now()))


def addresses_of(connection: sa.Connection, port_uuids: Sequence[str]) -> dict[str, list[sa.Row]]:
    """Return (port_uuid, subnet_uuid, address, and the subnet's facts) of each port, the older subnet's first."""
    found: dict[str, list[sa.Row]] = defaultdict(list)
    for some in chunks(port_uuids):
        for row in connection.execute(_ADDRESSES, {"some": some}):
            found[row.port_uuid].append(row)
    return found


def groups_of(connection: sa.Connection, port_uuids: Sequence[str]) -> dict[str, list[sa.Row]]:
    """Return (port_uuid, group_uuid, name) of each port's groups, the oldest first."""
    found: dict[str, list[sa.Row]] = defaultdict(list)
    for some in chunks(port_uuids):
        for row in connection.execute(_GROUPS, {"some": some}):
            found[row.port_uuid].append(row)
    return found


def nics(connection: sa.Connection, instance_uuids: Sequence[str]) -> dict[str, list[Nic]]:
    """Return the interfaces of each of these servers as the ports say; no entry for a server without any."""
    rows = of_servers(connection, instance_uuids)
    its_addresses = addresses_of(connection, [row.uuid for row in rows])
    its_groups = groups_of(connection, [row.uuid for row in rows])
    network_uuids = {row.network_uuid for row in rows}
    by_uuid = networks.named(connection, network_uuids)
    kinds = {uuid: networks.kind(by_uuid[uuid], its) for uuid, its in networks.subnets_of(connection, by_uuid).items()}
    found: dict[str, list[Nic]] = defaultdict(list)
    for row in rows:
        network = by_uuid[row.network_uuid]
        nic = Nic(
            port_id=row.uuid,
            network_id=network.uuid,
            network_name=network.name,
            mac=row.mac,
            fixed_ips=tuple(map(_fixed_ip, its_addresses[row.uuid])),
            mtu=network.mtu,
            kind=kinds[network.uuid],
            bridge=network.bridge,
            security_groups=tuple(group.name for group in its_groups[row.uuid]),
            port_security=row.port_security,
            preserve=row.preserve,
            tag=row.tag,
        )
        found[row.instance_uuid].append(nic)
    return found


def refresh(connection: sa.Connection, instance_uuids: Sequence[str]) -> dict[str, list[Nic]]:
    """Write ``network_info`` of these servers anew, and return it.

    The servers' rows are held before their ports are read: of two who change ports, the second sees what the first did.
    """
    uuids = sorted(set(instance_uuids))
    for some in chunks(uuids):
        connection.execute(for_update(_SERVERS, connection), {"some": some}).all()
    found = nics(connection, uuids)
    rows = [{"of_uuid": uuid, "new_info": msgspec.json.encode(found.get(uuid, [])).decode()} for uuid in uuids]
    if rows:
        execute_many(connection, _WRITE, rows)
    return found


def hosts_of(connection: sa.Connection, instance_uuids: Collection[str]) -> dict[str, str | None]:
    """Return the host of each of these servers that are there."""
    found: dict[str, str | None] = {}
    for some in chunks(instance_uuids):
        select = sa.select(instances.c.uuid, instances.c.host).where(instances.c.uuid.in_(some))
        found.update(map(tuple, connection.execute(select)))
    return found


def servers_on(connection: sa.Connection, network_uuid: str) -> list[str]:
    """Return the servers with a port on the network."""
    select = sa.select(ports.c.instance_uuid).distinct()
    select = select.where(ports.c.network_uuid == network_uuid, ports.c.instance_uuid.is_not(None))
    return list(connection.execute(select).scalars())


def _fixed_ip(row: sa.Row) -> FixedIP:
    return FixedIP(
        address=row.address,
        subnet_id=row.subnet_uuid,
        cidr=row.cidr,
        gateway=row.gateway_ip,
        dns=tuple(msgspec.json.decode(row.dns_nameservers)),
        routes=tuple(map(tuple, msgspec.json.decode(row.host_routes))),
        dhcp=row.enable_dhcp,
        version=row.ip_version,
    )
