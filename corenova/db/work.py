"""The work item: what is to be done with an instance, who does it, and until when that is believed.

A row with a ``step`` has work. ``owner`` NULL means that nobody does it; then ``lease_until`` is when the next hint is
due. With an owner, ``lease_until`` is when the work is given to somebody else. Taking work raises ``generation``, and
every result is written only while the generation is still the taker's: whoever was overtaken is refused.
"""

import secrets
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from oslo_db.exception import RetryRequest

from corenova.contracts.backends import Backends
from corenova.db import actions, decisions, hosts, quotas, services, topologies
from corenova.db.engine import execute_many, for_update, now
from corenova.db.schema import instances
from corenova.db.schema import services as service_rows
from corenova.db.services import COMPUTE
from corenova.exceptions import InstanceInvalidState
from corenova.objects import states
from corenova.objects.decision import Decision
from corenova.objects.states import ACTIONS, Action, PowerState, Step
from corenova.objects.topology import TopologyWish
from corenova.objects.work import NO_ARGS, StepArgs

HINT_GRACE_S = 5.0
"""How long a hint may be under way before the sweeper sends another."""

_CHUNK = 500  # below every database's limit of bound values in one statement

t = instances.c
_FREE = sa.or_(t.owner.is_(None), t.lease_until < now())
_AT = (t.uuid == sa.bindparam("of_uuid"), t.generation == sa.bindparam("of_generation"))
_ITS_HOSTS = sa.select(service_rows.c.host).where(
    service_rows.c.address == sa.bindparam("of_address"), service_rows.c.binary == COMPUTE
)
_EXTEND = sa.update(instances).where(*_AT, t.host.in_(_ITS_HOSTS)).values(lease_until=now() + sa.bindparam("lease_s"))
_PROGRESS = (
    sa.update(instances)
    .where(*_AT, t.step == Step.BUILD)
    .values(task_state=sa.bindparam("new_task_state"), updated_at=now())
)
_IDLE = {
    "task_state": None, "step": None, "step_args": None, "owner": None, "lease_until": 0.0, "deadline": None,
    "updated_at": now(),
}  # fmt: skip


_UNPLUG = {
    "task_state": states.DETACHING_INTERFACE, "step": Step.DETACH_INTERFACE, "owner": None, "lease_until": now(),
    "deadline": now() + 600.0, "updated_at": now(),
}  # fmt: skip


def _end_vm_state(action: Action) -> sa.ColumnElement | str:
    if action.step == Step.REBUILD:  # of a stopped instance the new guest is stopped too
        is_off = sa.bindparam("new_power_state") == PowerState.SHUTDOWN
        return sa.case((is_off, states.STOPPED), else_=action.end_vm_state)
    return action.end_vm_state or t.vm_state


_FINISH = {
    step: sa.update(instances)
    .where(*_AT, t.step == step)
    .values(vm_state=vm_state, power_state=sa.bindparam("new_power_state"), **_IDLE, **extra)
    for step, vm_state, extra in (
        (Step.BUILD, states.ACTIVE, {"launched_at": now(), "alternates": None}),
        *((a.step, _end_vm_state(a), {}) for a in ACTIONS.values() if a.step not in (Step.DELETE, Step.CHECK_REBUILD)),
    )
}
_PLACE = (
    sa.update(instances)
    .where(*_AT, t.step == Step.SCHEDULE)
    .values(
        host=sa.bindparam("new_host"),
        availability_zone=sa.bindparam("new_zone"),
        alternates=sa.bindparam("new_alternates"),
        step=Step.BUILD,
        owner=None,
        lease_until=now() + HINT_GRACE_S,
        generation=t.generation + 1,
        attempts=t.attempts + 1,
        task_state=states.SCHEDULING,
        updated_at=now(),
    )
)


