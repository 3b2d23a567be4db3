"""Hosts: their facts and inventories, and the claims on them.

A claim raises ``inventories.used`` by compare-and-swap (``used + n <= capacity`` in the statement itself), so no number
of schedulers can overcommit a host, whatever picture of it they decided on.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
import sqlalchemy as sa
from oslo_db.exception import RetryRequest

from corenova.db import provided, topologies
from corenova.db.engine import execute_many, now
from corenova.db.schema import (
    aggregate_hosts,
    aggregates,
    allocations,
    compute_nodes,
    host_topologies,
    instances,
    inventories,
    services,
)
from corenova.db.services import COMPUTE, up
from corenova.objects.host_row import Facts, HostRow
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.states import Step

_RAISE = (
    sa.update(inventories)
    .where(
        inventories.c.host == sa.bindparam("of_host"),
        inventories.c.resource_class == sa.bindparam("of_class"),
        inventories.c.used + sa.bindparam("amount") <= inventories.c.capacity,
    )
    .values(used=inventories.c.used + sa.bindparam("amount"))
)
_LOWER = (
    sa.update(inventories)
    .where(inventories.c.host == sa.bindparam("of_host"), inventories.c.resource_class == sa.bindparam("of_class"))
    .values(used=inventories.c.used - sa.bindparam("amount"))
)
_ALLOCATE = sa.insert(allocations)
_CHANGED = {"changed_at": now(), "revision": compute_nodes.c.revision + 1}
_TOUCH = sa.update(compute_nodes).where(compute_nodes.c.host == sa.bindparam("of_host")).values(_CHANGED)
_ACQUIT = (
    sa.update(compute_nodes)
    .where(compute_nodes.c.failed_builds > 0, compute_nodes.c.host.in_(sa.bindparam("of_hosts", expanding=True)))
    .values(failed_builds=0, **_CHANGED)
)


# Fleets are bought by the rack: few different facts, and they are the same object wherever they are equal.
decode_facts = lru_cache(maxsize=4096)(msgspec.json.Decoder(Facts).decode)


@lru_cache(maxsize=4096)
def _facts_with(text: str, given: tuple[str, ...]) -> Facts:
    facts = decode_facts(text)
    return msgspec.structs.replace(facts, traits=tuple(dict.fromkeys((*facts.traits, *given)))) if given else facts


def report(connection: sa.Connection, reports: Sequence[HostReport]) -> None:
    """Write what computes told of their hosts; a report that changes nothing writes nothing.

    Inventories that administrators gave to a host stand beside those, or in their place.
    """
    names = [r.host for r in reports]
    nodes = {r.host: r for r in connection.execute(sa.select(compute_nodes).where(compute_nodes.c.host.in_(names)))}
    stored: dict[str, dict[str, sa.Row]] = defaultdict(dict)
    for row in connection.execute(sa.select(inventories).where(inventories.c.host.in_(names))):
        stored[row.host][row.resource_class] = row
    # Read last: what was given meanwhile must not be taken for something that the compute no longer tells.
    given = provided.inventories(connection, names)
    changed, new_nodes, new_inventories, new_values, gone = set(), [], [], [], []
    for told in reports:
        values = _node_values(told)
        node = nodes.get(told.host)
        if node is None:
            new_nodes.append({"uuid": str(uuid.uuid4()), **values})
        elif any(getattr(node, key) != value for key, value in values.items()):
            connection.execute(sa.update(compute_nodes).where(compute_nodes.c.host == told.host).values(**values))
            changed.add(told.host)
        for resource_class, inventory in (told.inventories | given.get(told.host, {})).items():
            values = _inventory_values(inventory)
            row = stored[told.host].pop(resource_class, None)
            if row is None:
                new_inventories.append({"host": told.host, "resource_class": resource_class, "used": 0, **values})
            elif any(getattr(row, key) != value for key, value in values.items()):
                new_values.append({"of_host": told.host, "of_class": resource_class, **values})
                changed.add(told.host)
        gone += [(told.host, name) for name, row in stored[told.host].items() if row.used == 0]
    if new_nodes:
        stamp = sa.insert(compute_nodes).values(failed_builds=0, created_at=now(), changed_at=now())
        connection.execute(stamp, new_nodes)
    if new_inventories:
        connection.execute(sa.insert(inventories), new_inventories)
        changed |= {row["host"] for row in new_inventories} & nodes.keys()
    if new_values:
        by_key = (
            inventories.c.host == sa.bindparam("of_host"),
            inventories.c.resource_class == sa.bindparam("of_class"),
        )
        names = (*provided.INVENTORY_FIELDS, "capacity")
        connection.execute(
            sa.update(inventories).where(*by_key).values({name: sa.bindparam(name) for name in names}), new_values
        )
    for host, resource_class in gone:
        connection.execute(
            sa.delete(inventories).where(
                inventories.c.host == host, inventories.c.resource_class == resource_class, inventories.c.used == 0
            )
        )
        changed.add(host)
    changed |= topologies.report(connection, reports) & nodes.keys()
    touch(connection, changed)


def _inventory_values(inventory: Inventory) -> dict[str, object]:
    return {name: getattr(inventory, name) for name in provided.INVENTORY_FIELDS} | {"capacity": inventory.capacity}


def to_inventory(row: sa.Row) -> Inventory:
    """Return a row of ``inventories`` as plug-ins see it."""
    return Inventory(used=row.used, **{name: getattr(row, name) for name in provided.INVENTORY_FIELDS})


def put_inventory(connection: sa.Connection, host: str, resource_class: str, inventory: Inventory) -> None:
    """Write an inventory of a host; what is used of it stays. Its node must be locked."""
    key = (inventories.c.host == host, inventories.c.resource_class == resource_class)
    values = _inventory_values(inventory)
    if connection.execute(sa.select(inventories.c.host).where(*key)).first():
        connection.execute(sa.update(inventories).where(*key).values(**values))
    else:
        connection.execute(sa.insert(inventories).values(host=host, resource_class=resource_class, used=0, **values))


def drop_inventory(connection: sa.Connection, host: str, resource_class: str) -> bool:
    """Remove an inventory of a host unless something of it is used; False when it is."""
    key = (inventories.c.host == host, inventories.c.resource_class == resource_class)
    connection.execute(sa.delete(inventories).where(*key, inventories.c.used == 0))
    return connection.execute(sa.select(inventories.c.host).where(*key)).first() is None


def _node_values(told: HostReport) -> dict[str, object]:
    facts = Facts(
        traits=told.traits,
        supported_instances=told.supported_instances,
        cpu_info=told.cpu_info,
        abilities=told.abilities,
    )
    return {
        "host": told.host,
        "hypervisor_type": told.hypervisor_type,
        "hypervisor_version": told.hypervisor_version,
        "host_ip": told.host_ip,
        "facts": msgspec.json.encode(facts).decode(),
    }


def abilities(connection: sa.Connection, host: str) -> frozenset[str]:
    """Return what the driver of a host can do beyond the required verbs (flags of contracts.driver.Abilities)."""
    facts = connection.execute(sa.select(compute_nodes.c.facts).where(compute_nodes.c.host == host)).scalar()
    return frozenset(decode_facts(facts).abilities) if facts else frozenset()


def touch(connection: sa.Connection, hosts: Iterable[str]) -> None:
    """Let schedulers know, with their next look, that something about these hosts has changed."""
    names = [{"of_host": host} for host in hosts]
    if names:
        execute_many(connection, _TOUCH, names)


def claim(connection: sa.Connection, claims: Iterable[tuple[str, Mapping[str, int]]]) -> bool:
    """Raise ``used`` on hosts by these (host, resources) in sum. False when any of it does not fit: then roll back."""
    sums: Counter[tuple[str, str]] = Counter()
    for host, resources in claims:
        for resource_class, amount in resources.items():
            sums[host, resource_class] += amount
    if not sums:
        return True
    rows = [{"of_host": h, "of_class": c, "amount": n} for (h, c), n in sorted(sums.items())]  # one order: no deadlock
    return execute_many(connection, _RAISE, rows) == len(rows)


def allocate(connection: sa.Connection, rows: Iterable[tuple[str, str, Mapping[str, int]]]) -> None:
    """Record claims that were made: (instance uuid, host, resources)."""
    values = [
        {"instance_uuid": uuid, "host": host, "resource_class": resource_class, "used": amount}
        for uuid, host, resources in rows
        for resource_class, amount in resources.items()
    ]
    if values:
        execute_many(connection, _ALLOCATE, values)


def release(connection: sa.Connection, instance_uuids: Sequence[str]) -> None:
    """Give back all that these instances hold, topology included; those that hold nothing are no error."""
    held = connection.execute(sa.select(allocations).where(allocations.c.instance_uuid.in_(instance_uuids))).all()
    if held:
        _lower(connection, instance_uuids, held)
    freed = topologies.release(connection, instance_uuids)
    touch(connection, sorted({row.host for row in held} | freed))


def _lower(connection: sa.Connection, instance_uuids: Sequence[str], held: Sequence[sa.Row]) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    for row in held:
        sums[row.host, row.resource_class] += row.used
    gone = connection.execute(sa.delete(allocations).where(allocations.c.instance_uuid.in_(instance_uuids)))
    if gone.rowcount != len(held):
        raise RetryRequest(RuntimeError("somebody else has given the same claims back"))
    execute_many(connection, _LOWER, [{"of_host": h, "of_class": c, "amount": n} for (h, c), n in sorted(sums.items())])


def blame(connection: sa.Connection, host: str) -> None:
    """One more build has failed on ``host``."""
    connection.execute(
        sa.update(compute_nodes)
        .where(compute_nodes.c.host == host)
        .values(failed_builds=compute_nodes.c.failed_builds + 1, **_CHANGED)
    )


def acquit(connection: sa.Connection, names: Iterable[str]) -> None:
    """Builds have succeeded on these hosts: the count of failures in a row starts anew."""
    connection.execute(_ACQUIT, {"of_hosts": sorted(set(names))})


def snapshot(
    connection: sa.Connection,
    *,
    down_time_s: float,
    hosts: Sequence[str] | None = None,
) -> list[HostRow]:
    """Return the hosts with all that belongs to them, in order of their id.

    :param hosts: only these.
    """
    wanted = sa.select(compute_nodes.c.host)
    if hosts is not None:
        wanted = wanted.where(compute_nodes.c.host.in_(hosts))

    def of(column: sa.Column) -> sa.ColumnElement:
        return sa.true() if hosts is None else column.in_(wanted)

    nodes = connection.execute(
        sa.select(
            compute_nodes,
            services.c.id.label("service_id"),
            services.c.uuid.label("service_uuid"),
            services.c.address,
            services.c.disabled,
            services.c.disabled_reason,
            sa.type_coerce(up(down_time_s), sa.Boolean).label("is_up"),
        )
        .outerjoin_from(compute_nodes, services, _ITS_SERVICE)
        .where(of(compute_nodes.c.host))
        .order_by(compute_nodes.c.id)
    ).all()
    if not nodes:
        return []
    held: dict[str, dict[str, Inventory]] = defaultdict(dict)
    for row in connection.execute(sa.select(inventories).where(of(inventories.c.host))):
        held[row.host][row.resource_class] = to_inventory(row)
    given = provided.traits(connection, hosts)
    building = sa.func.sum(sa.case((instances.c.step == Step.BUILD, 1), else_=0))
    counts = {
        row[0]: (row[1], int(row[2]))
        for row in connection.execute(
            sa.select(instances.c.host, sa.func.count(), building)
            .where(instances.c.deleted.is_(False), instances.c.host.is_not(None), of(instances.c.host))
            .group_by(instances.c.host)
        )
    }
    memberships: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in connection.execute(
        sa.select(aggregate_hosts.c.host, aggregates.c.name, aggregates.c.metadata).join_from(
            aggregate_hosts, aggregates, aggregate_hosts.c.aggregate_id == aggregates.c.id
        )
    ):
        memberships[row.host].append((row.name, row.metadata))
    held_topologies = topologies.of_hosts(connection, of(host_topologies.c.host))
    return [
        HostRow(
            id=node.id,
            uuid=node.uuid,
            host=node.host,
            hypervisor_type=node.hypervisor_type,
            hypervisor_version=node.hypervisor_version,
            host_ip=node.host_ip,
            facts=_facts_with(node.facts, given.get(node.host, ())),
            failed_builds=node.failed_builds,
            changed_at=node.changed_at,
            revision=node.revision,
            address=node.address or "",
            service_id=node.service_id,
            service_uuid=node.service_uuid,
            disabled=bool(node.disabled) if node.disabled is not None else True,
            disabled_reason=node.disabled_reason,
            is_up=bool(node.is_up),
            inventories=held[node.host],
            num_instances=counts.get(node.host, (0, 0))[0],
            num_io_ops=counts.get(node.host, (0, 0))[1],
            aggregates=tuple(memberships.get(node.host, ())),
            topology=held_topologies.get(node.host),
        )
        for node in nodes
    ]


def known(connection: sa.Connection, host: str) -> bool:
    """Tell whether a compute has ever reported this host."""
    return connection.execute(sa.select(compute_nodes.c.id).where(compute_nodes.c.host == host)).first() is not None


def forget(connection: sa.Connection, host: str) -> None:
    """Remove a host's node and inventories (its service was deleted and nothing is claimed there)."""
    connection.execute(sa.delete(inventories).where(inventories.c.host == host, inventories.c.used == 0))
    topologies.forget(connection, host)
    provided.forget(connection, host)
    connection.execute(sa.delete(compute_nodes).where(compute_nodes.c.host == host))


