"""The hosts of the fake driver: equal ones from the options, or classes of hosts from a file (``[fake] classes_file``).

A class says how many hosts there are and what each has: sizes, NUMA cells, pinned CPUs, huge pages, PCI devices, traits
and inventories of any resource class. The file is YAML (so JSON will do); ``etc/corenova/fake-hosts.yaml.sample`` shows
every key.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from corenova.exceptions import ConfigurationError
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, PCPU, VCPU
from corenova.objects.topology import HostTopology, NumaCell, PciPool

HYPERVISOR_TYPE = "fake"
HYPERVISOR_VERSION = 1_000_000
SUPPORTED_INSTANCES = (("x86_64", "qemu", "hvm"),)

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Ratio = Annotated[float, msgspec.Meta(gt=0)]
ResourceClass = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_]{1,64}$")]
Trait = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_]{1,255}$")]


class Numa(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the CPUs and the RAM of a host are divided, evenly, among its cells.

    :param threads: CPUs of one core.
    :param dedicated: CPUs of each cell that are for pinning (PCPU); the others are shared (VCPU).
    :param huge_pages: pages of each cell by size in KiB; a part of the host's RAM.
    """

    cells: Positive = 1
    threads: Positive = 1
    dedicated: NotNegative = 0
    huge_pages: dict[Positive, Positive] = {}