_decode_args = msgspec.json.Decoder(StepArgs).decode
_decode_alternates = msgspec.json.Decoder(list[tuple[str, str]]).decode


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is to become true: this row, at this generation, claims these resources on this host.

    :param topology: what it wishes of the host's topology; which CPUs and devices it gets is settled by the claim.
    """

    instance_uuid: str
    generation: int
    host: str
    zone: str
    resources: dict[str, int]
    decision: Decision
    topology: TopologyWish | None = None


_FOR_SCHEDULING = (t.step.in_(Step.AT_CONDUCTOR),)
_FOR_COMPUTE = (t.step.in_(Step.AT_COMPUTE), t.host.in_(_ITS_HOSTS))
_IS_BUILD = t.step == Step.BUILD


# No word of ``deleted``: a deleted row has no step, and the word made SQLite read all rows that are not deleted.
def _taking(*conditions: sa.ColumnElement, **values: object) -> sa.Update:
    among = t.uuid.in_(sa.bindparam("of_uuids", expanding=True))
    return (
        sa.update(instances)
        .where(among, *conditions, _FREE)
        .values(
            owner=sa.bindparam("token"),
            lease_until=now() + sa.bindparam("lease_s"),
            generation=t.generation + 1,
            **values,
        )
    )


# Made once: building a statement costs more than running it.
_TAKE_SCHEDULING = _taking(*_FOR_SCHEDULING)
_TAKE_FOR_COMPUTE = _taking(
    *_FOR_COMPUTE,
    task_state=sa.case((_IS_BUILD, None), else_=t.task_state),
)
_IN_HAND = (t.uuid.in_(sa.bindparam("of_uuids", expanding=True)), t.owner == sa.bindparam("token"))
_TAKEN_SCHEDULING = sa.select(*(c for c in t if c.name != "user_data")).where(*_IN_HAND)
_TAKEN_FOR_COMPUTE = sa.select(*(c for c in t if c.name != "spec")).where(*_IN_HAND)


def take_scheduling(connection: sa.Connection, uuids: Sequence[str], *, owner: str, lease_s: float) -> list[sa.Row]:
    """Lease those of ``uuids`` that wait to be scheduled and that nobody works on; returns their rows."""
    return _take(connection, (_TAKE_SCHEDULING, _TAKEN_SCHEDULING), uuids, owner=owner, lease_s=lease_s)


def take_for_compute(connection: sa.Connection, address: str, uuids: Sequence[str], *, lease_s: float) -> list[sa.Row]:
    """Lease those of ``uuids`` that wait for the compute at ``address``.

    Only rows that are on the caller's hosts are given out: a compute cannot act on another's instances.
    """
    owner = f"compute:{address}"
    statements = (_TAKE_FOR_COMPUTE, _TAKEN_FOR_COMPUTE)
    rows = _take(connection, statements, uuids, owner=owner, lease_s=lease_s, of_address=address)
    if rows:
        # What an earlier worker began and never ended has ended now.
        actions.close_stale_events(connection, [row.uuid for row in rows], "Its worker was lost; it is begun anew.")
        actions.open_events(
            connection,
            [
                {
                    "instance_uuid": row.uuid,
                    "request_id": row.request_id,
                    "event": states.event_of(row.step),
                    "generation": row.generation,
                    "host": row.host,
                }
                for row in rows
            ],
        )
    return rows


def _take(
    connection: sa.Connection,
    statements: tuple[sa.Update, sa.Select],
    uuids: Sequence[str],
    *,
    owner: str,
    lease_s: float,
    **values: object,
) -> list[sa.Row]:
    take, taken_ones = statements
    # The token tells this round's rows from those that the same owner has in other hands.
    token = f"{owner}#{secrets.token_hex(6)}"
    taken: list[sa.Row] = []
    for start in range(0, len(uuids), _CHUNK):
        chunk = list(uuids[start : start + _CHUNK])
        connection.execute(take, {"of_uuids": chunk, "token": token, "lease_s": lease_s, **values})
        taken += connection.execute(taken_ones, {"of_uuids": chunk, "token": token})
    return sorted(taken, key=lambda row: row.id)


def extend(
    connection: sa.Connection, address: str, held: Sequence[tuple[str, int]], *, lease_s: float
) -> set[tuple[str, int]]:
    """Keep these (uuid, generation) leases of the compute at ``address``; return those that are lost."""
    rows = [
        {"of_uuid": uuid, "of_generation": generation, "lease_s": lease_s, "of_address": address}
        for uuid, generation in held
    ]
    if not rows or execute_many(connection, _EXTEND, rows) == len(rows):
        return set()
    return set(held) - current(connection, held)


def current(connection: sa.Connection, held: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those (uuid, generation) leases that are still the latest of their rows."""
    among = t.uuid.in_([uuid for uuid, _ in held])
    found = {(row.uuid, row.generation) for row in connection.execute(sa.select(t.uuid, t.generation).where(among))}
    return found & set(held)


