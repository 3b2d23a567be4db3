"""Diagnostics: what libvirt counts of a running guest, in the words of the contract. It does not know since when."""

from corenova.contracts.driver_abilities import Diagnostics
from corenova.objects.states import PowerState
from corenova_drivers.libvirt import guests
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import attribute, parse

_NIC = {"rx_octets": "rx.bytes", "rx_packets": "rx.pkts", "rx_errors": "rx.errs", "rx_drop": "rx.drop",
        "tx_octets": "tx.bytes", "tx_packets": "tx.pkts", "tx_errors": "tx.errs", "tx_drop": "tx.drop"}  # fmt: skip
_DISK = {"read_bytes": "rd.bytes", "read_requests": "rd.reqs", "write_bytes": "wr.bytes", "write_requests": "wr.reqs"}


def get_diagnostics(hypervisor: Hypervisor, uuid: str) -> Diagnostics:
    """Return the counters of a guest."""
    domain = hypervisor.guests.find(uuid)
    state = guests.power_state(domain)
    stats = hypervisor.connection.get().domainListGetStats([domain], 0, 0)[0][1]
    tree = parse(domain.XMLDesc(0))
    memory = domain.memoryStats() if domain.isActive() else {}
    available, unused = memory.get("available"), memory.get("unused")
    macs = [attribute(one, "mac", "address") for one in tree.iterfind("devices/interface")]
    return Diagnostics(
        state=PowerState.NAMES[state],
        driver="libvirt",
        hypervisor=hypervisor.facts.virt_type,
        hypervisor_os="linux",
        config_drive=tree.find("devices/disk[@device='cdrom']") is not None,
        memory_maximum_mb=domain.maxMemory() // 1024,
        memory_used_mb=(available - unused) // 1024 if available is not None and unused is not None else None,
        cpu_times_ns=tuple(stats.get(f"vcpu.{number}.time") for number in range(stats.get("vcpu.current", 0))),
        nics=tuple(
            {"mac_address": mac} | {name: stats.get(f"net.{number}.{key}") for name, key in _NIC.items()}
            for number, mac in enumerate(macs)
        ),
        disks=tuple(
            {name: stats.get(f"block.{number}.{key}", 0) for name, key in _DISK.items()}
            for number in range(stats.get("block.count", 0))
        ),
    )