class Pci(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``count`` equal devices, attached to NUMA cell ``cell`` if given."""

    vendor_id: str
    product_id: str
    count: Positive = 1
    device_type: str = "type-PCI"
    cell: NotNegative | None = None


class HostClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One class of equal hosts, named by ``name_prefix`` and a number."""

    name_prefix: str
    count: Positive
    vcpus: Positive = 64
    ram_mb: Positive = 262144
    disk_gb: Positive = 4096
    cpu_allocation_ratio: Ratio = 4.0
    ram_allocation_ratio: Ratio = 1.0
    disk_allocation_ratio: Ratio = 1.0
    numa: Numa | None = None
    pci: tuple[Pci, ...] = ()
    traits: tuple[Trait, ...] = ()
    inventories: dict[ResourceClass, Inventory] = {}
    hypervisor_type: str = HYPERVISOR_TYPE
    hypervisor_version: int = HYPERVISOR_VERSION
    supported_instances: tuple[tuple[str, str, str], ...] = SUPPORTED_INSTANCES
    cpu_info: dict[str, Any] = {}


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    classes: Annotated[tuple[HostClass, ...], msgspec.Meta(min_length=1)]


def reports(section: Any) -> dict[str, HostReport]:
    """Return what each host tells of itself, by name; raises ConfigurationError for a file that cannot be read."""
    if section.classes_file:
        return _of_classes(read(section.classes_file).classes)
    sizes = ("vcpus", "ram_mb", "disk_gb", "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio")
    only = HostClass(
        name_prefix=section.name_prefix, count=section.hosts, **{name: getattr(section, name) for name in sizes}
    )
    return _of_classes([only])


def read(path: str) -> Fleet:
    """Return the fleet that the file describes.

    :raises ConfigurationError: it cannot be read, or says what cannot be; the message names the place in it.
    """
    try:
        fleet = msgspec.convert(yaml.safe_load(Path(path).read_text("utf-8")), Fleet)
        for number, host_class in enumerate(fleet.classes):
            _check(host_class, f"$.classes[{number}]")
    except OSError as error:
        raise ConfigurationError(f"[fake] classes_file = {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"[fake] classes_file = {path}: {' '.join(str(error).split())}. Mend it.") from None
    return fleet


def _check(one: HostClass, place: str) -> None:
    """Refuse what the types cannot: numbers that do not go together."""
    numa = one.numa or Numa()
    complaints = (
        (one.vcpus % (numa.cells * numa.threads), "vcpus cannot be divided among its cells and cores"),
        (one.ram_mb % numa.cells, "ram_mb cannot be divided among its cells"),
        (numa.dedicated % numa.threads, "numa.dedicated must be whole cores"),
        (numa.dedicated > one.vcpus // numa.cells, "numa.dedicated is more than the CPUs of a cell"),
        (
            sum(kb * pages for kb, pages in numa.huge_pages.items()) > one.ram_mb * 1024 // numa.cells,
            "numa.huge_pages are more than the RAM of a cell",
        ),
        (
            any(pci.cell is not None and pci.cell >= numa.cells for pci in one.pci),
            f"a PCI device is at a cell beyond the last ({numa.cells - 1})",
        ),
        (one.inventories.keys() & {VCPU, PCPU, MEMORY_MB, DISK_GB}, "inventories names a class that has its own key"),
    )
    for wrong, sentence in complaints:
        if wrong:
            raise msgspec.ValidationError(f"{sentence} - at `{place}`")


def _of_classes(classes: list[HostClass] | tuple[HostClass, ...]) -> dict[str, HostReport]:
    found: dict[str, HostReport] = {}
    for one in classes:
        pattern = _report(one)
        width = max(3, len(str(one.count)))
        for number in range(1, one.count + 1):
            name = f"{one.name_prefix}{number:0{width}d}"
            if name in found:
                raise ConfigurationError(f"[fake] classes_file: two classes have a host {name}. Change a name_prefix.")
            found[name] = msgspec.structs.replace(pattern, host=name)
    return found


def _report(one: HostClass) -> HostReport:
    def inventory(total: int, ratio: float) -> Inventory:
        # One guest never gets more than the host physically has, whatever the ratio: Placement's max_unit.
        return Inventory(total=total, allocation_ratio=ratio, max_unit=total)

    pinned = one.numa.cells * one.numa.dedicated if one.numa is not None else 0
    sizes = {
        VCPU: inventory(one.vcpus - pinned, one.cpu_allocation_ratio),
        PCPU: inventory(pinned, 1.0),
        MEMORY_MB: inventory(one.ram_mb, one.ram_allocation_ratio),
        DISK_GB: inventory(one.disk_gb, one.disk_allocation_ratio),
    }
    described = {
        "arch": "x86_64",
        "model": "fake",
        "vendor": "corenova",
        "topology": {"sockets": 1, "cores": one.vcpus, "threads": 1},
        "features": [],
    }
    return HostReport(
        host="",
        hypervisor_type=one.hypervisor_type,
        hypervisor_version=one.hypervisor_version,
        inventories={name: held for name, held in sizes.items() if held.total} | one.inventories,
        traits=one.traits,
        supported_instances=one.supported_instances,
        cpu_info=described | one.cpu_info,
        topology=HostTopology(cells=_cells(one), pools=_pools(one)) if one.numa or one.pci else None,
    )


def _cells(one: HostClass) -> tuple[NumaCell, ...]:
    numa = one.numa
    if numa is None:
        return ()
    size = one.vcpus // numa.cells
    cells = []
    for number in range(numa.cells):
        cpus = range(number * size, number * size + size)
        cores = [tuple(cpus[at : at + numa.threads]) for at in range(0, size, numa.threads)]
        split = numa.dedicated // numa.threads
        cells.append(
            NumaCell(
                id=number,
                memory_mb=one.ram_mb // numa.cells,
                shared=tuple(cores[split:]),
                dedicated=tuple(cores[:split]),
                pages=numa.huge_pages,
            )
        )
    return tuple(cells)


def _pools(one: HostClass) -> tuple[PciPool, ...]:
    return tuple(
        PciPool(
            vendor_id=pci.vendor_id,
            product_id=pci.product_id,
            device_type=pci.device_type,
            cell=pci.cell,
            addresses=tuple(f"0000:{bus:02x}:{slot >> 3:02x}.{slot & 7}" for slot in range(pci.count)),
        )
        for bus, pci in enumerate(one.pci, start=1)
    )