def place(connection: sa.Connection, placements: Sequence[Placement]) -> bool:
    """Make these decisions true: claims, rows, allocations, reasons. False: something has changed; roll back."""
    if not hosts.claim(connection, [(p.host, p.resources) for p in placements]):
        return False
    if not topologies.claim(connection, [(p.instance_uuid, p.host, p.topology) for p in placements]):
        return False
    rows = [
        {
            "of_uuid": p.instance_uuid,
            "of_generation": p.generation,
            "new_host": p.host,
            "new_zone": p.zone,
            "new_alternates": msgspec.json.encode(p.decision.alternates).decode(),
        }
        for p in placements
    ]
    if execute_many(connection, _PLACE, rows) != len(rows):
        return False
    hosts.allocate(connection, [(p.instance_uuid, p.host, p.resources) for p in placements])
    hosts.touch(connection, sorted({p.host for p in placements}))
    decisions.put(connection, [(p.instance_uuid, p.decision) for p in placements])
    return True


def alternates_of(row: sa.Row) -> list[tuple[str, str]]:
    """Return the (host, zone) pairs that a build may still go to, best first."""
    return _decode_alternates(row.alternates) if row.alternates else []


def args_of(row: sa.Row) -> StepArgs:
    """Return what the step of a row is about."""
    return _decode_args(row.step_args) if row.step_args else NO_ARGS


def _abandon(connection: sa.Connection, row: sa.Row, backends: Backends) -> None:
    """Take back what was made for the step of this row, which will not be finished.

    A port to be attached is not freed here: the guest may have it by now; see :func:`fail_action`.
    """
    try:
        args = args_of(row)
    except msgspec.DecodeError:
        return  # nobody can tell what was made
    if row.step == Step.SNAPSHOT:
        backends.images.give_up(connection, args.image_id)
    elif row.step == Step.CHECK_REBUILD and args.image is not None:
        image = msgspec.json.encode(args.image).decode()
        connection.execute(sa.update(instances).where(t.uuid == row.uuid).values(image=image))


def _release_ports(connection: sa.Connection, rows: Sequence[sa.Row], backends: Backends) -> None:
    with_ports = [row.uuid for row in rows if row.network_info]
    if with_ports:
        backends.networks.release(connection, with_ports)


def move(
    connection: sa.Connection,
    row: sa.Row,
    *,
    to: tuple[str, str],
    rest: Sequence[tuple[str, str]],
    resources: Mapping,
    topology: TopologyWish | None = None,
) -> bool:
    """Take a build whose claim was released to the (host, zone) ``to``, with a claim there. False: it does not fit."""
    host, zone = to
    if not hosts.claim(connection, [(host, resources)]):
        return False
    if not topologies.claim(connection, [(row.uuid, host, topology)]):
        return False
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(
            host=host,
            availability_zone=zone,
            alternates=msgspec.json.encode(rest).decode(),
            task_state=states.SCHEDULING,
            owner=None,
            lease_until=now() + HINT_GRACE_S,
            generation=t.generation + 1,
            attempts=t.attempts + 1,
            updated_at=now(),
        )
    )
    hosts.allocate(connection, [(row.uuid, host, resources)])
    hosts.touch(connection, [host])
    return True