_ITS_SERVICE = sa.and_(services.c.host == compute_nodes.c.host, services.c.binary == COMPUTE)


def census(connection: sa.Connection) -> tuple[int, int]:
    """Return how many hosts there are, and the highest id: by these one sees that hosts have come or gone."""
    count, highest = connection.execute(sa.select(sa.func.count(), sa.func.max(compute_nodes.c.id))).one()
    return count, highest or 0


def changed(connection: sa.Connection, since: float) -> Sequence[sa.Row]:
    """Return (host, uuid, revision, changed_at) of hosts touched at or after a moment of the database's clock."""
    c = compute_nodes.c
    return connection.execute(sa.select(c.host, c.uuid, c.revision, c.changed_at).where(c.changed_at >= since)).all()


def out_of_service(connection: sa.Connection, *, down_time_s: float) -> dict[str, tuple[bool, bool, str | None]]:
    """Return ``{host: (is_up, disabled, disabled_reason)}`` of hosts that are down or disabled.

    A service falls silent without touching anything, by the mere passing of time; so this is asked every time.
    """
    is_up = sa.type_coerce(up(down_time_s), sa.Boolean).label("is_up")
    found = (
        sa.select(compute_nodes.c.host, is_up, services.c.disabled, services.c.disabled_reason)
        .outerjoin_from(compute_nodes, services, _ITS_SERVICE)
        .where(sa.or_(services.c.id.is_(None), services.c.disabled.is_(True), sa.not_(up(down_time_s))))
    )
    return {
        row.host: (bool(row.is_up), True if row.disabled is None else bool(row.disabled), row.disabled_reason)
        for row in connection.execute(found)
    }


def builds(connection: sa.Connection) -> dict[str, int]:
    """Return how many builds are under way on each host that has any."""
    c = instances.c
    found = sa.select(c.host, sa.func.count()).where(c.step == Step.BUILD, c.host.is_not(None)).group_by(c.host)
    return dict(connection.execute(found).all())
