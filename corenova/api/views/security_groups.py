"""Security groups of a server as clients of the compute API know them, from before there was a network API."""

from corenova.objects.network import GroupRule, SecurityGroup


def group(group: SecurityGroup) -> dict[str, object]:
    """Return one group with what it lets in."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [_rule(rule, group) for rule in group.rules],
    }


def _rule(rule: GroupRule, group: SecurityGroup) -> dict[str, object]:
    is_any = rule.port_min is None and rule.port_max is None
    return {
        "id": rule.id,
        "parent_group_id": group.id,
        "ip_protocol": rule.protocol,
        "from_port": -1 if is_any and rule.protocol else rule.port_min,
        "to_port": -1 if is_any and rule.protocol else rule.port_max,
        "ip_range": {"cidr": rule.remote_cidr or "0.0.0.0/0"} if rule.remote_group is None else {},
        "group": {"name": rule.remote_group, "tenant_id": group.project_id} if rule.remote_group else {},
    }
