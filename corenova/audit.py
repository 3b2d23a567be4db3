"""The invariants, held against a database and what runs beside it: for tests and for ``corenova-manage audit``.

I1 rows are at rest or worked on; I2 claims are what servers ask for; I3 hosts add up and are not overcommitted; I4
guests are those of the rows; I5 quota counters are counts; I6 nothing is left behind; I7 history is whole; I8 nothing
is past its deadline; I9 processes stay small. What one SELECT can tell is a line of ``_RULES``; the rest follows it.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce

import msgspec
import sqlalchemy as sa

from corenova.db import actions, deployment, instances, ports, schema, topologies
from corenova.db.engine import Database
from corenova.db.engine import now as db_now
from corenova.db.services import CONDUCTOR
from corenova.db.work import HINT_GRACE_S
from corenova.exceptions import Unavailable
from corenova.objects import states
from corenova.objects.request_spec import RequestSpec
from corenova.objects.states import ACTIONS, SYNC_POWER, Step
from corenova.objects.topology import TopologyClaim, TopologyUse, with_claim
from corenova.objects.work import HostGuests

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9")
MOST_THREADS = 1000
MOST_OPEN_FILES = 4000
"""What one process may have: far above what the defaults need, far below what a leak reaches."""
_SWEEPS_TO_WAKE, _SWEEPS_TO_END = 4, 2
"""Sweeps after which unattended work, or work past its deadline, should have been seen by one."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. ``invariant`` and ``subject`` (a uuid, a host ...) are its identity."""

    invariant: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.text}"


class ProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of itself; None where it does not know."""

    kind: str
    address: str
    threads: int | None = None
    open_files: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What two looks have both seen, and which checks could not be made and why."""

    findings: list[Finding]
    skipped: list[str]


LookAtGuests = Callable[[], Sequence[HostGuests] | None]
LookAtProcesses = Callable[[], Sequence[ProcessFacts] | None]


def audit(
    db: Database,
    look_at_guests: LookAtGuests,
    *,
    look_at_processes: LookAtProcesses = lambda: None,
    down_time_s: float = 60.0,
    sweep_interval_s: float = 5.0,
    pause_s: float = 2.0,
) -> Report:
    """Look twice, ``pause_s`` apart, and report what both looks have found: work under way looks odd for a moment.

    A first look that finds nothing is the only one. Nothing is written.

    :param look_at_guests: returns what runs on every host that can be asked, None when nobody can be asked; may raise
        Unavailable, whose words become the reason. ``look_at_processes`` likewise.
    """

    def look() -> Report:
        skipped: list[str] = []
        guests = _asked(look_at_guests, "I4 guests", skipped)
        processes = _asked(look_at_processes, "I9 processes", skipped)

        def read(connection: sa.Connection) -> Report:
            if not db.is_sqlite:  # one picture for all statements; SQLite's readers have that anyway
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            told = {"guests": guests, "down_time_s": down_time_s, "sweep_interval_s": sweep_interval_s}
            return Report(
                findings=check(connection, processes=processes, **told),
                skipped=skipped + unchecked(connection, **told),
            )

        return db.read(read)

    first = look()
    if not first.findings:
        return first
    time.sleep(pause_s)
    again, known = look(), {(f.invariant, f.subject) for f in first.findings}
    return Report(findings=[f for f in again.findings if (f.invariant, f.subject) in known], skipped=again.skipped)


def _asked(look: Callable[[], Sequence | None], what: str, skipped: list[str]) -> Sequence | None:
    try:
        told = look()
        reason = "no service answers"
    except Unavailable as error:
        told, reason = None, str(error)
    if told is None:
        skipped.append(f"{what}: {reason}")
    return told


