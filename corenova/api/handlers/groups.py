"""Server groups: servers that shall be together or apart."""

import uuid

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import groups as view
from corenova.db import groups
from corenova.exceptions import InvalidInput


def index(call: Call) -> dict[str, object]:
    """GET /os-server-groups."""
    project_id: str | None = call.context.project_id
    if "all_projects" in call.query and call.may("os_compute_api:os-server-groups:index:all_projects"):
        project_id = None
    page, offset = call.page(), int(call.parameter("offset") or 0)

    def read(connection: sa.Connection) -> list[dict[str, object]]:
        rows = groups.list_groups(connection, project_id=project_id, limit=page.most, offset=offset)
        members = groups.members(connection, [row.uuid for row in rows])
        return [view.show(row, members.get(row.uuid, []), call.version) for row in rows]

    return {"server_groups": call.read(read)}


def show(call: Call, group_id: str) -> dict[str, object]:
    """GET /os-server-groups/{id}."""

    def read(connection: sa.Connection) -> dict[str, object]:
        row = groups.get(connection, group_id, project_id=call.scope)
        return view.show(row, groups.members(connection, [group_id]).get(group_id, []), call.version)

    return {"server_group": call.read(read)}


def create(call: Call) -> dict[str, object]:
    """POST /os-server-groups."""
    asked = call.body["server_group"]
    policy = asked["policy"] if call.version >= 64 else asked["policies"][0]
    rules = {name: int(value) for name, value in asked.get("rules", {}).items()}
    if rules and policy != "anti-affinity":
        raise InvalidInput("Only anti-affinity policy supports rules.")

    def write(connection: sa.Connection) -> sa.Row:
        return groups.create(
            connection,
            uuid=str(uuid.uuid4()),
            project_id=call.context.project_id,
            user_id=call.context.user_id,
            name=asked["name"].strip(),
            policy=policy,
            rules=rules,
            limit=call.services.conf.quota.server_groups,
        )

    return {"server_group": view.show(call.write("group_create", write), [], call.version)}


def delete(call: Call, group_id: str) -> None:
    """DELETE /os-server-groups/{id}."""
    call.write("group_delete", lambda connection: groups.delete(connection, group_id, project_id=call.scope))
