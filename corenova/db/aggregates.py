"""Host aggregates and the availability zones that they make. A host is in at most one zone; what changes a host's
aggregates is told to the schedulers (``hosts.touch``) in the same transaction.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db import hosts as db_hosts
from corenova.db.engine import now
from corenova.db.schema import aggregate_hosts, aggregates, instances
from corenova.exceptions import Conflict, InvalidInput, NotFound

ZONE = "availability_zone"
_decode = msgspec.json.Decoder(dict[str, str]).decode


class AggregateRow(msgspec.Struct, frozen=True, kw_only=True):
    """An aggregate with its hosts. Times are the database's seconds."""

    id: int
    uuid: str
    name: str
    metadata: dict[str, str]
    hosts: tuple[str, ...]
    created_at: float
    updated_at: float | None

    @property
    def zone(self) -> str | None:
        """The availability zone that the aggregate puts its hosts into."""
        return self.metadata.get(ZONE)


def list_aggregates(connection: sa.Connection) -> list[AggregateRow]:
    """Return all aggregates in order of insertion."""
    return _load(connection, sa.true())


def get(connection: sa.Connection, aggregate_id: int) -> AggregateRow:
    """Return one aggregate; raises NotFound."""
    found = _load(connection, aggregates.c.id == aggregate_id)
    if not found:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.")
    return found[0]