def check(
    connection: sa.Connection,
    *,
    guests: Sequence[HostGuests] | None = None,
    processes: Sequence[ProcessFacts] | None = None,
    down_time_s: float = 60.0,
    sweep_interval_s: float = 5.0,
    now: float | None = None,
) -> list[Finding]:
    """Look once and return all that is odd, also what is odd for a moment only.

    :param guests: all guests of the hosts that were asked; hosts that are not named are not judged. None: none was.
    :param down_time_s: a service that has been silent for longer is down.
    :param sweep_interval_s: how often conductors look for unattended work.
    :param now: the moment to judge lateness at, in seconds of the database's clock; None: now.
    """
    clock = _clock(connection, now)
    swept = _is_swept(connection, clock, down_time_s, sweep_interval_s)
    moments = {
        "forgotten_before": clock - _wake_s(sweep_interval_s),
        "overdue_before": clock - _SWEEPS_TO_END * sweep_interval_s,
    }
    found = [
        Finding(rule.invariant, row.subject, rule.text.format_map(row._mapping))
        for rule in _RULES
        if swept or not rule.of_sweeper
        for row in connection.execute(rule.select, moments)
    ]
    servers = connection.execute(_SERVERS).all()
    found += _claims(connection, servers)
    found += _topologies(connection, servers)
    found += _quota(connection)
    found += _network_info(connection)
    if guests is not None:
        found += _guests(servers, guests, deployment.get(connection, "id"))
    found += _processes(processes or ())
    return sorted(found, key=lambda finding: (finding.invariant, finding.subject))


def unchecked(
    connection: sa.Connection,
    *,
    guests: Sequence[HostGuests] | None,
    down_time_s: float,
    sweep_interval_s: float,
    now: float | None = None,
) -> list[str]:
    """Return one sentence for each check that :func:`check` leaves out for what it is given."""
    sentences = []
    if not _is_swept(connection, _clock(connection, now), down_time_s, sweep_interval_s):
        wake_s = _wake_s(sweep_interval_s)
        sentences.append(f"I1 leases, I8 deadlines: no conductor has been up for the last {wake_s:.0f} s")
    if guests is not None:
        told = {host.host for host in guests}
        t = schema.instances.c
        used = sa.select(t.host).distinct().where(t.deleted.is_(False), t.host.is_not(None))
        silent = sorted(set(connection.execute(used).scalars()) - told)
        if silent:
            more = ", ..." if len(silent) > 3 else ""
            named = ", ".join(silent[:3]) + more
            sentences.append(f"I4 guests of {len(silent)} hosts with servers: nobody tells of them ({named})")
    return sentences


def _clock(connection: sa.Connection, now: float | None) -> float:
    return float(connection.execute(sa.select(db_now())).scalar()) if now is None else now


def _wake_s(sweep_interval_s: float) -> float:
    return HINT_GRACE_S + _SWEEPS_TO_WAKE * sweep_interval_s


def _is_swept(connection: sa.Connection, clock: float, down_time_s: float, sweep_interval_s: float) -> bool:
    """Whether a conductor has been there for long enough to have seen what is late: else it only has to wait."""
    s = schema.services.c
    swept = sa.select(s.id).where(
        s.binary == CONDUCTOR,
        s.forced_down.is_(False),
        s.last_seen_at > clock - down_time_s,
        s.updated_at < clock - _wake_s(sweep_interval_s),  # written when it registers
    )
    return connection.execute(swept.limit(1)).first() is not None


# What one SELECT can tell. Its ``subject`` names the finding, its columns fill the text.


class _Rule(msgspec.Struct, frozen=True):
    invariant: str
    text: str
    select: sa.Select
    of_sweeper: bool = False


_i, _e = schema.instances.c, schema.instance_action_events.c
_STATE = "vm_state {vm_state}, task_state {task_state}"


def _row(invariant: str, text: str, *conditions: sa.ColumnElement, of_sweeper: bool = False) -> _Rule:
    return _Rule(invariant, text, sa.select(schema.instances, _i.uuid.label("subject")).where(*conditions), of_sweeper)


