"""Rows of security groups and their rules, and what they mean for servers: who reaches whom, whom a change touches.

Every project has a group ``default``, made when it is first needed. A group is held (:func:`lock`) by whoever puts a
port into it or removes it.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.chunks import chunks
from corenova.db.engine import execute_many, for_update, now
from corenova.db.ports import groups_of, of_servers
from corenova.db.schema import (
    networks,
    port_addresses,
    port_security_groups,
    ports,
    security_group_rules,
    security_groups,
)
from corenova.objects.context import new_uuid
from corenova.objects.network import Firewall, SecurityRule

DEFAULT = "default"
_BAR = "|"
_ADD_RULE = sa.insert(security_group_rules).values(created_at=now())
_some = sa.bindparam("some", expanding=True)
_g, _r, _p, _l = security_groups.c, security_group_rules.c, ports.c, port_security_groups.c

_NAMED = sa.select(security_groups).where(_g.uuid.in_(_some)).order_by(_g.id)
_DEFAULT = sa.select(_g.uuid).where(_g.default_of == sa.bindparam("of_project"))


def add(connection: sa.Connection, **values: object) -> None:
    """Insert a group; every group lets out all that its ports send."""
    connection.execute(sa.insert(security_groups).values(**values, created_at=now(), updated_at=now()))
    open_way_out = [{"direction": "egress", "ethertype": ethertype} for ethertype in ("IPv4", "IPv6")]
    _add_rules(connection, values["uuid"], values["project_id"], open_way_out)


def ensure_default(connection: sa.Connection, project_id: str) -> str:
    """Return the uuid of the project's default group, made now when it has none: its members reach each other."""
    uuid = connection.execute(_DEFAULT, {"of_project": project_id}).scalar()
    if uuid is not None:
        return uuid
    made = new_uuid()
    try:
        with connection.begin_nested():
            add(
                connection,
                uuid=made,
                project_id=project_id,
                name=DEFAULT,
                description="Default security group",
                default_of=project_id,
            )
            of_members = [
                {"direction": "ingress", "ethertype": ethertype, "remote_group": made} for ethertype in ("IPv4", "IPv6")
            ]
            _add_rules(connection, made, project_id, of_members)
        return made
    except db_error.DBDuplicateEntry:  # another transaction has made it meanwhile
        return connection.execute(_DEFAULT, {"of_project": project_id}).scalar()


def _add_rules(connection: sa.Connection, group: str, project_id: str, rules: Sequence[dict[str, str]]) -> None:
    more = {"group_uuid": group, "project_id": project_id}
    execute_many(connection, _ADD_RULE, [{"uuid": new_uuid(), **more, **r, "meaning": meaning(**r)} for r in rules])


def add_rule(connection: sa.Connection, **values: object) -> bool:
    """Insert a rule; False when its group has one of the same meaning."""
    try:
        with connection.begin_nested():
            connection.execute(_ADD_RULE.values(**values))
        return True
    except db_error.DBDuplicateEntry:
        return False


def meaning(
    *,
    direction: str,
    ethertype: str,
    protocol: str | None = None,
    port_min: int | None = None,
    port_max: int | None = None,
    remote_prefix: str | None = None,
    remote_group: str | None = None,
) -> str:
    """Return what a rule lets through in one spelling; ``protocol`` and ``remote_prefix`` are canonical ones."""
    parts = (direction, ethertype, protocol, port_min, port_max, remote_prefix, remote_group)
    return _BAR.join("" if part is None else str(part) for part in parts)