def _load(connection: sa.Connection, condition: sa.ColumnElement) -> list[AggregateRow]:
    rows = connection.execute(sa.select(aggregates).where(condition).order_by(aggregates.c.id)).all()
    hosts: dict[int, list[str]] = defaultdict(list)
    select = sa.select(aggregate_hosts).where(aggregate_hosts.c.aggregate_id.in_([row.id for row in rows]))
    for aggregate_id, host in connection.execute(select.order_by(aggregate_hosts.c.host)):
        hosts[aggregate_id].append(host)
    return [
        AggregateRow(
            id=row.id,
            uuid=row.uuid,
            name=row.name,
            metadata=_decode(row._mapping["metadata"]),
            hosts=tuple(hosts[row.id]),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def zones(connection: sa.Connection) -> dict[str, str]:
    """Return the zone of each host that an aggregate puts into one."""
    select = sa.select(aggregate_hosts.c.host, aggregates.c.metadata.label("text")).join_from(
        aggregate_hosts, aggregates, aggregate_hosts.c.aggregate_id == aggregates.c.id
    )
    found = {}
    for host, text in connection.execute(select.order_by(aggregates.c.id)):
        zone = _decode(text).get(ZONE)
        if zone:
            found.setdefault(host, zone)
    return found


def create(connection: sa.Connection, name: str, zone: str | None) -> AggregateRow:
    """Add an aggregate without hosts; raises Conflict when the name is taken."""
    _check_name(connection, name)
    metadata = {ZONE: zone} if zone else {}
    try:
        result = connection.execute(
            sa.insert(aggregates).values(
                uuid=str(uuid.uuid4()), name=name, metadata=_encode(metadata), created_at=now()
            )
        )
    except db_error.DBDuplicateEntry:
        raise Conflict(f"Aggregate {name} already exists.") from None
    return get(connection, result.inserted_primary_key[0])


def _check_name(connection: sa.Connection, name: str) -> None:
    if connection.execute(sa.select(aggregates.c.id).where(aggregates.c.name == name)).first():
        raise Conflict(f"Aggregate {name} already exists.")


def _encode(metadata: Mapping[str, str]) -> str:
    return msgspec.json.encode(metadata).decode()


def rename(connection: sa.Connection, aggregate_id: int, name: str) -> None:
    """Change the name; raises NotFound, or Conflict when the name is taken."""
    aggregate = get(connection, aggregate_id)
    if name != aggregate.name:
        _check_name(connection, name)
        _update(connection, aggregate, name=name)


def set_metadata(connection: sa.Connection, aggregate_id: int, changes: Mapping[str, str | None]) -> AggregateRow:
    """Add, change and (with None) remove metadata, the zone among it; returns the aggregate.

    :raises NotFound: no such aggregate.
    :raises InvalidInput: the zone cannot change: a host would be in two, or servers run in the old one.
    """
    aggregate = get(connection, aggregate_id)
    metadata = {**aggregate.metadata, **changes}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    if metadata.get(ZONE) != aggregate.zone:
        if metadata.get(ZONE) == "":
            raise InvalidInput(_cannot("update aggregate", aggregate_id, "availability zone name is empty."))
        _check_zone(connection, aggregate, metadata.get(ZONE))
    _update(connection, aggregate, metadata=_encode(metadata))
    return get(connection, aggregate_id)


def _check_zone(connection: sa.Connection, aggregate: AggregateRow, zone: str | None) -> None:
    reason = _conflict(connection, aggregate.hosts, zone, beside=aggregate.id)
    if reason is None and _have_instances(connection, aggregate.hosts):
        reason = "One or more hosts contain instances in this zone"
    if reason:
        raise InvalidInput(_cannot("update aggregate", aggregate.id, reason))


def _conflict(connection: sa.Connection, hosts: Iterable[str], zone: str | None, *, beside: int) -> str | None:
    """Tell why ``hosts`` cannot be in ``zone``, looking at all aggregates but ``beside``; None when they can."""
    if zone is None:
        return None
    others = (row for row in list_aggregates(connection) if row.id != beside)
    taken = sorted({row.zone for row in others if row.zone not in (None, zone) and set(row.hosts) & set(hosts)})
    return f"One or more hosts already in availability zone(s) {taken}." if taken else None


def _have_instances(connection: sa.Connection, hosts: Iterable[str]) -> bool:
    select = sa.select(instances.c.id).where(instances.c.host.in_(list(hosts)), instances.c.deleted.is_(False))
    return connection.execute(select.limit(1)).first() is not None


def _servers_would_move(connection: sa.Connection, host: str) -> str | None:
    """Tell why the zone of ``host`` cannot change; None when it can."""
    if not _have_instances(connection, (host,)):
        return None
    return f"The availability zone of {host} would change, but it has servers. Move them away first."


def _update(connection: sa.Connection, aggregate: AggregateRow, **values: object) -> None:
    connection.execute(sa.update(aggregates).where(aggregates.c.id == aggregate.id).values(updated_at=now(), **values))
    db_hosts.touch(connection, aggregate.hosts)


def add_host(connection: sa.Connection, aggregate_id: int, host: str) -> AggregateRow:
    """Put a host into an aggregate and return the aggregate.

    :raises NotFound: no such aggregate or host.
    :raises Conflict: the host is in it already, or it would be in two zones.
    """
    aggregate = get(connection, aggregate_id)
    if not db_hosts.known(connection, host):
        raise NotFound(f"Compute host {host} could not be found.")
    if host in aggregate.hosts:
        raise Conflict(f"Aggregate {aggregate_id} already has host {host}.")
    reason = _conflict(connection, (host,), aggregate.zone, beside=aggregate_id)
    if reason is None and aggregate.zone not in (None, zones(connection).get(host)):
        reason = _servers_would_move(connection, host)
    if reason:
        raise Conflict(_cannot("add host to aggregate", aggregate_id, reason))
    connection.execute(sa.insert(aggregate_hosts).values(aggregate_id=aggregate_id, host=host))
    _update(connection, aggregate)
    db_hosts.touch(connection, (host,))
    return get(connection, aggregate_id)


def remove_host(connection: sa.Connection, aggregate_id: int, host: str) -> AggregateRow:
    """Take a host out of an aggregate and return the aggregate.

    :raises NotFound: no such aggregate, or the host is not in it.
    :raises Conflict: the host would leave a zone in which it has servers.
    """
    aggregate = get(connection, aggregate_id)
    if host not in aggregate.hosts:
        raise NotFound(f"Cannot remove host {host} in aggregate {aggregate_id}")
    others = (row for row in list_aggregates(connection) if row.id != aggregate_id and host in row.hosts)
    if aggregate.zone and aggregate.zone not in {row.zone for row in others}:
        reason = _servers_would_move(connection, host)
        if reason:
            raise Conflict(_cannot("remove host from aggregate", aggregate_id, reason))
    forget_host(connection, host, aggregate_id=aggregate_id)
    return get(connection, aggregate_id)


def forget_host(connection: sa.Connection, host: str, *, aggregate_id: int | None = None) -> None:
    """Take a host out of one aggregate, or of all."""
    row = [aggregate_hosts.c.host == host]
    if aggregate_id is not None:
        row.append(aggregate_hosts.c.aggregate_id == aggregate_id)
    connection.execute(sa.delete(aggregate_hosts).where(*row))
    db_hosts.touch(connection, (host,))


def delete(connection: sa.Connection, aggregate_id: int) -> None:
    """Remove an aggregate.

    :raises NotFound: no such aggregate.
    :raises InvalidInput: it has hosts.
    """
    if get(connection, aggregate_id).hosts:
        raise InvalidInput(_cannot("remove aggregate", aggregate_id, "Host aggregate is not empty"))
    connection.execute(sa.delete(aggregates).where(aggregates.c.id == aggregate_id))


def _cannot(what: str, aggregate_id: int, reason: str) -> str:
    return f"Cannot {what} {aggregate_id}. Reason: {reason}"
