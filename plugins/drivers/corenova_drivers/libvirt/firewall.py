"""Security groups and anti-spoofing: one filter of libvirt (nwfilter) a port, which libvirt applies to running guests.

A filter is closed: what no rule lets through is dropped, both ways. In the first part, for frames, a guest may only use
its own MAC and its own addresses; in the second, for packets, the security group's rules stand, with replies let
through by connection tracking. Filters have no metadata, so whose they are is in their names.
"""

import ipaddress
import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

from corenova.exceptions import DriverError
from corenova.objects.network import Firewall, Nic, SecurityRule
from corenova_drivers.libvirt import names
from corenova_drivers.libvirt.connection import Connection, found, insisting
from corenova_drivers.libvirt.xmltree import node, text

LOG = logging.getLogger(__name__)

PROGRAMS = ("ebtables", "iptables", "ip6tables")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_NUMBERS = {"1": "icmp", "2": "igmp", "6": "tcp", "17": "udp", "50": "esp", "51": "ah", "58": "icmpv6",
            "132": "sctp", "136": "udplite", "ipv6-icmp": "icmpv6", "icmpv6": "icmpv6"}  # fmt: skip
_FILTERED = frozenset(["icmp", "icmpv6", "igmp", "tcp", "udp", "esp", "ah", "sctp", "udplite", "all"])
_WITH_PORTS = ("tcp", "udp", "sctp", "udplite")
_DHCP = (("out", 68, 67), ("in", 67, 68))
_NEIGHBOURS = (133, 135, 136)  # ICMPv6: without these no address is found; 134, the router's word, is not a guest's
_ROUTER = 134


class Filters:
    """The filters of one deployment on one host."""

    def __init__(self, connection: Connection, deployment_id: str) -> None:
        self._connection = connection
        self._deployment_id = deployment_id

    def apply(self, nics: Iterable[Nic], firewalls: Iterable[Firewall]) -> None:
        """Give each of ``nics`` what ``firewalls`` say of it, at once; those without port security have no filter."""
        rules = {firewall.port_id: firewall.rules for firewall in firewalls}
        for nic in nics:
            if nic.port_security:
                self._define(nic, rules.get(nic.port_id, ()))

    def remove(self, nics: Iterable[Nic]) -> None:
        """Remove the filters of ``nics``, which no running guest may use any more."""
        for nic in nics:
            self._remove(names.filter_name(self._deployment_id, nic.port_id))

    def sweep(self, ports: set[str]) -> None:
        """Remove our filters of all ports but these."""
        prefix = names.filter_prefix(self._deployment_id)
        for one in self._connection.get().listAllNWFilters(0):
            if one.name().startswith(prefix) and one.name().removeprefix(prefix) not in ports:
                LOG.info("Removing the filter %s, which no guest uses.", one.name())
                self._remove(one.name())

    def _define(self, nic: Nic, rules: tuple[SecurityRule, ...]) -> None:
        missing = [program for program in PROGRAMS if shutil.which(program, path=_SBIN) is None]
        if missing:
            raise DriverError(f"Ports cannot be protected: {', '.join(missing)} is not installed (Debian: iptables).")
        document = text(build(nic, rules, self._deployment_id))
        insisting(lambda: self._connection.get().nwfilterDefineXML(document))

    def _remove(self, name: str) -> None:
        one = found(lambda: self._connection.get().nwfilterLookupByName(name))
        if one is not None:
            found(one.undefine)


