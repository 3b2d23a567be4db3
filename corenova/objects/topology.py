"""NUMA cells and PCI devices as values: what a host has, what is used of it, what a request wishes and what it got.

A host's CPUs are of two kinds, as in Nova: *shared* ones, on which vCPUs float and are overcommitted, and *dedicated*
ones, each pinned to one vCPU. Which wish fits where is decided in ``topology_fit``, what a request wishes in
``topology_wish``; the database keeps claims (db/topologies.py).
"""

from collections import Counter

import msgspec

SMALL_PAGE_KB = 4
PREFER, ISOLATE, REQUIRE = "prefer", "isolate", "require"
REQUIRED, LEGACY, PREFERRED = "required", "legacy", "preferred"


class NumaCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One NUMA cell of a host.

    :param shared: the CPUs that vCPUs float on, core by core: each entry is the threads of one core.
    :param dedicated: the CPUs for pinning, likewise.
    :param pages: huge pages by size in KiB; they are part of ``memory_mb``, and only for who asks for them.
    """

    id: int
    memory_mb: int = 0
    shared: tuple[tuple[int, ...], ...] = ()
    dedicated: tuple[tuple[int, ...], ...] = ()
    pages: dict[int, int] = {}

    @property
    def small_mb(self) -> int:
        """MiB of RAM that is not in huge pages."""
        return self.memory_mb - sum(size_kb * count for size_kb, count in self.pages.items()) // 1024


class PciPool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Equal PCI devices of a host.

    :param device_type: type-PCI, type-PF or type-VF (Nova's words).
    :param cell: the NUMA cell they are attached to; None when the hypervisor does not tell.
    """

    vendor_id: str
    product_id: str
    addresses: tuple[str, ...]
    device_type: str = "type-PCI"
    cell: int | None = None


class CellUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is claimed of a cell: floating vCPUs, MiB of small pages, and huge pages by size in KiB."""

    vcpus: int = 0
    memory_mb: int = 0
    pages: dict[int, int] = {}


class TopologyUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is claimed on a host: dedicated CPUs, shares of cells by cell id, PCI addresses. Equal use is equal."""

    cpus: tuple[int, ...] = ()
    cells: dict[int, CellUse] = {}
    devices: tuple[str, ...] = ()


UNUSED = TopologyUse()


class HostTopology(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a host has and what is used of it. A driver reports it with nothing used."""

    cells: tuple[NumaCell, ...] = ()
    pools: tuple[PciPool, ...] = ()
    used: TopologyUse = UNUSED

    @property
    def free_devices(self) -> int:
        """How many PCI devices no instance has (HostState.free_pci_devices)."""
        taken = set(self.used.devices)
        return sum(address not in taken for pool in self.pools for address in pool.addresses)


class WishedCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One NUMA cell of a guest: the numbers of its vCPUs, those of them that are to be pinned, and its MiB."""

    vcpus: tuple[int, ...]
    memory_mb: int
    dedicated: tuple[int, ...] = ()


class PciSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which devices an alias means; None matches any."""

    vendor_id: str | None = None
    product_id: str | None = None
    device_type: str | None = None

    def matches(self, pool: PciPool) -> bool:
        """Tell whether the devices of ``pool`` are meant."""
        return all(
            value is None or getattr(pool, name) == value for name, value in msgspec.structs.asdict(self).items()
        )


class PciRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``count`` devices that match any of ``specs``.

    :param numa_policy: for a guest with NUMA cells: ``required`` (on its cells), ``legacy`` (on its cells, or on none
        that is known) or ``preferred`` (anywhere, its cells first).
    """

    alias: str
    count: int
    specs: tuple[PciSpec, ...]
    numa_policy: str = LEGACY


class TopologyWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request wishes of its host's topology.

    :param cells: the guest's cells, each on a host cell of its own; empty: it floats over the whole host.
    :param thread_policy: how pinned vCPUs share cores: ``prefer`` or ``require`` siblings, or ``isolate`` from them.
    :param page_size: ``small``, ``large``, ``any``, or KiB; None: small pages, overcommitted by the host's ratio.
    """

    cells: tuple[WishedCell, ...] = ()
    thread_policy: str = PREFER
    page_size: str | int | None = None
    devices: tuple[PciRequest, ...] = ()

    @property
    def dedicated(self) -> int:
        """How many vCPUs are to be pinned."""
        return sum(len(cell.dedicated) for cell in self.cells)


class ClaimedCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell of a guest on its host cell.

    :param vcpus: the guest's vCPUs that float over the cell's shared CPUs.
    :param pins: host CPU of each pinned vCPU.
    :param blocked: siblings that stay idle, because the guest is isolated from them.
    :param page_kb: the page size; None when the guest did not ask for one.
    """

    cell: int
    memory_mb: int
    vcpus: tuple[int, ...] = ()
    pins: dict[int, int] = {}
    blocked: tuple[int, ...] = ()
    page_kb: int | None = None

    @property
    def cpus(self) -> tuple[int, ...]:
        """The dedicated CPUs that nobody else may have."""
        return (*self.pins.values(), *self.blocked)

    @property
    def use(self) -> CellUse:
        """What it takes of the host cell."""
        if self.page_kb is None or self.page_kb == SMALL_PAGE_KB:
            return CellUse(vcpus=len(self.vcpus), memory_mb=self.memory_mb)
        return CellUse(vcpus=len(self.vcpus), pages={self.page_kb: self.memory_mb * 1024 // self.page_kb})


class ClaimedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A PCI device of the host that the guest gets for ``alias``."""

    alias: str
    address: str


class TopologyClaim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an instance holds; ``cells`` are in the order of the guest's cells."""

    cells: tuple[ClaimedCell, ...] = ()
    devices: tuple[ClaimedDevice, ...] = ()


def with_claim(used: TopologyUse, claim: TopologyClaim) -> TopologyUse:
    """Return ``used`` after ``claim`` was made."""
    return _moved(used, claim, 1)


def without_claim(used: TopologyUse, claim: TopologyClaim) -> TopologyUse:
    """Return ``used`` after ``claim`` was given back; what it was before, when the claim had been made."""
    return _moved(used, claim, -1)


def _moved(used: TopologyUse, claim: TopologyClaim, sign: int) -> TopologyUse:
    move = set.union if sign > 0 else set.difference
    cells = dict(used.cells)
    for claimed in claim.cells:
        cells[claimed.cell] = _sum(cells.get(claimed.cell, CellUse()), claimed.use, sign)
    return TopologyUse(
        cpus=tuple(sorted(move(set(used.cpus), {cpu for claimed in claim.cells for cpu in claimed.cpus}))),
        cells={id: cells[id] for id in sorted(cells) if cells[id] != CellUse()},
        devices=tuple(sorted(move(set(used.devices), {device.address for device in claim.devices}))),
    )


def _sum(one: CellUse, other: CellUse, sign: int) -> CellUse:
    pages = Counter(one.pages)
    for size_kb, count in other.pages.items():
        pages[size_kb] += sign * count
    return CellUse(
        vcpus=one.vcpus + sign * other.vcpus,
        memory_mb=one.memory_mb + sign * other.memory_mb,
        pages={size_kb: pages[size_kb] for size_kb in sorted(pages) if pages[size_kb]},
    )
