"""What happened to an instance: actions that were asked for, the events of carrying them out, and the last fault."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from corenova.db.engine import execute_many, now
from corenova.db.schema import instance_action_events, instance_actions, instance_faults
from corenova.exceptions import InvalidInput

SUCCESS = "Success"
ERROR = "Error"

_RECORD = sa.insert(instance_actions).values(start_time=now(), updated_at=now())
_OPEN = sa.insert(instance_action_events).values(start_time=now())
_CLOSE = (
    sa.update(instance_action_events)
    .where(
        instance_action_events.c.instance_uuid == sa.bindparam("of_uuid"),
        instance_action_events.c.generation == sa.bindparam("of_generation"),
        instance_action_events.c.finish_time.is_(None),
    )
    .values(finish_time=now(), result=sa.bindparam("with_result"), details=sa.bindparam("with_details"))
)
_TOUCH = (
    sa.update(instance_actions)
    .where(
        instance_actions.c.instance_uuid == sa.bindparam("of_uuid"),
        instance_actions.c.request_id == sa.bindparam("of_request"),
    )
    .values(updated_at=now(), message=sa.func.coalesce(sa.bindparam("with_message"), instance_actions.c.message))
)


def record(connection: sa.Connection, rows: Sequence[dict]) -> None:
    """Record actions: dicts of instance_uuid, request_id, action, user_id, project_id."""
    execute_many(connection, _RECORD, rows)


def open_events(connection: sa.Connection, rows: Sequence[dict]) -> None:
    """Record the beginning of events: dicts of instance_uuid, request_id, event, generation, host."""
    execute_many(connection, _OPEN, rows)


def close_events(connection: sa.Connection, rows: Iterable[tuple[str, int, str | None]]) -> None:
    """Record the end of events: (instance uuid, generation, error details or None for success)."""
    execute_many(
        connection,
        _CLOSE,
        [
            {
                "of_uuid": uuid,
                "of_generation": generation,
                "with_result": SUCCESS if details is None else ERROR,
                "with_details": details,
            }
            for uuid, generation, details in rows
        ],
    )


def close_stale_events(connection: sa.Connection, uuids: Sequence[str], details: str) -> None:
    """Record as failed whatever event of these instances was begun and not ended: its worker was lost or overtaken."""
    connection.execute(
        sa.update(instance_action_events)
        .where(instance_action_events.c.instance_uuid.in_(uuids), instance_action_events.c.finish_time.is_(None))
        .values(finish_time=now(), result=ERROR, details=details)
    )


def close_actions(connection: sa.Connection, rows: Iterable[tuple[str, str, str | None]]) -> None:
    """Record the end of actions: (instance uuid, request id, message of a failure or None). A failure stays one."""
    execute_many(
        connection,
        _TOUCH,
        [{"of_uuid": uuid, "of_request": request, "with_message": message} for uuid, request, message in rows],
    )


def set_fault(connection: sa.Connection, uuid: str, *, code: int, message: str, details: str | None) -> None:
    """Make this the fault of the instance. ``message`` is for its user, ``details`` for operators."""
    connection.execute(sa.delete(instance_faults).where(instance_faults.c.instance_uuid == uuid))
    connection.execute(
        sa.insert(instance_faults).values(
            instance_uuid=uuid, code=code, message=message, details=details, created_at=now()
        )
    )


def list_actions(
    connection: sa.Connection,
    instance_uuid: str,
    *,
    limit: int | None = None,
    marker: str | None = None,
    changes_since: float | None = None,
    changes_before: float | None = None,
) -> Sequence[sa.Row]:
    """Return the actions of an instance, the newest first.

    :param marker: request id of the last action of the page before; raises InvalidInput when unknown.
    """
    t = instance_actions.c
    select = (
        sa.select(instance_actions).where(t.instance_uuid == instance_uuid).order_by(t.start_time.desc(), t.id.desc())
    )
    if changes_since is not None:
        select = select.where(t.updated_at >= changes_since)
    if changes_before is not None:
        select = select.where(t.updated_at <= changes_before)
    if marker is not None:
        last = connection.execute(
            sa.select(t.start_time, t.id).where(t.instance_uuid == instance_uuid, t.request_id == marker)
        ).first()
        if last is None:
            raise InvalidInput(f"marker [{marker}] not found")
        select = select.where(
            sa.or_(t.start_time < last.start_time, sa.and_(t.start_time == last.start_time, t.id < last.id))
        )
    return connection.execute(select.limit(limit)).all()


def get_action(connection: sa.Connection, instance_uuid: str, request_id: str) -> sa.Row | None:
    """Return one action, or None."""
    t = instance_actions.c
    return connection.execute(
        sa.select(instance_actions)
        .where(t.instance_uuid == instance_uuid, t.request_id == request_id)
        .order_by(t.id.desc())
    ).first()


def list_events(connection: sa.Connection, instance_uuid: str, request_id: str | None = None) -> Sequence[sa.Row]:
    """Return the events of one action, or of all actions of the instance, the newest first."""
    t = instance_action_events.c
    select = sa.select(instance_action_events).where(t.instance_uuid == instance_uuid)
    if request_id is not None:
        select = select.where(t.request_id == request_id)
    return connection.execute(select.order_by(t.start_time.desc(), t.id.desc())).all()
