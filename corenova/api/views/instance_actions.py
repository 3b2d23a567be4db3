"""What was done to a server, as clients see it."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from corenova.api.views.servers import host_id
from corenova.api.views.times import naive


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an event the caller sees."""

    traceback: bool
    details: bool
    version: int


def action(row: sa.Row, version: int) -> dict[str, object]:
    """Return one action."""
    shown = {
        "action": row.action,
        "instance_uuid": row.instance_uuid,
        "request_id": row.request_id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "start_time": naive(row.start_time),
        "message": row.message,
    }
    if version >= 58:
        shown["updated_at"] = naive(row.updated_at)
    return shown


def events(rows: Iterable[sa.Row], project_id: str, sight: Sight) -> list[dict[str, object]]:
    """Return the events of one action."""
    return [_event(row, project_id, sight) for row in rows]


def _event(row: sa.Row, project_id: str, sight: Sight) -> dict[str, object]:
    shown = {
        "event": row.event,
        "start_time": naive(row.start_time),
        "finish_time": naive(row.finish_time),
        "result": row.result,
    }
    if sight.traceback:
        # What went wrong is kept as a sentence for operators; a traceback stays in the log of its process.
        shown["traceback"] = row.details
    if sight.version >= 62:
        shown["hostId"] = host_id(project_id, row.host)
        if sight.traceback:
            shown["host"] = row.host
    if sight.version >= 84 and sight.details:
        shown["details"] = row.details
    return shown
