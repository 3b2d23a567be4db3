"""Security groups as the compute API has them: those of a server, which means of its ports."""

import sqlalchemy as sa

from corenova.db import ports, security_groups
from corenova.db.schema import port_security_groups
from corenova.db.schema import security_groups as group_table
from corenova.exceptions import Conflict, NotFound
from corenova.objects.context import RequestContext
from corenova.objects.network import GroupRule, SecurityGroup


def of_server(connection: sa.Connection, instance_uuid: str) -> list[SecurityGroup]:
    """Return the groups of the server's ports, each once, with what they let in."""
    rows = ports.of_servers(connection, [instance_uuid])
    linked = ports.groups_of(connection, [row.uuid for row in rows])
    uuids = list(dict.fromkeys(group.group_uuid for row in rows for group in linked[row.uuid]))
    groups = security_groups.find(connection, group_table.c.uuid.in_(uuids)) if uuids else []
    rules = security_groups.rules_of(connection, uuids)
    remotes = {rule.remote_group for its in rules.values() for rule in its if rule.remote_group}
    named = security_groups.find(connection, group_table.c.uuid.in_(remotes)) if remotes else []
    names = {row.uuid: row.name for row in named}
    return [
        SecurityGroup(
            id=group.uuid,
            name=group.name,
            description=group.description,
            project_id=group.project_id,
            rules=tuple(_rule(rule, names) for rule in rules[group.uuid] if rule.direction == "ingress"),
        )
        for group in groups
    ]


def _rule(row: sa.Row, names: dict[str, str]) -> GroupRule:
    return GroupRule(
        id=row.uuid,
        protocol=row.protocol,
        port_min=row.port_min,
        port_max=row.port_max,
        remote_cidr=row.remote_prefix,
        remote_group=names.get(row.remote_group) if row.remote_group else None,
    )


def change(connection: sa.Connection, context: RequestContext, instance_uuid: str, name: str, *, add: bool) -> None:
    """Put the server's secured ports into a group, or take them out; see corenova/contracts/network.py."""
    secured = [row.uuid for row in ports.hold_of_server(connection, instance_uuid) if row.port_security]
    group = _group(connection, context, name)
    if group not in security_groups.lock(connection, [group]):
        raise NotFound(f"Security group {name} could not be found.")
    linked = ports.groups_of(connection, secured)
    inside = [uuid for uuid in secured if group in {one.group_uuid for one in linked[uuid]}]
    if add:
        if not secured:
            raise Conflict(f"Server {instance_uuid} has no port that can be in a security group.")
        ports.link(connection, [uuid for uuid in secured if uuid not in inside], [group])
    else:
        if not inside:
            raise NotFound(f"Security group {name} is not associated with server {instance_uuid}.")
        links = port_security_groups.c
        connection.execute(
            sa.delete(port_security_groups).where(links.port_uuid.in_(inside), links.group_uuid == group)
        )
    ports.refresh(connection, [instance_uuid])


def _group(connection: sa.Connection, context: RequestContext, text: str) -> str:
    """Return the uuid of a group of the caller's project, by id or name."""
    its_own = group_table.c.project_id == context.project_id
    found = security_groups.find(connection, its_own, sa.or_(group_table.c.uuid == text, group_table.c.name == text))
    by_id = [row for row in found if row.uuid == text]
    if not found:
        raise NotFound(f"Security group {text} could not be found.")
    if len(found) > 1 and not by_id:
        raise Conflict(f"Multiple security groups found matching '{text}'. Use an ID to be more specific.")
    return (by_id or found)[0].uuid