def send_back(connection: sa.Connection, row: sa.Row, *, reason: str) -> None:
    """Let a build whose host and alternates are gone be scheduled anew, with nothing claimed."""
    hosts.release(connection, [row.uuid])
    actions.close_stale_events(connection, [row.uuid], reason)
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(
            host=None,
            alternates=None,
            step=Step.SCHEDULE,
            task_state=states.SCHEDULING,
            owner=None,
            lease_until=now(),
            generation=t.generation + 1,
            updated_at=now(),
        )
    )


def locked(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, sa.Row]:
    """Return the rows of ``uuids`` for a decision that this transaction will write."""
    select = sa.select(instances).where(t.uuid.in_(uuids)).order_by(t.id)
    return {row.uuid: row for row in connection.execute(for_update(select, connection))}


_NARROW = (
    t.uuid, t.generation, t.step, t.host, t.vm_state, t.task_state, t.deleted, t.request_id, t.project_id, t.vcpus,
    t.memory_mb, t.attempts, t.alternates, t.group_uuid, t.step_args, t.network_info,
)  # fmt: skip


_REPORTED = sa.select(*_NARROW).where(t.uuid.in_(sa.bindparam("of_uuids", expanding=True))).order_by(t.id)


def reported(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, sa.Row]:
    """Return, of the rows that reports are about, what judging the reports needs; ended instances included.

    The rows are locked: of two messages with the same report the second must see what the first has written.
    """
    return {row.uuid: row for row in connection.execute(for_update(_REPORTED, connection), {"of_uuids": uuids})}


def spec_of(connection: sa.Connection, uuid: str) -> str | None:
    """Return the spec of an instance as JSON text."""
    return connection.execute(sa.select(t.spec).where(t.uuid == uuid)).scalar()


def progress(connection: sa.Connection, told: Sequence[tuple[str, int, str | None]]) -> None:
    """Show how far builds have come: (uuid, generation, task_state). Overtaken ones change nothing."""
    execute_many(
        connection,
        _PROGRESS,
        [{"of_uuid": u, "of_generation": g, "new_task_state": task_state} for u, g, task_state in told],
    )


def finish(connection: sa.Connection, step: str, done: Sequence[tuple[str, int, int]]) -> None:
    """End work that succeeded: (uuid, generation, power_state), all of one step but delete.

    :raises RetryRequest: a row changed hands since it was read in this transaction.
    """
    rows = [{"of_uuid": u, "of_generation": g, "new_power_state": power} for u, g, power in done]
    if execute_many(connection, _FINISH[step], rows) != len(rows):
        raise RetryRequest(RuntimeError("a row changed hands while its report was written"))


def fail_action(
    connection: sa.Connection, row: sa.Row, backends: Backends, *, vm_state: str, message: str, details: str
) -> None:
    """End an action that failed: the task is over, the instance is in ``vm_state``, its history says so.

    :param message: for the user; ``details`` for operators.
    """
    _abandon(connection, row, backends)
    # An interface that was not plugged, or was and nobody said so, is taken away by the compute before its port is
    # free: the address may be another's then.
    onward = _UNPLUG if row.step == Step.ATTACH_INTERFACE else _IDLE
    connection.execute(
        sa.update(instances).where(t.uuid == row.uuid).values(vm_state=vm_state, generation=t.generation + 1, **onward)
    )
    actions.set_fault(connection, row.uuid, code=500, message=message, details=details)
    actions.close_stale_events(connection, [row.uuid], details)
    actions.close_actions(connection, [(row.uuid, row.request_id, actions.ERROR)])