def _steps() -> Iterator[tuple[str, tuple[str, ...], tuple[str | None, ...], bool]]:
    """Yield, for each step, the vm_states and task_states that a row with it may have, and whether it has a host."""
    yield Step.SCHEDULE, (states.BUILDING,), (states.SCHEDULING,), False
    yield Step.BUILD, (states.BUILDING,), states.BUILD_TASKS, True
    for step, action in ACTIONS.items():
        # The power sync asks for more than users may.
        synced = tuple(vm_state for (vm_state, _), wanted in SYNC_POWER.items() if wanted == step)
        yield step, (*action.vm_states, *synced) if action.vm_states else states.VM_STATES, (action.task_state,), True


def _misshapen(step: str, vm_states: Sequence, task_states: Sequence, has_host: bool) -> _Rule:
    fits = sa.and_(
        _i.vm_state.in_(vm_states),
        sa.func.coalesce(_i.task_state, "").in_([task or "" for task in task_states]),
        _i.host.is_not(None) if has_host else _i.host.is_(None),
    )
    text = f"step {step} does not go with {_STATE}, host {{host}}"
    return _row("I1", text, _i.step == step, _i.deleted.is_(False), sa.not_(fits))


def _of_nobody(table: sa.Table, what: str) -> _Rule:
    """Rows of a table that name an instance which does not exist."""
    uuid = table.c.instance_uuid
    joined = sa.select(uuid.label("subject")).distinct().outerjoin_from(table, schema.instances, _i.uuid == uuid)
    return _Rule("I6", f"there is {what} of an unknown instance", joined.where(_i.uuid.is_(None)))


def _events(text: str, *conditions: sa.ColumnElement) -> _Rule:
    joined = sa.select(_e.event, _e.result, _e.host, _e.instance_uuid.label("subject")).join_from(
        schema.instance_action_events, schema.instances, _i.uuid == _e.instance_uuid
    )
    return _Rule("I7", text, joined.where(*conditions))


def _with_action(*on: sa.ColumnElement) -> sa.Join:
    action = schema.instance_actions.c
    return sa.outerjoin(
        schema.instances,
        schema.instance_actions,
        sa.and_(action.instance_uuid == _i.uuid, action.action == "create", *on),
    )


_v, _a, _f, _d = schema.inventories.c, schema.instance_actions.c, schema.instance_faults.c, schema.decisions.c
_CLAIMED = (
    sa.select(
        schema.allocations.c.host,
        schema.allocations.c.resource_class,
        sa.func.sum(schema.allocations.c.used).label("claimed"),
    )
    .group_by(schema.allocations.c.host, schema.allocations.c.resource_class)
    .subquery("claimed")
)
_SAME_CLASS = sa.and_(_CLAIMED.c.host == _v.host, _CLAIMED.c.resource_class == _v.resource_class)
_SUM = sa.func.coalesce(_CLAIMED.c.claimed, 0)
_HOSTS = sa.select(
    (_v.host + " " + _v.resource_class).label("subject"), _v.used, _v.capacity, _SUM.label("claimed")
).outerjoin_from(schema.inventories, _CLAIMED, _SAME_CLASS)
_p, _pa = schema.ports.c, schema.port_addresses.c
_GIVEN = sa.select((_p.network_uuid + " " + _pa.address).label("subject"), sa.func.count().label("count")).join_from(
    schema.port_addresses, schema.ports, _p.uuid == _pa.port_uuid
)
_STEPLESS = _i.step.is_(None)
_FAILED = sa.and_(_i.vm_state == states.ERROR, _i.deleted.is_(False))

