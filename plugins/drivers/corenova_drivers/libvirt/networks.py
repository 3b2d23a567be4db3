"""The networks of guests on this host: ``nat`` and ``isolated`` ones are networks of libvirt, made at their first use.

Each carries our marker, and a DHCP entry for every port that is plugged, so that a guest gets the address that the API
shows. The last guest that uses a network takes it along. Who uses one is written on the guests themselves
(guests.Marker); those that are being built, and have no domain yet, are kept in ``_claims``, and the ports of guests
that go, whose domains are there until the end, in ``_leaving``: of several that go at once one must be the last.
"""

import contextlib
import ipaddress
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from corenova.exceptions import BuildAbort, DriverError
from corenova.objects.network import FixedIP, Nic
from corenova_drivers.libvirt import names
from corenova_drivers.libvirt.connection import Connection, found, insisting, libvirt
from corenova_drivers.libvirt.guests import Guests
from corenova_drivers.libvirt.xmltree import node, parse, text

LOG = logging.getLogger(__name__)

_MARK = f"metadata/{{{names.XML_NAMESPACE}}}network"
_SECTION = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
_BOTH = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG


class Networks:
    """The networks of one deployment on one host. Raises libvirt's errors, for Connection.steady to translate."""

    def __init__(self, connection: Connection, guests: Guests, deployment_id: str) -> None:
        self._connection = connection
        self._guests = guests
        self._deployment_id = deployment_id
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._claims: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        self._leaving: set[str] = set()

    @contextlib.contextmanager
    def claimed(self, nics: Iterable[Nic]) -> Iterator[None]:
        """Keep the networks of ``nics`` while the block runs: a guest that leaves meanwhile is not the last."""
        nics = list(nics)
        for nic in nics:
            self._claims[nic.network_id].add(nic.port_id)
        try:
            yield
        finally:
            for nic in nics:
                self._claims[nic.network_id].discard(nic.port_id)

    def plug(self, nic: Nic) -> None:
        """See to it that the network of ``nic`` is there and runs, and knows its address.

        Raises BuildAbort when a bridge that must be there is not, DriverError when a foreign network is in the way.
        """
        if nic.kind == "bridge":
            _check_bridge(nic)
            return
        with self._locks[nic.network_id]:
            with self._lock:
                self._leaving.discard(nic.port_id)
            network = self._look(nic.network_id)
            if network is None:
                network = self._connection.get().networkDefineXML(text(build(nic, self._deployment_id)))
                network.setAutostart(True)
            if not network.isActive():
                insisting(network.create)
            self._tell_address(network, nic)

    def unplug(self, nics: Iterable[Nic]) -> None:
        """Forget the addresses of ``nics`` and remove networks that nobody else uses. No error when all is gone."""
        leaving = {nic.port_id for nic in nics}
        with self._lock:
            self._leaving |= leaving
        for network_id in {nic.network_id for nic in nics if nic.kind != "bridge"}:
            with self._locks[network_id]:
                network = self._named(network_id)
                if network is None or self._id_of(network) != network_id:
                    continue
                if self._users(network_id) - leaving:
                    self._forget_addresses(network, [nic for nic in nics if nic.network_id == network_id])
                else:
                    _remove(network)

    def sweep(self) -> None:
        """Remove networks of ours that no guest uses: what a dead process left between two steps."""
        for network in self._connection.get().listAllNetworks(0):
            network_id = self._id_of(network)
            if network_id is None:
                continue
            with self._locks[network_id]:
                if not self._users(network_id):
                    LOG.info("Removing the network %s, which no guest uses.", network.name())
                    _remove(network)

    def _look(self, network_id: str) -> Any | None:
        network = self._named(network_id)
        if network is not None and self._id_of(network) != network_id:
            raise DriverError(f"A foreign network is in the way: {network.name()}; it is not ours.")
        return network

    def _named(self, network_id: str) -> Any | None:
        name = names.network_name(network_id)
        return found(lambda: self._connection.get().networkLookupByName(name))

    def _id_of(self, network: Any) -> str | None:
        """Return the id of the network that a libvirt network stands for; None when it is not ours."""
        document = found(lambda: network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
        mark = parse(document).find(_MARK) if document else None
        return mark.get("id") if mark is not None and mark.get("deployment") == self._deployment_id else None

    def _users(self, network_id: str) -> set[str]:
        """Return the ports on a network, of guests that are there and of guests that are being built."""
        plugged = [nic for _, mark in self._guests.all() for nic in mark.nics]
        with self._lock:
            self._leaving.intersection_update([nic.port_id for nic in plugged])  # the others are gone
            there = {nic.port_id for nic in plugged if nic.network_id == network_id} - self._leaving
        return there | self._claims[network_id]

    def _tell_address(self, network: Any, nic: Nic) -> None:
        wanted = _dhcp_host(nic)
        if wanted is None:
            return
        entries = list(parse(network.XMLDesc(0)).iterfind("ip/dhcp/host"))
        if any((one.get("mac"), one.get("ip")) == (nic.mac, wanted.get("ip")) for one in entries):
            return
        for one in entries:  # of a port that had this mac or this address before, and left without a word
            if one.get("mac") == nic.mac or one.get("ip") == wanted.get("ip"):
                _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, one)
        try:
            _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, wanted)
        except libvirt.libvirtError as error:
            # Of a subnet that came to the network after it was made here: the guest has its config drive.
            if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                raise
            LOG.warning("No DHCP for %s on %s: %s", wanted.get("ip"), network.name(), error)

    def _forget_addresses(self, network: Any, nics: Iterable[Nic]) -> None:
        macs = {nic.mac for nic in nics}
        for one in list(parse(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)).iterfind("ip/dhcp/host")):
            if one.get("mac") in macs:
                _update(network, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, one)