def find(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Sequence[sa.Row]:
    """Return the groups of which the conditions are true, oldest first."""
    return connection.execute(sa.select(security_groups).where(*conditions).order_by(_g.id)).all()


def lock(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, sa.Row]:
    """Hold these groups until the commit and return those that are there."""
    held = connection.execute(for_update(_NAMED, connection), {"some": list(uuids)})
    return {row.uuid: row for row in held}


def rules_of(connection: sa.Connection, uuids: Collection[str]) -> dict[str, list[sa.Row]]:
    """Return the rules of each of these groups, oldest first."""
    found: dict[str, list[sa.Row]] = defaultdict(list)
    for some in chunks(uuids):
        select = sa.select(security_group_rules).where(_r.group_uuid.in_(some)).order_by(_r.id)
        for row in connection.execute(select):
            found[row.group_uuid].append(row)
    return found


def has_ports(connection: sa.Connection, uuid: str) -> bool:
    """Tell whether any port is in the group."""
    return connection.execute(sa.select(_l.port_uuid).where(_l.group_uuid == uuid).limit(1)).first() is not None


def remove(connection: sa.Connection, uuid: str) -> None:
    """Delete a group, its rules, and the rules of others that name it."""
    connection.execute(sa.delete(security_group_rules).where(sa.or_(_r.group_uuid == uuid, _r.remote_group == uuid)))
    connection.execute(sa.delete(security_groups).where(_g.uuid == uuid))


def servers_in(connection: sa.Connection, uuids: Iterable[str]) -> set[str]:
    """Return the servers with a port in one of these groups."""
    member = sa.select(_l.port_uuid).where(_l.group_uuid.in_(list(uuids)))
    select = sa.select(_p.instance_uuid).where(_p.uuid.in_(member), _p.instance_uuid.is_not(None))
    return set(connection.execute(select).scalars())


def servers_admitting(connection: sa.Connection, uuids: Iterable[str]) -> set[str]:
    """Return the servers whose rules name one of these groups as remote: they must know when it changes its members."""
    uuids = list(uuids)
    naming = connection.execute(sa.select(_r.group_uuid).distinct().where(_r.remote_group.in_(uuids))).scalars().all()
    return servers_in(connection, naming) if naming else set()


def affected(connection: sa.Connection, instance_uuids: Sequence[str]) -> set[str]:
    """Return the other servers whose firewalls name the addresses of these: to be told when those come or go.

    To be asked while the servers have their ports: after an allocation, before a release.
    """
    port_uuids = [row.uuid for row in of_servers(connection, instance_uuids)]
    groups = {group.group_uuid for its in groups_of(connection, port_uuids).values() for group in its}
    return servers_admitting(connection, groups) - set(instance_uuids) if groups else set()


def firewalls(connection: sa.Connection, instance_uuids: Sequence[str]) -> dict[str, list[Firewall]]:
    """Return what may pass each secured port of these servers: nothing when port or network are administratively down.

    Five queries, however many servers.
    """
    rows = [row for row in of_servers(connection, instance_uuids) if row.port_security]
    down = _down_networks(connection, {row.network_uuid for row in rows})
    groups = groups_of(connection, [row.uuid for row in rows])
    rules = rules_of(connection, {group.group_uuid for its in groups.values() for group in its})
    remotes = {rule.remote_group for its in rules.values() for rule in its if rule.remote_group}
    members = _members(connection, remotes) if remotes else {}
    found: dict[str, list[Firewall]] = defaultdict(list)
    for row in rows:
        is_up = row.admin_state_up and row.network_uuid not in down
        its = [rule for group in groups[row.uuid] for rule in rules[group.group_uuid]] if is_up else []
        open_ = dict.fromkeys(_as_rule(rule, members) for rule in its)
        found[row.instance_uuid].append(Firewall(port_id=row.uuid, rules=tuple(open_)))
    return found


def _down_networks(connection: sa.Connection, uuids: set[str]) -> set[str]:
    select = sa.select(networks.c.uuid).where(networks.c.uuid.in_(uuids), networks.c.admin_state_up.is_(False))
    return set(connection.execute(select).scalars())


def _members(connection: sa.Connection, groups: Iterable[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The addresses of each group's ports by (group, ethertype), in CIDR form and in order."""
    select = (
        sa.select(_l.group_uuid, port_addresses.c.address)
        .join_from(port_security_groups, port_addresses, port_addresses.c.port_uuid == _l.port_uuid)
        .where(_l.group_uuid.in_(list(groups)))
    )
    found: dict[tuple[str, str], list] = defaultdict(list)
    for group, address in connection.execute(select):
        network = ipaddress.ip_network(address)
        found[group, f"IPv{network.version}"].append(network)
    return {key: tuple(map(str, sorted(set(its)))) for key, its in found.items()}


def _as_rule(rule: sa.Row, members: dict[tuple[str, str], tuple[str, ...]]) -> SecurityRule:
    _, _, protocol, _, _, prefix, _ = rule.meaning.split(_BAR)
    remotes = (prefix,) if prefix else None
    if rule.remote_group:
        remotes = members.get((rule.remote_group, rule.ethertype), ())
    return SecurityRule(
        direction=rule.direction,
        ethertype=rule.ethertype,
        protocol=protocol or None,
        port_min=rule.port_min,
        port_max=rule.port_max,
        remotes=remotes,
    )