def bury(
    connection: sa.Connection,
    row: sa.Row,
    backends: Backends,
    *,
    message: str,
    details: str | None,
    event: str | None = None,
) -> None:
    """End a build that can go nowhere: ERROR with a fault, nothing claimed, no ports, the action marked as failed.

    :param message: for the user; must not be empty.
    :param event: record a failed event of this name (a failure outside any compute).
    """
    hosts.release(connection, [row.uuid])
    _release_ports(connection, [row], backends)
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(vm_state=states.ERROR, power_state=0, host=None, alternates=None, generation=t.generation + 1, **_IDLE)
    )
    actions.set_fault(connection, row.uuid, code=500, message=message, details=details)
    if event is not None:
        actions.open_events(
            connection,
            [
                {
                    "instance_uuid": row.uuid,
                    "request_id": row.request_id,
                    "event": event,
                    "generation": row.generation,
                    "host": row.host,
                }
            ],
        )
    actions.close_stale_events(connection, [row.uuid], details or message)
    actions.close_actions(connection, [(row.uuid, row.request_id, actions.ERROR)])


def remove(connection: sa.Connection, rows: Sequence[sa.Row], backends: Backends) -> None:
    """Make these instances deleted: claims, ports and quota given back, spec and decision gone, the row kept."""
    uuids = [row.uuid for row in rows]
    hosts.release(connection, uuids)
    _release_ports(connection, rows, backends)
    removed = sa.update(instances).where(t.uuid == sa.bindparam("of_uuid"), t.deleted.is_(False))
    changed = connection.execute(
        removed.values(
            vm_state=states.DELETED,
            power_state=0,
            deleted=True,
            terminated_at=now(),
            spec=None,
            alternates=None,
            generation=t.generation + 1,
            **_IDLE,
        ),
        [{"of_uuid": uuid} for uuid in uuids],
    )
    if changed.rowcount != len(uuids):
        raise RetryRequest(RuntimeError("an instance was deleted by somebody else meanwhile"))
    decisions.drop(connection, uuids)
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        amounts = sums.setdefault(row.project_id, {"instances": 0, "cores": 0, "ram_mb": 0})
        amounts["instances"] += 1
        amounts["cores"] += row.vcpus
        amounts["ram_mb"] += row.memory_mb
    for project_id in sorted(sums):
        quotas.release(connection, project_id, sums[project_id])


def check(row: sa.Row, action: Action) -> None:
    """Raise InstanceInvalidState unless the states of this row allow the action."""
    refusal = states.refusal(action, row.vm_state, row.task_state)
    if refusal is None and action.step != Step.DELETE and row.launched_at is None:
        refusal = "it has not been built"
    if refusal is None and action.step != Step.DELETE and row.host is None:
        refusal = "it is on no host"
    if refusal:
        raise InstanceInvalidState(f"Cannot '{action.name}' instance {row.uuid} while {refusal}")


def request(
    connection: sa.Connection,
    row: sa.Row,
    action: Action,
    backends: Backends,
    *,
    request_id: str,
    user_id: str | None,
    deadline_s: float,
    args: StepArgs = NO_ARGS,
) -> None:
    """Turn an action that somebody asks for into work on a row that is locked in this transaction.

    :param deadline_s: when the work is given up, in seconds from now.
    :param args: what the step is about.
    :raises InstanceInvalidState: the states do not allow it.
    """
    check(row, action)
    _abandon(connection, row, backends)
    actions.record(
        connection,
        [
            {
                "instance_uuid": row.uuid,
                "request_id": request_id,
                "action": action.name,
                "user_id": user_id,
                "project_id": row.project_id,
            }
        ],
    )
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(
            step=action.step,
            step_args=msgspec.json.encode(args).decode() if args != NO_ARGS else None,
            task_state=action.task_state,
            owner=None,
            lease_until=now() + HINT_GRACE_S,
            generation=t.generation + 1,
            request_id=request_id,
            deadline=now() + deadline_s,
            updated_at=now(),
        )
    )


def pass_on(connection: sa.Connection, row: sa.Row, step: str) -> bool:
    """The conductor's part of an action is done: it goes on as ``step`` at the compute. False: overtaken."""
    changed = connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid, t.generation == row.generation, t.step == row.step)
        .values(step=step, owner=None, lease_until=now() + HINT_GRACE_S, generation=t.generation + 1, updated_at=now())
    )
    return changed.rowcount == 1


