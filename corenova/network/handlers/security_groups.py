"""Security groups: what is special about them. A project's group ``default`` is made when somebody first looks."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import UNSET

from corenova.db import ports
from corenova.db import security_groups as rows
from corenova.db.engine import now
from corenova.db.schema import security_groups
from corenova.exceptions import InvalidInput
from corenova.network import errors, views
from corenova.network.call import Act, Call
from corenova.network.handlers.nouns import Noun
from corenova.network.requests import GroupChange, NewGroup, values
from corenova.objects.context import RequestContext, new_uuid


def create(act: Act, body: NewGroup) -> str:
    """Make a group for the project that the body names, or the caller's."""
    _check_stateful(body)
    project_id = act.owner(body)
    if body.name == rows.DEFAULT:
        rows.ensure_default(act.connection, project_id)
        raise errors.SecurityGroupDefaultAlreadyExists("Default security group already exists.")
    act.count(project_id, "security_group")
    act.count(project_id, "security_group_rule", 2)
    uuid = new_uuid()
    given = {"name": "", **values(body, "name", "description")}
    rows.add(act.connection, uuid=uuid, project_id=project_id, **given)
    return uuid


def update(act: Act, row: sa.Row, body: GroupChange) -> None:
    """Change a group; servers learn its new name."""
    _check_stateful(body)
    if row.default_of and body.name not in (UNSET, row.name):
        raise errors.SecurityGroupCannotUpdateDefault("Updating default security group not allowed.")
    if body.name == rows.DEFAULT and not row.default_of:
        raise errors.SecurityGroupDefaultAlreadyExists("Default security group already exists.")
    changed = sa.update(security_groups).where(security_groups.c.uuid == row.uuid)
    act.connection.execute(changed.values(**values(body, "name", "description"), updated_at=now()))
    if body.name is not UNSET:
        ports.refresh(act.connection, list(rows.servers_in(act.connection, [row.uuid])))


def delete(act: Act, row: sa.Row) -> None:
    """Delete a group in which no port is, and the rules of others that name it."""
    if row.default_of and not act.context.is_admin:
        raise errors.SecurityGroupCannotRemoveDefault("Insufficient rights for removing default security group.")
    rows.lock(act.connection, [row.uuid])
    if rows.has_ports(act.connection, row.uuid):
        raise errors.SecurityGroupInUse(f"Security Group {row.uuid} in use.")
    act.touch(rows.servers_admitting(act.connection, [row.uuid]))
    rows.remove(act.connection, row.uuid)


def _check_stateful(body: GroupChange) -> None:
    if body.stateful is False:
        raise InvalidInput("Invalid input for stateful. Reason: all security groups keep track of connections here.")


def visible(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for groups that the caller may see."""
    return sa.true() if context.is_admin else security_groups.c.project_id == context.project_id


def show(act: Act, found: Sequence[sa.Row]) -> list[dict[str, object]]:
    """Return how groups are shown."""
    its = rows.rules_of(act.connection, [row.uuid for row in found])
    return [views.security_group(row, its[row.uuid]) for row in found]


def _prepare(call: Call) -> None:
    ensure_default(call, call.context.project_id)


def ensure_default(call: Call, project_id: str) -> None:
    """Make the default group of a project unless it is there."""
    has_one = call.read(lambda act: rows.find(act.connection, security_groups.c.default_of == project_id))
    if not has_one:
        call.write("default_security_group", lambda act: rows.ensure_default(act.connection, project_id))


_COLUMNS = {
    "id": "uuid",
    "name": "name",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "description": "description",
}  # fmt: skip
SECURITY_GROUPS = Noun(
    singular="security_group",
    kind="SecurityGroup",
    table=security_groups,
    columns=_COLUMNS,
    visible=visible,
    views=show,
    new=NewGroup,
    create=create,
    change=GroupChange,
    update=update,
    delete=delete,
    prepare=_prepare,
)