_RULES = (
    _row("I1", "vm_state {vm_state} is none that there is", _i.vm_state.not_in(states.VM_STATES)),
    _row("I1", "deleted is {deleted} and vm_state {vm_state}", _i.deleted != (_i.vm_state == states.DELETED)),
    _row("I1", "it is deleted and has step {step}", _i.deleted.is_(True), _i.step.is_not(None)),
    _row("I1", "it has no step and task_state {task_state}", _STEPLESS, _i.task_state.is_not(None)),
    _row("I1", "it has no step and owner {owner}", _STEPLESS, _i.owner.is_not(None)),
    _row("I1", "it has no step and something to do it with", _STEPLESS, _i.step_args.is_not(None)),
    _row("I1", "it is building and has no step", _STEPLESS, _i.vm_state == states.BUILDING),
    _row("I1", "step {step} is none that there is", _i.step.not_in([step for step, *_ in _steps()])),
    *(_misshapen(*line) for line in _steps()),
    _row(
        "I1",
        f"step {{step}} ({_STATE}, owner {{owner}}) is forgotten: no sweep has taken it up",
        _i.step.is_not(None),
        _i.lease_until > 0,  # 0: freed by a restart, nobody knows when
        _i.lease_until < sa.bindparam("forgotten_before"),
        of_sweeper=True,
    ),
    _Rule("I3", "used is {used}, its allocations are {claimed}", _HOSTS.where(_v.used != _SUM)),
    _Rule("I3", "used is {used} of a capacity of {capacity} (was it lowered?)", _HOSTS.where(_v.used > _v.capacity)),
    _Rule(
        "I3",
        "{claimed} allocated, and the host has no such inventory",
        sa.select((_CLAIMED.c.host + " " + _CLAIMED.c.resource_class).label("subject"), _CLAIMED.c.claimed)
        .outerjoin_from(_CLAIMED, schema.inventories, _SAME_CLASS)
        .where(_v.host.is_(None)),
    ),
    _Rule(
        "I6",
        "there is a decision of an instance that is deleted or unknown",
        sa.select(_d.instance_uuid.label("subject"))
        .outerjoin_from(schema.decisions, schema.instances, _i.uuid == _d.instance_uuid)
        .where(sa.or_(_i.uuid.is_(None), _i.deleted.is_(True))),
    ),
    _of_nobody(schema.instance_faults, "a fault"),
    _of_nobody(schema.instance_actions, "an action"),
    _of_nobody(schema.instance_action_events, "an action event"),
    _row("I6", "it is deleted and still has its spec", _i.deleted.is_(True), _i.spec.is_not(None)),
    _Rule(
        "I6",
        "a port is bound to server {server}, which is deleted or unknown",
        sa.select(_p.uuid.label("subject"), _p.instance_uuid.label("server"))
        .outerjoin_from(schema.ports, schema.instances, _i.uuid == _p.instance_uuid)
        .where(_p.instance_uuid.is_not(None), sa.or_(_i.uuid.is_(None), _i.deleted.is_(True))),
    ),
    _Rule(
        "I6",
        "there is address {address} of an unknown port",
        sa.select(_pa.port_uuid.label("subject"), _pa.address)
        .outerjoin_from(schema.port_addresses, schema.ports, _p.uuid == _pa.port_uuid)
        .where(_p.uuid.is_(None)),
    ),
    _Rule(
        "I6",
        "{count} ports of the network have this address",
        _GIVEN.group_by(_p.network_uuid, _pa.address).having(sa.func.count() > 1),
    ),
    _Rule(
        "I7",
        "it has no create action",
        sa.select(_i.uuid.label("subject")).select_from(_with_action()).where(_a.id.is_(None)),
    ),
    _Rule(
        "I7",
        "it is in ERROR and no fault says why",
        sa.select(_i.uuid.label("subject"))
        .outerjoin_from(schema.instances, schema.instance_faults, _f.instance_uuid == _i.uuid)
        .where(_FAILED, sa.func.coalesce(sa.func.trim(_f.message), "") == ""),
    ),
    _Rule(
        "I7",
        "its create failed and the action does not say so",
        sa.select(_i.uuid.label("subject"))
        .select_from(_with_action(_a.request_id == _i.request_id))
        .where(_FAILED, _STEPLESS, _i.launched_at.is_(None), _a.id.is_not(None))
        .where(sa.func.coalesce(_a.message, "") != actions.ERROR),
    ),
    _events("event {event} has ended and has no result", _e.finish_time.is_not(None), _e.result.is_(None)),
    _events("event {event} has result {result} and no end", _e.finish_time.is_(None), _e.result.is_not(None)),
    _events("event {event} on {host} never ended", _e.finish_time.is_(None), _e.result.is_(None), _STEPLESS),
    _row(
        "I8",
        f"step {{step}} ({_STATE}, owner {{owner}}, attempt {{attempts}}) is past its deadline",
        _i.step.is_not(None),
        _i.deadline < sa.bindparam("overdue_before"),
        of_sweeper=True,
    ),
)