def build(nic: Nic, rules: Iterable[SecurityRule], deployment_id: str) -> Element:
    """Return the filter of a port. The same port has the same uuid, or libvirt would refuse a newer filter."""
    name = names.filter_name(deployment_id, nic.port_id)
    packets = [one for rule in rules for one in _translated(rule)]
    return node(
        "filter",
        node("uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, name))),
        _own_mac(nic),
        _own_arp(nic),
        _own_addresses(nic),
        _rule("accept", "in", -300, node("arp")),
        _rule("accept", "in", -300, node("ip")),
        _rule("accept", "in", -300, node("ipv6")),
        _rule("drop", "inout", -200, node("mac")),
        [_rule("accept", way, 100, node("udp", srcportstart=source, dstportstart=to)) for way, source, to in _DHCP],
        _rule("drop", "out", 110, node("udp", srcportstart=67)),
        _rule("drop", "out", 110, node("icmpv6", type=_ROUTER)),
        [_untracked("inout", number) for number in _NEIGHBOURS],
        _untracked("in", _ROUTER),
        [_rule("accept", "inout", 130, node(family, state="ESTABLISHED,RELATED")) for family in ("all", "all-ipv6")],
        packets,
        [_rule("drop", "inout", 900, node(family)) for family in ("all", "all-ipv6")],
        name=name,
        chain="root",
    )


def _rule(action: str, direction: str, priority: int, what: Element) -> Element:
    return node("rule", what, action=action, direction=direction, priority=priority)


def _untracked(direction: str, icmp_type: int) -> Element:
    """Let a message of neighbour discovery pass. The kernel does not track these, so their state matches nothing."""
    rule = _rule("accept", direction, 120, node("icmpv6", type=icmp_type))
    rule.set("statematch", "false")
    return rule


def _own_mac(nic: Nic) -> Element:
    return _rule("drop", "out", -900, node("mac", match="no", srcmacaddr=nic.mac))


def _own_arp(nic: Nic) -> list[Element]:
    """Return: the guest may only say that its own addresses are its own. 0.0.0.0 asks whether an address is free."""
    allowed = [ip.address for ip in nic.fixed_ips if ip.version == 4] + ["0.0.0.0"]
    return [
        *(_rule("accept", "out", -700, node("arp", arpsrcmacaddr=nic.mac, arpsrcipaddr=one)) for one in allowed),
        _rule("drop", "out", -690, node("arp")),
    ]


def _own_addresses(nic: Nic) -> list[Element]:
    v4 = [ip.address for ip in nic.fixed_ips if ip.version == 4]
    v6 = [ip.address for ip in nic.fixed_ips if ip.version == 6]
    local = [link_local(nic.mac), "::"]  # of each interface, and of one that has no address yet
    discover = node("ip", srcipaddr="0.0.0.0", protocol="udp", srcportstart=68, dstportstart=67)
    return [
        *(_rule("accept", "out", -500, node("ip", srcipaddr=one)) for one in v4),
        _rule("accept", "out", -500, discover),
        _rule("drop", "out", -490, node("ip")),
        *(_rule("accept", "out", -480, node("ipv6", srcipaddr=one)) for one in (*v6, *local)),
        _rule("drop", "out", -470, node("ipv6")),
    ]


def link_local(mac: str) -> str:
    """Return the address that an interface of this MAC gives itself in IPv6 (EUI-64)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]])
    return str(ipaddress.IPv6Address(bytes.fromhex("fe80000000000000") + interface))


def _translated(rule: SecurityRule) -> Iterator[Element]:
    """Yield the filter rules of a security group's rule: one for each network that it is open to."""
    protocol = (rule.protocol or "all").lower()
    protocol = _NUMBERS.get(protocol, protocol)
    if protocol not in _FILTERED:
        LOG.warning("libvirt cannot filter protocol %s: what a rule for it would let through stays shut.", protocol)
        return
    is_v6, is_in = rule.ethertype == "IPv6", rule.direction == "ingress"
    tag = protocol if not is_v6 or protocol == "icmpv6" else f"{protocol}-ipv6"
    for remote in (None,) if rule.remotes is None else rule.remotes:
        facts: dict[str, Any] = _ports(protocol, rule)
        if remote is not None:
            network = ipaddress.ip_network(remote, strict=False)
            if network.version != (6 if is_v6 else 4):
                continue
            side = "src" if is_in else "dst"
            facts |= {f"{side}ipaddr": network.network_address, f"{side}ipmask": network.prefixlen}
        yield _rule("accept", "in" if is_in else "out", 500, node(tag, **facts))


def _ports(protocol: str, rule: SecurityRule) -> dict[str, Any]:
    if protocol in _WITH_PORTS and rule.port_min is not None:
        return {"dstportstart": rule.port_min, "dstportend": rule.port_max}
    if protocol in ("icmp", "icmpv6"):
        return {"type": rule.port_min, "code": rule.port_max}
    return {}
