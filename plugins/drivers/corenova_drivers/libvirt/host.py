"""What libvirt says of its machine, read once per connection: the facts that inventory.py reports and domain.py heeds.

``read`` asks, everything else is pure. test:///default knows less than QEMU; what it does not know is empty.
"""

from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from corenova_drivers.libvirt.connection import found, libvirt
from corenova_drivers.libvirt.xmltree import attribute, parse, text

ARCHITECTURES = {"x86_64": "x86_64", "i686": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x"}
"""Architecture of libvirt and what guests are asked to be: the test hypervisor says i686 on any machine."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A NUMA cell: its CPUs by core (each entry the threads of one), and huge pages by size in KiB."""

    id: int
    memory_mb: int
    cores: tuple[tuple[int, ...], ...]
    pages: dict[int, int] = {}


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What domain capabilities say of one machine type; a guest that asks for anything else is refused."""

    disk_buses: frozenset[str] = frozenset()
    video_models: frozenset[str] = frozenset()
    rng_backends: frozenset[str] = frozenset()
    cpu_modes: frozenset[str] = frozenset()
    cpu_models: frozenset[str] = frozenset()
    cpu_features: frozenset[str] = frozenset()
    firmwares: frozenset[str] = frozenset()


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and its hypervisor.

    :param virt_type: ``kvm``, ``qemu`` or ``test``.
    :param machines: what each machine type that may be asked for is.
    :param memory_mb: all of it.
    :param version: as libvirt counts: 7002000 is 7.2.0.
    """

    arch: str
    virt_type: str
    hypervisor_type: str
    version: int
    memory_mb: int
    cpus: int
    sockets: int = 1
    cores: int = 1
    threads: int = 1
    cpu_model: str = ""
    cpu_vendor: str = ""
    cpu_features: frozenset[str] = frozenset()
    cells: tuple[Cell, ...] = ()
    machines: dict[str, MachineFacts] = {}

    @property
    def is_test(self) -> bool:
        """Tell whether guests are of nothing: no disks, no networks, no filters."""
        return self.virt_type == "test"


def read(connection: Any, virt_type: str, machine_types: tuple[str, ...]) -> HostFacts:
    """Return the facts of the machine behind ``connection``, for guests of ``virt_type``.

    :param machine_types: those to look into beside the names that the hypervisor itself gives.
    """
    capabilities = parse(connection.getCapabilities())
    cpu = capabilities.find("host/cpu")
    arch, is_test = capabilities.findtext("host/cpu/arch", "x86_64"), virt_type == "test"
    cells = tuple(_cell(one) for one in capabilities.iterfind("host/topology/cells/cell"))
    threads = int(attribute(cpu, "topology", "threads") or 1)
    sockets = int(attribute(cpu, "topology", "sockets") or 1)
    cpus = sum(len(core) for cell in cells for core in cell.cores) or connection.getInfo()[2]
    return HostFacts(
        arch=arch,
        virt_type=virt_type,
        hypervisor_type=connection.getType(),
        version=connection.getVersion(),
        memory_mb=_memory_mb(connection, is_test=is_test),
        cpus=cpus,
        sockets=sockets,
        threads=threads,
        cores=max(1, cpus // (sockets * threads)),
        cpu_model=capabilities.findtext("host/cpu/model", ""),
        cpu_vendor=capabilities.findtext("host/cpu/vendor", ""),
        cpu_features=_features(connection, cpu) if not is_test else frozenset(),
        cells=cells,
        machines={} if is_test else _machines(connection, capabilities, arch, virt_type, machine_types),
    )


def machine(connection: Any, arch: str, name: str, virt_type: str) -> MachineFacts:
    """Return what guests of machine type ``name`` may have."""
    tree = parse(connection.getDomainCapabilities(None, arch, name, virt_type))

    def values(path: str) -> frozenset[str]:
        return frozenset(one.text or "" for one in tree.iterfind(f"{path}/value"))

    model = tree.find("cpu/mode[@name='host-model']")
    return MachineFacts(
        disk_buses=values("devices/disk/enum[@name='bus']"),
        video_models=values("devices/video/enum[@name='modelType']"),
        rng_backends=values("devices/rng/enum[@name='backendModel']"),
        cpu_modes=frozenset(one.get("name", "") for one in tree.iterfind("cpu/mode[@supported='yes']")),
        cpu_models=frozenset(one.text or "" for one in tree.iterfind("cpu/mode[@name='custom']/model[@usable='yes']")),
        cpu_features=_guest_features(connection, model, arch, virt_type),
        firmwares=values("os/enum[@name='firmware']"),
    )


def _machines(
    connection: Any, capabilities: Element, arch: str, virt_type: str, wanted: tuple[str, ...]
) -> dict[str, MachineFacts]:
    """Return the machine types that may be asked for. All but those in use share the facts of pc or q35, whose versions
    differ in none of them: to ask for each takes seconds."""
    aliases: dict[str, str] = {}
    for one in capabilities.iterfind(f"guest/arch[@name='{arch}']/machine"):
        aliases[one.text or ""] = "q35" if "q35" in (one.text or "") else "pc"
    families = {
        family: machine(connection, arch, family, virt_type)
        for family in sorted({*aliases.values(), *wanted} & aliases.keys())
    }
    return {name: families[family] for name, family in aliases.items() if family in families}


def _memory_mb(connection: Any, *, is_test: bool) -> int:
    # getInfo and the NUMA cells count what the kernel has taken into use so far, which grows on some machines.
    if is_test:
        return connection.getInfo()[1]
    return connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"] // 1024


def _cell(tree: Element) -> Cell:
    cores: dict[str, tuple[int, ...]] = {}
    for cpu in tree.iterfind("cpus/cpu"):
        cores.setdefault(cpu.get("siblings") or cpu.get("id", ""), ())
        cores[cpu.get("siblings") or cpu.get("id", "")] += (int(cpu.get("id", "0")),)
    pages = {int(one.get("size", "0")): int(one.text or 0) for one in tree.iterfind("pages")}
    smallest = min(pages, default=0)
    return Cell(
        id=int(tree.get("id", "0")),
        memory_mb=int(tree.findtext("memory", "0")) // 1024,
        cores=tuple(cores.values()),
        pages={size: count for size, count in pages.items() if count and size != smallest},
    )


def _features(connection: Any, cpu: Element | None) -> frozenset[str]:
    """Return the host CPU's features, those that its model implies included."""
    if cpu is None:
        return frozenset()
    own = frozenset(one.get("name", "") for one in cpu.iterfind("feature"))
    whole = found_or_nothing(
        lambda: connection.baselineCPU([text(cpu)], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)
    )
    return own | _required(whole)


def _guest_features(connection: Any, model: Element | None, arch: str, virt_type: str) -> frozenset[str]:
    if model is None or model.get("supported") != "yes":
        return frozenset()
    cpu = Element("cpu", {"mode": "custom", "match": "exact"})
    cpu.extend(list(model))
    whole = found_or_nothing(
        lambda: connection.baselineHypervisorCPU(
            None, arch, None, virt_type, [text(cpu)], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
        )
    )
    return _required(whole) or frozenset(
        one.get("name", "") for one in model.iterfind("feature") if one.get("policy") == "require"
    )


def _required(document: str | None) -> frozenset[str]:
    if not document:
        return frozenset()
    return frozenset(
        one.get("name", "") for one in parse(document).iterfind("feature") if one.get("policy") in (None, "require")
    )


def found_or_nothing(look: Any) -> Any:
    """Return what ``look`` finds; None where this libvirt cannot tell, which costs traits and nothing else."""
    try:
        return found(look)
    except libvirt.libvirtError:
        return None