# What takes more than one SELECT.

_SERVERS = sa.select(_i.uuid, _i.host, _i.vm_state, _i.step, _i.spec, _i.flavor).where(_i.deleted.is_(False))


def _claims(connection: sa.Connection, servers: Sequence[sa.Row]) -> Iterator[Finding]:
    held: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    a = schema.allocations.c
    for uuid, host, resource_class, used in connection.execute(
        sa.select(a.instance_uuid, a.host, a.resource_class, a.used)
    ):
        held[uuid][host, resource_class] = used
    wishes: dict[str, dict[str, int] | None] = {}  # equal servers have equal texts
    for row in servers:
        text = row.spec or row.flavor
        if text not in wishes:
            wishes[text] = _wish(row)
        wish, has = wishes[text], held.pop(row.uuid, {})
        if wish is None:
            yield Finding("I2", row.uuid, "what it asks for cannot be read")
            continue
        wanted = {(row.host, name): amount for name, amount in wish.items()} if row.host else {}
        if has != wanted:
            yield Finding("I2", row.uuid, f"it holds {_amounts(has)} and should hold {_amounts(wanted)}")
    for uuid, has in held.items():
        yield Finding("I2", uuid, f"an instance that is deleted or unknown holds {_amounts(has)}")


def _topologies(connection: sa.Connection, servers: Sequence[sa.Row]) -> Iterator[Finding]:
    home = {row.uuid: row.host for row in servers}
    wishing = {row.uuid: row.host for row in servers if row.host and row.spec and _TOPOLOGY_WISH in row.spec}
    held: dict[str, list[TopologyClaim]] = defaultdict(list)
    for row in connection.execute(sa.select(schema.topology_claims)):
        held[row.host].append(topologies.decode_claim(row.claim))
        wishing.pop(row.instance_uuid, None)
        if home.get(row.instance_uuid) != row.host:
            yield Finding("I2", row.instance_uuid, f"it holds a part of the topology of {row.host} and should not")
    for uuid, host in wishing.items():
        yield Finding("I2", uuid, f"it wishes a part of the topology of {host} and holds none")
    used = {host: topology.used for host, topology in topologies.of_hosts(connection).items()}
    for host in used.keys() | held.keys():
        claims = held[host]
        summed = reduce(with_claim, claims, TopologyUse())
        if used.get(host) != summed:
            yield Finding("I3", f"{host} topology", f"used is {used.get(host)}, its claims are {summed}")
        single = [cpu for claim in claims for cell in claim.cells for cpu in cell.cpus]
        single += [device.address for claim in claims for device in claim.devices]
        twice = sorted(str(one) for one, count in Counter(single).items() if count > 1)
        if twice:
            yield Finding("I3", f"{host} topology", f"two instances have {', '.join(twice)}")


_TOPOLOGY_WISH = '"topology":{'
"""How a spec that wishes something of the topology reads: msgspec writes no blanks."""