def build(nic: Nic, deployment_id: str) -> Element:
    """Return the libvirt network that ``nic`` is to be plugged into, with its entry in it already."""
    own = [ip for ip in nic.fixed_ips if _own_address(ip)]
    # The host answers questions itself at the gateway's address: what it passed on to that would come back for ever.
    dns = [server for ip in nic.fixed_ips for server in ip.dns if server not in {one.gateway for one in own}]
    return node(
        "network",
        node("name", names.network_name(nic.network_id)),
        node(
            "metadata",
            node(
                f"{{{names.XML_NAMESPACE}}}network", id=nic.network_id, name=nic.network_name, deployment=deployment_id
            ),
        ),
        node("forward", mode="nat") if nic.kind == "nat" else None,
        node("bridge", name=names.bridge_name(nic.network_id), stp="off", delay=0),
        node("mtu", size=nic.mtu),
        node("dns", [node("forwarder", addr=server) for server in dict.fromkeys(dns)]) if dns else None,
        [_subnet(ip, nic) for ip in own],
    )


def _subnet(ip: FixedIP, nic: Nic) -> Element:
    """Return the host's own address on a subnet, and its DHCP service."""
    host = _dhcp_host(nic) if ip.dhcp and ip.version == 4 else None
    return node(
        "ip",
        node("dhcp", host) if host is not None else None,
        family="ipv4" if ip.version == 4 else "ipv6",
        address=_own_address(ip),
        prefix=ipaddress.ip_network(ip.cidr).prefixlen,
    )


def _own_address(ip: FixedIP) -> str | None:
    """Return the host's address on a subnet; None for one on which it has none.

    It is the gateway's, because the host routes for it. On a subnet without one the host is there to serve DHCP only,
    at the first address, which the network service gives to nobody.
    """
    if ip.gateway or not (ip.dhcp and ip.version == 4):
        return ip.gateway
    return str(next(ipaddress.ip_network(ip.cidr).hosts()))


def _dhcp_host(nic: Nic) -> Element | None:
    """Return the DHCP entry of a port: its first address of version 4 on a subnet with DHCP."""
    for ip in nic.fixed_ips:
        if ip.version == 4 and ip.dhcp:
            return node("host", mac=nic.mac, ip=ip.address)
    return None


def _update(network: Any, command: int, entry: Element) -> None:
    flags = _BOTH if network.isActive() else libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    network.update(command, _SECTION, -1, text(entry), flags)


def _remove(network: Any) -> None:
    # Undefined last: while it is defined it can be found, and its removal be finished, by whoever comes next.
    if network.isActive():
        found(network.destroy)
    found(network.undefine)


def _check_bridge(nic: Nic) -> None:
    if not nic.bridge or not Path("/sys/class/net", nic.bridge, "bridge").exists():
        raise BuildAbort(f"The network {nic.network_name} is on bridge {nic.bridge}, which this host does not have.")
