"""What was done to a server, by whom, and how it went."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.formats import parse_time
from corenova.api.lookups import must_find
from corenova.api.views import instance_actions as view
from corenova.db import actions, instances
from corenova.exceptions import InvalidInput

_EVENTS = "os_compute_api:os-instance-actions:events"


def index(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-instance-actions."""
    page = call.page() if call.version >= 58 else None
    since, before = _time(call, "changes-since"), _time(call, "changes-before")
    if since is not None and before is not None and since > before:
        raise InvalidInput("The value of changes-since must be less than or equal to changes-before.")

    def read(connection: sa.Connection) -> list[sa.Row]:
        _server(call, connection, server_id)
        if page is None:
            return actions.list_actions(connection, server_id)
        return actions.list_actions(
            connection, server_id, limit=page.most, marker=page.marker, changes_since=since, changes_before=before
        )

    rows = call.read(read)
    shown: dict[str, object] = {"instanceActions": [view.action(row, call.version) for row in rows]}
    if page is not None and page.has_next(len(rows)):
        collection = f"servers/{server_id}/os-instance-actions"
        shown["links"] = call.links.next(collection, call.query, rows[-1].request_id)
    return shown


def show(call: Call, server_id: str, request_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-instance-actions/{request id}."""
    all_of_it = call.may(_EVENTS)
    sight = view.Sight(traceback=all_of_it, details=call.may(_EVENTS + ":details"), version=call.version)

    def read(connection: sa.Connection) -> dict[str, object]:
        server = _server(call, connection, server_id)
        found = actions.get_action(connection, server_id, request_id)
        shown = view.action(must_find(found, f"Action {request_id} not found"), call.version)
        if all_of_it or call.version >= 51:
            events = actions.list_events(connection, server_id, request_id)
            shown["events"] = view.events(events, found.project_id or server.project_id, sight)
        return shown

    return {"instanceAction": call.read(read)}


def _server(call: Call, connection: sa.Connection, server_id: str) -> sa.Row:
    return instances.get(connection, server_id, project_id=call.scope, deleted=call.version >= 21)


def _time(call: Call, name: str) -> float | None:
    text = call.parameter(name) if call.version >= 58 else None
    return None if text is None else parse_time(text)
