"""List, show, change and delete servers. Creating one is server_create.py, actions on one server_actions.py."""

from collections.abc import Sequence

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.handlers.server_filters import next_page, query_of
from corenova.api.views import servers as view
from corenova.db import instances, server_details
from corenova.db.engine import now

_SHOW = "os_compute_api:servers:show"
_ATTRIBUTES = "os_compute_api:os-extended-server-attributes"


def index(call: Call) -> dict[str, object]:
    """GET /servers."""
    page = call.page()
    query = query_of(call, page, rule="os_compute_api:servers:index:get_all_tenants")
    rows = call.read(lambda connection: instances.find(connection, query)) if query and page.most else []
    shown = [view.basic(row, call.links) for row in rows]
    return {"servers": shown} | next_page(call, page, rows, "servers")


def detail(call: Call) -> dict[str, object]:
    """GET /servers/detail."""
    page = call.page()
    query = query_of(call, page, rule="os_compute_api:servers:detail:get_all_tenants")

    def read(connection: sa.Connection) -> tuple[Sequence[sa.Row], view.Details]:
        rows = instances.find(connection, query)
        return rows, _details(call, connection, rows, _groups(call, view.FULL))

    if not (query and page.most):
        return {"servers": []}
    rows, details = call.read(read)
    show = view.ServerView(details).show
    return {"servers": [show(row) for row in rows]} | next_page(call, page, rows, "servers/detail")


def show(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}."""
    return call.read(lambda connection: _show(call, connection, server_id, _groups(call, view.FULL, view.SINGLE)))


def update(call: Call, server_id: str) -> dict[str, object]:
    """PUT /servers/{id}."""
    asked = call.body["server"]
    columns = {"name": "display_name", "description": "display_description", "hostname": "hostname"}
    values = {column: asked[key] for key, column in columns.items() if key in asked}
    if "display_name" in values:
        values["display_name"] = values["display_name"].strip()
    groups = _groups(call, view.FULL, view.SINGLE) if call.version >= 75 else frozenset((view.ALWAYS, view.SINGLE))

    def write(connection: sa.Connection) -> dict[str, object]:
        instances.get(connection, server_id, project_id=call.scope)
        if values:
            instances.update(connection, server_id, updated_at=now(), **values)
        return _show(call, connection, server_id, groups)

    return call.write("server_update", write)


def rebuilt(call: Call, server_id: str) -> dict[str, object]:
    """Return the view of a server that an accepted rebuild answers with: whole from 2.75 on."""
    groups = _groups(call, view.FULL, view.SINGLE) if call.version >= 75 else frozenset((view.ALWAYS, view.SINGLE))
    return call.read(lambda connection: _show(call, connection, server_id, groups))


def delete(call: Call, server_id: str) -> None:
    """DELETE /servers/{id}."""
    call.services.instance_actions.delete(call.context, server_id)


def _show(call: Call, connection: sa.Connection, server_id: str, groups: frozenset[str]) -> dict[str, object]:
    row = instances.get(connection, server_id, project_id=call.scope)
    return {"server": view.ServerView(_details(call, connection, [row], groups)).show(row)}


def _groups(call: Call, *groups: str) -> frozenset[str]:
    """Return which groups of fields this caller sees."""
    shown = {view.ALWAYS, *groups}
    if call.may(_ATTRIBUTES):
        shown.add(view.ATTRIBUTES)
    if call.version >= 16 and (call.may(_SHOW + ":host_status") or call.may(_SHOW + ":host_status:unknown-only")):
        shown.add(view.HOST_STATUS)
    return frozenset(shown)


def _details(call: Call, connection: sa.Connection, rows: Sequence[sa.Row], groups: frozenset[str]) -> view.Details:
    """Collect what the views of these rows need beside them, and nothing that is not shown."""
    details = view.Details(
        version=call.version,
        links=call.links,
        shown=groups,
        is_admin=call.context.is_admin,
        extra_specs=call.version >= 47 and call.may(_SHOW + ":flavor-extra-specs"),
    )
    uuids = [row.uuid for row in rows]
    if call.version >= 3 and view.ATTRIBUTES in groups:
        details.user_data = server_details.user_data(connection, uuids)
    if call.version >= 96:
        details.pinned_zones = server_details.pinned_zones(connection, uuids)
    if view.HOST_STATUS in groups:
        details.host_statuses = call.services.lookups.hosts.get().statuses
        details.unknown_only = not call.may(_SHOW + ":host_status")
    return details