def _network_info(connection: sa.Connection) -> Iterator[Finding]:
    ported = sa.select(_p.instance_uuid).where(_p.instance_uuid.is_not(None))
    told = sa.select(_i.uuid, _i.network_info).where(
        _i.deleted.is_(False), sa.or_(_i.network_info.is_not(None), _i.uuid.in_(ported))
    )
    rows = connection.execute(told).all()
    true = ports.nics(connection, [row.uuid for row in rows])
    for row in rows:
        if list(instances.nics_of(row)) != true.get(row.uuid, []):
            yield Finding("I6", row.uuid, "network_info is not what its ports are")


def _wish(row: sa.Row) -> dict[str, int] | None:
    try:
        if row.spec:
            return instances.decode_spec(row.spec).resources()
        return RequestSpec(project_id="", user_id="", flavor=instances.decode_flavor(row.flavor)).resources()
    except (msgspec.DecodeError, ValueError):
        return None


def _amounts(claims: Mapping[tuple[str, str], int]) -> str:
    return ", ".join(f"{amount} {name} on {host}" for (host, name), amount in sorted(claims.items())) or "nothing"


_HAS_GUEST = (states.ACTIVE, states.STOPPED, states.PAUSED, states.SUSPENDED, states.RESCUED, states.RESIZED)


def _guests(servers: Sequence[sa.Row], told: Sequence[HostGuests], marker: str | None) -> Iterator[Finding]:
    home = {row.uuid: row.host for row in servers}
    places: dict[str, list[str]] = defaultdict(list)
    for host in told:
        for guest in host.guests:
            places[guest.uuid].append(host.host)
            if marker is not None and guest.owner != marker:
                yield Finding("I4", guest.uuid, f"its guest on {host.host} carries the marker of another deployment")
    for uuid, hosts in places.items():
        if len(hosts) > 1:
            yield Finding("I4", uuid, f"it has {len(hosts)} guests: on {', '.join(sorted(hosts))}")
        elif home.get(uuid) != hosts[0]:
            yield Finding("I4", uuid, f"there is a guest on {hosts[0]}, where no server of this uuid belongs")
    asked = {host.host for host in told}
    for row in servers:
        if row.step is None and row.vm_state in _HAS_GUEST and row.host in asked and row.uuid not in places:
            yield Finding("I4", row.uuid, f"it is {row.vm_state} on {row.host}, which has no guest of it")


def _quota(connection: sa.Connection) -> Iterator[Finding]:
    counted: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COUNTED, 0))
    alive = sa.select(_i.project_id, sa.func.count(), sa.func.sum(_i.vcpus), sa.func.sum(_i.memory_mb))
    for project_id, *sums in connection.execute(alive.where(_i.deleted.is_(False)).group_by(_i.project_id)):
        counted[project_id] |= dict(zip(_COUNTED, map(int, sums), strict=False))
    g = schema.server_groups.c
    for project_id, count in connection.execute(sa.select(g.project_id, sa.func.count()).group_by(g.project_id)):
        counted[project_id]["server_groups"] = count
    rows = connection.execute(sa.select(schema.quota_usages))
    kept = {row.project_id: {name: getattr(row, name) for name in _COUNTED} for row in rows}
    for project_id in counted.keys() | kept.keys():
        counters, counts = kept.get(project_id, dict.fromkeys(_COUNTED, 0)), counted[project_id]
        wrong = [name for name in _COUNTED if counters[name] != counts[name]]
        if wrong:
            said = ", ".join(f"{name} {counters[name]} (counted: {counts[name]})" for name in wrong)
            yield Finding("I5", project_id, f"the project's quota counters say {said}")


_COUNTED = ("instances", "cores", "ram_mb", "server_groups")


def _processes(told: Sequence[ProcessFacts]) -> Iterator[Finding]:
    for process in told:
        subject = f"{process.kind} {process.address}"
        for what, most in (("threads", MOST_THREADS), ("open_files", MOST_OPEN_FILES)):
            number = getattr(process, what)
            if number is not None and number > most:
                yield Finding("I9", f"{subject} {what}", f"{number} {what.replace('_', ' ')}, more than {most}")
