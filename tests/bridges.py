"""The networks of the hosts of tests/libvirt_host.py: names and subnets follow from a host's number.

Subnets come from 198.18.0.0/15, which is set aside for tests and routed nowhere: eight of 256 addresses for each host.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """A NAT network of one libvirtd. ``address`` is the host's own in it; leases are .100 to .199, the rest is free."""

    name: str
    bridge: str
    prefix: str

    @property
    def address(self) -> str:
        """The gateway, where the test process can listen too."""
        return f"{self.prefix}.1"

    @property
    def netmask(self) -> str:
        """The netmask, dotted."""
        return "255.255.255.0"

    def fixed(self, number: int) -> str:
        """Return an address that DHCP gives to nobody; ``number`` is 2 to 99."""
        return f"{self.prefix}.{number}"

    def xml(self) -> str:
        """Return the definition for libvirt."""
        return f"""<network><name>{self.name}</name><forward mode='nat'/>
<bridge name='{self.bridge}' stp='off' delay='0'/>
<ip address='{self.address}' netmask='{self.netmask}'>
<dhcp><range start='{self.prefix}.100' end='{self.prefix}.199'/></dhcp></ip></network>"""


@dataclass(frozen=True)
class Join:
    """A bridge on the machine that joins hosts with network stacks of their own."""

    slot: int

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"{_prefix(self.slot)}join"

    def make(self) -> None:
        """Make the bridge, with the machine on it."""
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self._address(0)}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")

    def add(self, number: int, pid: int) -> str:
        """Put a nic eth0 on the network stack of process ``pid``, and return the address that it gets by ``inside``."""
        outer = f"{_prefix(self.slot)}eth{number}"
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        _ip("link", "set", outer, "master", self.bridge, "up")
        return self._address(number)

    def inside(self, number: int) -> Iterator[list[str]]:
        """Yield the commands that make host ``number`` reachable, to be run on its own network stack."""
        yield ["ip", "link", "set", "lo", "up"]
        yield ["ip", "addr", "add", f"{self._address(number)}/24", "dev", "eth0"]
        yield ["ip", "link", "set", "eth0", "up"]
        yield ["ip", "route", "add", "default", "via", self._address(0)]

    def _address(self, number: int) -> str:
        return f"{_subnet(self.slot, 7)}.{number + 1}"


def network(slot: int, number: int) -> Network:
    """Return network ``number`` (0 to 6) of the host that holds ``slot``."""
    if not 0 <= number <= 6:
        raise ValueError("A test host has the networks 0 to 6.")
    return Network(name=f"net{number}", bridge=f"{_prefix(slot)}net{number}", prefix=_subnet(slot, number))


def sweep(slot: int) -> None:
    """Remove the bridges, nics and packet rules that carry the name or a subnet of ``slot``."""
    for link in json.loads(_ip("-j", "link", "show")):
        if link["ifname"].startswith(_prefix(slot)):
            subprocess.run(["ip", "link", "del", link["ifname"]], capture_output=True)
    marks = (f" {_prefix(slot)}", *(f" {_subnet(slot, number)}." for number in range(8)))
    for table in ("filter", "nat", "mangle"):
        rules = subprocess.run(["iptables-save", "-t", table], capture_output=True, text=True).stdout
        for rule in rules.splitlines():
            if rule.startswith("-A ") and any(mark in rule for mark in marks):
                subprocess.run(["iptables", "-w", "-t", table, "-D", *shlex.split(rule)[1:]], capture_output=True)


def _prefix(slot: int) -> str:
    return f"cn{slot}-"


def _subnet(slot: int, number: int) -> str:
    """Return the first three numbers of a subnet's addresses."""
    index = slot * 8 + number
    return f"198.{18 + index // 256}.{index % 256}"


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