def reset(connection: sa.Connection, row: sa.Row, backends: Backends, *, vm_state: str) -> None:
    """An operator declares the state: no task, no work, whoever worked on it is overtaken.

    :raises InstanceInvalidState: it is being deleted, and a delete wins.
    """
    if row.step == Step.DELETE:
        raise InstanceInvalidState(f"Cannot 'os-resetState' instance {row.uuid} while it is in task_state deleting")
    _abandon(connection, row, backends)
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(vm_state=vm_state, generation=t.generation + 1, alternates=None, **_IDLE)
    )
    actions.close_stale_events(connection, [row.uuid], "An operator has reset the state.")


def due(connection: sa.Connection, *, most: int) -> Sequence[sa.Row]:
    """Return work that nobody does or whose worker has not been heard of, oldest first.

    Each has its next hint put off, so that two sweepers do not hint the same rows at once.
    """
    select = sa.select(instances).where(t.step.is_not(None), t.lease_until < now()).order_by(t.lease_until).limit(most)
    rows = connection.execute(for_update(select, connection, skip_locked=True)).all()
    if rows:
        again = sa.update(instances).where(*_AT).values(owner=None, lease_until=now() + HINT_GRACE_S)
        connection.execute(again, [{"of_uuid": r.uuid, "of_generation": r.generation} for r in rows])
    return rows


def give_back(connection: sa.Connection, held: Sequence[tuple[str, int]]) -> None:
    """Let go of (uuid, generation) leases whose work could not be begun; the sweeper hints it again."""
    connection.execute(
        sa.update(instances).where(*_AT).values(owner=None, lease_until=now() + HINT_GRACE_S),
        [{"of_uuid": uuid, "of_generation": generation} for uuid, generation in held],
    )


def put_off(connection: sa.Connection, row: sa.Row, *, vm_state: str, seconds: float) -> None:
    """Work that failed and must succeed in the end (a delete): hint it again later."""
    connection.execute(
        sa.update(instances)
        .where(t.uuid == row.uuid)
        .values(vm_state=vm_state, owner=None, lease_until=now() + seconds, updated_at=now())
    )


def past_deadline(connection: sa.Connection, *, most: int) -> Sequence[sa.Row]:
    """Return work whose time is over, locked for this transaction."""
    select = sa.select(instances).where(t.step.is_not(None), t.deadline < now()).order_by(t.id).limit(most)
    return connection.execute(for_update(select, connection, skip_locked=True)).all()


def take_over(connection: sa.Connection, owner: str) -> int:
    """Free, at once, what a former incarnation of ``owner`` held; returns how many rows."""
    its_own = t.owner.startswith(f"{owner}#", autoescape=True)
    return connection.execute(sa.update(instances).where(its_own).values(owner=None, lease_until=now())).rowcount


def take_up(connection: sa.Connection, *, grace_s: float, down_time_s: float) -> None:
    """A conductor starts, perhaps after a time when nobody could work: nothing waits longer than it must for that.

    Hints that were under way are taken for lost (at worst they are sent twice). When no conductor has been alive,
    a deadline that has passed meanwhile is ``grace_s`` away again: accepted work waits and goes on.
    """
    unowned = sa.update(instances).where(t.step.in_(Step.AT_CONDUCTOR), t.owner.is_(None))
    connection.execute(unowned.values(lease_until=now()))
    known = services.list_services(connection, down_time_s=down_time_s, binary=services.CONDUCTOR)
    if not any(service.is_up for service in known):
        overdue = sa.update(instances).where(t.step.is_not(None), t.deadline < now() + grace_s)
        connection.execute(overdue.values(deadline=now() + grace_s))


def on_hosts(connection: sa.Connection, names: Sequence[str]) -> Sequence[sa.Row]:
    """Return the instances that are on these hosts, without what is large."""
    columns = (t.uuid, t.host, t.vm_state, t.task_state, t.power_state, t.step, t.generation, t.updated_at)
    return connection.execute(sa.select(*columns).where(t.host.in_(names), t.deleted.is_(False))).all()
