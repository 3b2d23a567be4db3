"""Rows of instances: insert, show, list. The work that a row carries is in db/work.py."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.engine import execute_many, now
from corenova.db.schema import instance_faults, instances, services
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.instance import Instance
from corenova.objects.network import Nic
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.states import BUILDING, SCHEDULING, PowerState, Step
from corenova.objects.topology import TopologyClaim

decode_flavor = msgspec.json.Decoder(Flavor).decode
decode_image = msgspec.json.Decoder(ImageMeta).decode
decode_spec = msgspec.json.Decoder(RequestSpec).decode
decode_nics = msgspec.json.Decoder(tuple[Nic, ...]).decode
_decode_dict = msgspec.json.Decoder(dict[str, str]).decode

_FAULT_COLUMNS = (
    instance_faults.c.code.label("fault_code"),
    instance_faults.c.message.label("fault_message"),
    instance_faults.c.details.label("fault_details"),
    instance_faults.c.created_at.label("fault_created_at"),
)
# What the API never shows stays in the database: a spec or user_data of 64 KB a row would be read for nothing.
_SHOWN = [c for c in instances.c if c.name not in ("spec", "alternates", "user_data", "key_data", "step_args")]
_VIEW = sa.select(*_SHOWN, *_FAULT_COLUMNS).outerjoin_from(
    instances, instance_faults, instances.c.uuid == instance_faults.c.instance_uuid
)
SORT_KEYS = {
    "access_ip_v4": None, "access_ip_v6": None, "auto_disk_config": None, "config_drive": "config_drive",
    "created_at": "created_at", "display_description": "display_description", "display_name": "display_name",
    "host": "host", "hostname": "hostname", "image_ref": None, "instance_type_id": None, "kernel_id": None,
    "key_name": "key_name", "launch_index": "launch_index", "launched_at": "launched_at", "node": "host",
    "power_state": "power_state", "project_id": "project_id", "ramdisk_id": None, "root_device_name": None,
    "task_state": "task_state", "terminated_at": "terminated_at", "updated_at": "updated_at", "user_id": "user_id",
    "uuid": "uuid", "vm_state": "vm_state", "id": "id", "locked": "locked_by", "availability_zone": "availability_zone",
}  # fmt: skip
"""Nova's sort keys and our column; None for a key that we accept but that sorts nothing."""


class InstanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to list. None means: do not look at this.

    :param ip4_regex, ip6_regex: matched from its beginning with each IPv4 address, or IPv6 address; one that matches is
        enough (Nova's filters ip and ip6).
    :param vm_states: wanted vm_states, each with the wanted task_states or None for any (objects.states.vm_states_of).
    :param name_regex: searched in the display name (Nova: a regular expression).
    :param changes_since: seconds since the epoch; includes deleted instances when ``deleted`` is None.
    :param sort: (column, "asc" or "desc") pairs; ``id`` is always the last one.
    :param marker: uuid of the last instance of the page before.
    """

    project_id: str | None = None
    user_id: str | None = None
    deleted: bool | None = False
    name_regex: str | None = None
    ip4_regex: str | None = None
    ip6_regex: str | None = None
    vm_states: dict[str, tuple[str | None, ...] | None] | None = None
    task_state: str | None = None
    power_state: int | None = None
    host: str | None = None
    hosts: tuple[str, ...] | None = None
    flavorid: str | None = None
    image_id: str | None = None
    reservation_id: str | None = None
    availability_zone: str | None = None
    locked: bool | None = None
    key_name: str | None = None
    config_drive: bool | None = None
    description: str | None = None
    hostname: str | None = None
    launch_index: int | None = None
    tags_all: tuple[str, ...] = ()
    uuids: tuple[str, ...] | None = None
    changes_since: float | None = None
    changes_before: float | None = None
    sort: tuple[tuple[str, str], ...] = (("created_at", "desc"),)
    marker: str | None = None
    limit: int | None = None


_INSERT = sa.insert(instances).values(
    vm_state=BUILDING,
    task_state=SCHEDULING,
    power_state=PowerState.NOSTATE,
    step=Step.SCHEDULE,
    created_at=now(),
    updated_at=now(),
    lease_until=now() + sa.bindparam("hint_grace_s"),
    deadline=now() + sa.bindparam("deadline_s"),
    deleted=False,
    generation=0,
    attempts=0,
)


def insert(connection: sa.Connection, rows: Sequence[dict]) -> None:
    """Insert instances that wait to be scheduled: whole rows (see schema.instances) but for state and times.

    All with the same keys, ``deadline_s`` and ``hint_grace_s`` (seconds from now) among them.
    """
    execute_many(connection, _INSERT, rows)


def existing(connection: sa.Connection, uuids: Sequence[str]) -> Sequence[str]:
    """Return those of ``uuids`` that are instances."""
    return connection.execute(sa.select(instances.c.uuid).where(instances.c.uuid.in_(uuids))).scalars().all()


def hosts_of(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, str]:
    """Return ``{uuid: host}`` of those of these instances that are somewhere."""
    c = instances.c
    found = sa.select(c.uuid, c.host).where(c.uuid.in_(uuids), c.deleted.is_(False), c.host.is_not(None))
    return dict(connection.execute(found).all())


def sharing_properties(connection: sa.Connection, properties: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return, by property, how many instances on each host have an image with the same value of it."""
    c = instances.c
    there = (c.deleted.is_(False), c.host.is_not(None))
    found = {}
    for name, value in properties.items():
        # As msgspec writes it: keys in a fixed order, no blanks.
        text = f"{msgspec.json.encode(name).decode()}:{msgspec.json.encode(value).decode()}"
        shared = sa.select(c.host, sa.func.count()).where(*there, c.image.contains(text, autoescape=True))
        found[name] = dict(connection.execute(shared.group_by(c.host)).all())
    return found


_GET = _VIEW.where(instances.c.uuid == sa.bindparam("of_uuid"), instances.c.deleted.is_(False))


def get(connection: sa.Connection, uuid: str, *, project_id: str | None = None, deleted: bool = False) -> sa.Row:
    """Return one row; the fault is in ``fault_code``, ``fault_message``, ``fault_details``, ``fault_created_at``.

    :param project_id: look only among this project's; None looks everywhere.
    :param deleted: find deleted instances too.
    :raises NotFound: there is none that may be seen.
    """
    query = _VIEW.where(instances.c.uuid == sa.bindparam("of_uuid")) if deleted else _GET
    row = connection.execute(query, {"of_uuid": uuid}).first()
    if row is None or (project_id is not None and row.project_id != project_id):
        raise NotFound(f"Instance {uuid} could not be found.")
    return row


def user_data(connection: sa.Connection, uuid: str) -> str | None:
    """Return the user data of an instance, which the other queries leave out."""
    return connection.execute(sa.select(instances.c.user_data).where(instances.c.uuid == uuid)).scalar()


def find(connection: sa.Connection, query: InstanceQuery) -> Sequence[sa.Row]:
    """Return the rows that match, in order; the columns are those of :func:`get`.

    :raises InvalidInput: unknown marker, unusable regular expression.
    """
    select = _VIEW.where(*_conditions(query))
    order = [(instances.c[key], direction) for key, direction in query.sort]
    order.append((instances.c.id, query.sort[0][1] if query.sort else "desc"))
    if query.marker is not None:
        select = select.where(_after(connection, query.marker, order))
    select = select.order_by(*(column.asc() if way == "asc" else column.desc() for column, way in order))
    tests = _tests(query)
    if not tests:
        return connection.execute(select.limit(query.limit)).all()
    matching = (row for row in connection.execute(select) if all(test(row) for test in tests))
    return list(itertools.islice(matching, query.limit))


def _tests(query: InstanceQuery) -> list[Callable[[sa.Row], object]]:
    """Return what is asked with regular expressions, which each database would read as its own dialect."""
    tests: list[Callable[[sa.Row], object]] = []
    if query.name_regex is not None:
        named = _pattern("name", query.name_regex).search
        tests.append(lambda row: named(row.display_name))
    patterns = {
        version: _pattern(name, text).match
        for version, name, text in ((4, "ip", query.ip4_regex), (6, "ip6", query.ip6_regex))
        if text is not None
    }
    if patterns:
        tests.append(lambda row: _has_address(row, patterns))
    return tests


def _pattern(name: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidInput(f"Invalid regular expression in {name}: {error}.") from None


def _has_address(row: sa.Row, patterns: Mapping[int, Callable[[str], object]]) -> bool:
    ips = (ip for nic in nics_of(row) for ip in nic.fixed_ips)
    return any(ip.version in patterns and patterns[ip.version](ip.address) for ip in ips)


_EQUAL = (
    "project_id", "user_id", "deleted", "task_state", "power_state", "host", "reservation_id", "availability_zone",
    "key_name", "config_drive", "hostname", "launch_index",
)  # fmt: skip


def _conditions(query: InstanceQuery) -> list[sa.ColumnElement]:
    conditions = [instances.c[name] == value for name in _EQUAL if (value := getattr(query, name)) is not None]
    if query.vm_states is not None:
        conditions.append(
            sa.or_(*(_state(*pair) for pair in query.vm_states.items())) if query.vm_states else sa.false()
        )
    if query.hosts is not None:
        conditions.append(instances.c.host.in_(query.hosts))
    if query.uuids is not None:
        conditions.append(instances.c.uuid.in_(query.uuids))
    if query.description is not None:
        conditions.append(instances.c.display_description.contains(query.description, autoescape=True))
    if query.locked is not None:
        conditions.append(instances.c.locked_by.is_not(None) if query.locked else instances.c.locked_by.is_(None))
    if query.changes_since is not None:
        conditions.append(instances.c.updated_at >= query.changes_since)
    if query.changes_before is not None:
        conditions.append(instances.c.updated_at <= query.changes_before)
    # flavor, image and tags are JSON that msgspec wrote: keys in a fixed order, no blanks.
    for column, prefix, value in (("flavor", '{"flavorid":', query.flavorid), ("image", '{"id":', query.image_id)):
        if value is not None:
            text = prefix + msgspec.json.encode(value).decode() + ","
            conditions.append(instances.c[column].startswith(text, autoescape=True))
    for tag in query.tags_all:
        conditions.append(instances.c.tags.contains(msgspec.json.encode(tag).decode(), autoescape=True))
    return conditions


def _state(vm_state: str, task_states: tuple[str | None, ...] | None) -> sa.ColumnElement:
    condition = instances.c.vm_state == vm_state
    return condition if task_states is None else sa.and_(condition, instances.c.task_state.in_(task_states))


def _after(connection: sa.Connection, marker: str, order: list[tuple[sa.Column, str]]) -> sa.ColumnElement:
    """Return the condition for rows behind ``marker`` in ``order``. NULL sorts as the smallest value."""
    row = connection.execute(sa.select(*(column for column, _ in order)).where(instances.c.uuid == marker)).first()
    if row is None:
        raise InvalidInput(f"marker [{marker}] not found")
    alternatives, equal = [], []
    for (column, way), value in zip(order, row, strict=True):
        if value is None:
            beyond = column.is_not(None) if way == "asc" else sa.false()
        else:
            beyond = column > value if way == "asc" else sa.or_(column < value, column.is_(None))
        alternatives.append(sa.and_(*equal, beyond))
        equal.append(column.is_(None) if value is None else column == value)
    return sa.or_(*alternatives)


def nics_of(row: sa.Row) -> tuple[Nic, ...]:
    """Return the network interfaces of an instance, as its row says."""
    return decode_nics(row.network_info) if row.network_info else ()


def with_ports(connection: sa.Connection, address: str, uuids: Sequence[str] | None = None) -> dict[str, str]:
    """Return, of the instances that have ports on the hosts of the compute at ``address``, ``{uuid: host}``.

    :param uuids: only of these; None: of all.
    """
    its_hosts = sa.select(services.c.host).where(services.c.address == address)
    c = instances.c
    select = sa.select(c.uuid, c.host).where(c.host.in_(its_hosts), c.deleted.is_(False), c.network_info.is_not(None))
    if uuids is not None:
        select = select.where(c.uuid.in_(uuids))
    return dict(connection.execute(select).all())


def update(connection: sa.Connection, uuid: str, **values: object) -> None:
    """Set columns that are not part of the work item (name, description, metadata ...)."""
    connection.execute(sa.update(instances).where(instances.c.uuid == uuid).values(**values))


def to_instance(row: sa.Row, topology: TopologyClaim | None = None) -> Instance:
    """Return the value that travels to computes, drivers and hooks; ``topology`` is what it holds of its host's."""
    return Instance(
        uuid=row.uuid,
        display_name=row.display_name,
        hostname=row.hostname,
        project_id=row.project_id,
        user_id=row.user_id,
        flavor=decode_flavor(row.flavor),
        image=decode_image(row.image) if row.image else None,
        host=row.host,
        vm_state=row.vm_state,
        task_state=row.task_state,
        power_state=row.power_state,
        generation=row.generation,
        metadata=_decode_dict(row.metadata),
        topology=topology,
    )


def changed(connection: sa.Connection, changes: Iterable[tuple[str, str | None]]) -> list[tuple[Instance, str | None]]:
    """Return, for (uuid, vm_state before), the instances as they are now, deleted or not: what listeners hear."""
    return [(to_instance(get(connection, uuid, deleted=True)), old_vm_state) for uuid, old_vm_state in changes]
