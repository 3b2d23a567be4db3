"""The network interfaces of a server as clients see them: addresses by network, names of groups, interfaces.

All is made of the JSON text in the server's row (objects/network.py); for lists of servers it is decoded once, as long
as it stays the same.
"""

import functools
from collections.abc import Iterable

import msgspec

from corenova.db.instances import decode_nics
from corenova.objects.network import FixedIP, Nic
from corenova.objects.states import PowerState

_PLUGGED = (PowerState.RUNNING, PowerState.PAUSED)


class Embedded(msgspec.Struct, frozen=True):
    """What the view of a server shows of its interfaces."""

    addresses: msgspec.Raw
    security_groups: list[dict[str, str]]


@functools.lru_cache(maxsize=8192)
def embedded(text: str) -> Embedded:
    """Return the parts of a server's view for its row's network_info."""
    nics = decode_nics(text)
    addresses = {network: [_extended(nic, ip) for nic, ip in pairs] for network, pairs in _by_network(nics).items()}
    names = dict.fromkeys(name for nic in nics for name in nic.security_groups)
    return Embedded(msgspec.Raw(msgspec.json.encode(addresses)), [{"name": name} for name in names])


def by_network(nics: Iterable[Nic]) -> dict[str, list[dict[str, object]]]:
    """Return the addresses by the network's name; a network without addresses is there too."""
    return {network: [_plain(ip) for _, ip in pairs] for network, pairs in _by_network(nics).items()}


def _by_network(nics: Iterable[Nic]) -> dict[str, list[tuple[Nic, FixedIP]]]:
    networks: dict[str, list[tuple[Nic, FixedIP]]] = {}
    for nic in nics:
        networks.setdefault(nic.network_name, []).extend((nic, ip) for ip in nic.fixed_ips)
    return networks


def _plain(ip: FixedIP) -> dict[str, object]:
    return {"version": ip.version, "addr": ip.address}


def _extended(nic: Nic, ip: FixedIP) -> dict[str, object]:
    return _plain(ip) | {"OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": nic.mac}


def interface(nic: Nic, power_state: int, version: int) -> dict[str, object]:
    """Return one interface. Its port is active while a guest is there that it is plugged into."""
    shown: dict[str, object] = {
        "net_id": nic.network_id,
        "port_id": nic.port_id,
        "mac_addr": nic.mac,
        "port_state": "ACTIVE" if power_state in _PLUGGED else "DOWN",
        "fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in nic.fixed_ips],
    }
    return shown | {"tag": nic.tag} if version >= 70 else shown
