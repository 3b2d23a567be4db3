"""Rules of security groups: what is special about them. A rule never changes; it comes and goes."""

import ipaddress

import sqlalchemy as sa

from corenova.db import security_groups as rows
from corenova.db.schema import security_group_rules, security_groups
from corenova.exceptions import InvalidInput
from corenova.network import errors, views
from corenova.network.call import Act
from corenova.network.handlers.nouns import Noun
from corenova.network.handlers.security_groups import visible as visible_groups
from corenova.network.requests import NewRule, values
from corenova.objects.context import RequestContext, new_uuid

_ETHERTYPES = {"ipv4": "IPv4", "ipv6": "IPv6"}
_NUMBERS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "icmpv6": 58, "igmp": 2, "ip": 0,
    "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
_CALLED = {6: "tcp", 17: "udp", 1: "icmp", 58: "ipv6-icmp"}
_WITH_PORTS, _ICMP = ("tcp", "udp"), ("icmp", "ipv6-icmp")


def create(act: Act, body: NewRule) -> str:
    """Add a rule to a group of the caller's project."""
    if body.remote_ip_prefix and body.remote_group_id:
        raise InvalidInput("Only remote_ip_prefix or remote_group_id may be provided.")
    ethertype = _ETHERTYPES.get((body.ethertype or "IPv4").lower())
    if body.direction not in ("ingress", "egress") or ethertype is None:
        raise InvalidInput("Invalid input: direction is ingress or egress, ethertype is IPv4 or IPv6.")
    protocol = canonical(body.protocol, ethertype)
    _check_ports(protocol, body.port_range_min, body.port_range_max)
    groups = rows.lock(act.connection, {body.security_group_id, body.remote_group_id} - {None})
    group = _seen(act, groups, body.security_group_id)
    if body.remote_group_id:
        _seen(act, groups, body.remote_group_id)
    act.authorize("create_security_group_rule", project_id=group.project_id)
    act.count(group.project_id, "security_group_rule")
    match = {
        "direction": body.direction,
        "ethertype": ethertype,
        "port_min": body.port_range_min,
        "port_max": body.port_range_max,
        "remote_group": body.remote_group_id or None,
    }
    uuid = new_uuid()
    added = rows.add_rule(
        act.connection,
        uuid=uuid,
        group_uuid=group.uuid,
        project_id=group.project_id,
        **values(body, "description"),
        **match,
        protocol=None if protocol is None else str(body.protocol).lower(),
        remote_prefix=body.remote_ip_prefix or None,
        meaning=rows.meaning(**match, protocol=protocol, remote_prefix=_prefix(body.remote_ip_prefix, ethertype)),
    )
    if not added:
        raise errors.SecurityGroupRuleExists(f"Security group {group.uuid} has a rule of the same meaning already.")
    act.touch(rows.servers_in(act.connection, [group.uuid]))
    return uuid


def delete(act: Act, row: sa.Row) -> None:
    """Take a rule from its group."""
    act.connection.execute(sa.delete(security_group_rules).where(security_group_rules.c.uuid == row.uuid))
    act.touch(rows.servers_in(act.connection, [row.group_uuid]))


def canonical(protocol: str | int | None, ethertype: str) -> str | None:
    """Return the protocol as objects/network.py SecurityRule has it; raises InvalidInput for one that there is not."""
    text = "" if protocol is None else str(protocol).lower()
    if text in ("", "any"):
        return None
    number = _NUMBERS.get(text, int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1)
    if not 0 <= number <= 255:
        raise InvalidInput(
            f"Security group rule protocol {protocol} not supported. Only the values {', '.join(sorted(_NUMBERS))} "
            "and integer representations [0 to 255] are supported."
        )
    if number == 1 and ethertype == "IPv6":
        number = 58  # as Neutron: who writes icmp for IPv6 means its own
    if number == 58 and ethertype == "IPv4":
        raise InvalidInput(f"Invalid ethertype IPv4 for protocol {protocol}.")
    return _CALLED.get(number, str(number))


def _check_ports(protocol: str | None, low: int | None, high: int | None) -> None:
    if low is None and high is None:
        return
    if protocol in _ICMP:
        if low is None or not 0 <= low <= 255 or not 0 <= (high or 0) <= 255:
            raise InvalidInput(
                f"Invalid value for ICMP: port_range_min is a type, port_range_max a code, to 255; got {low}, {high}."
            )
    elif protocol not in _WITH_PORTS:
        raise InvalidInput("Port range is for the protocols tcp, udp and icmp. Name one of them in protocol.")
    elif low is None or high is None or not 1 <= low <= high <= 65535:
        raise InvalidInput(
            f"For TCP/UDP protocols, port_range_min must be <= port_range_max, both from 1 to 65535; got {low}, {high}."
        )


def _prefix(text: str | None, ethertype: str) -> str | None:
    """The one spelling of a network; None for one that has every address."""
    if not text:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput(f"Invalid input for remote_ip_prefix. Reason: '{text}' is not a valid IP subnet.") from None
    if f"IPv{network.version}" != ethertype:
        raise InvalidInput(f"Conflicting value ethertype {ethertype} for CIDR {text}.")
    return str(network) if network.prefixlen else None


def _seen(act: Act, groups: dict[str, sa.Row], uuid: str) -> sa.Row:
    group = groups.get(uuid)
    if group is None or not (act.context.is_admin or group.project_id == act.context.project_id):
        raise errors.not_found("SecurityGroup", uuid)
    return group


def visible(context: RequestContext) -> sa.ColumnElement[bool]:
    """Return the condition for rules that the caller may see: those of groups that the caller sees."""
    if context.is_admin:
        return sa.true()
    return security_group_rules.c.group_uuid.in_(sa.select(security_groups.c.uuid).where(visible_groups(context)))


_COLUMNS = {
    "id": "uuid",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "description": "description",
    "security_group_id": "group_uuid",
    "direction": "direction",
    "ethertype": "ethertype",
    "protocol": "protocol",
    "port_range_min": "port_min",
    "port_range_max": "port_max",
    "remote_ip_prefix": "remote_prefix",
    "remote_group_id": "remote_group",
}  # fmt: skip
SECURITY_GROUP_RULES = Noun(
    singular="security_group_rule",
    kind="SecurityGroupRule",
    table=security_group_rules,
    columns=_COLUMNS,
    visible=visible,
    views=lambda act, found: [views.security_group_rule(row) for row in found],
    new=NewRule,
    create=create,
    delete=delete,
)
