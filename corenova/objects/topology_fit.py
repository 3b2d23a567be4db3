"""Whether a wish fits a host's topology, with which CPUs, pages and devices, and why not. Pure: values in, values out.

The same function judges for the filters, claims in the scheduler's picture and claims in the database, so they agree.
Fuller cells are filled first: what is left whole is worth more to guests of several cells.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from corenova.objects.topology import (
    ISOLATE,
    PREFERRED,
    REQUIRE,
    REQUIRED,
    SMALL_PAGE_KB,
    CellUse,
    ClaimedCell,
    ClaimedDevice,
    HostTopology,
    NumaCell,
    PciPool,
    PciRequest,
    TopologyClaim,
    TopologyUse,
    TopologyWish,
    WishedCell,
)

Cores = Sequence[tuple[int, ...]]


class _Host(NamedTuple):
    """What every cell of a guest is judged by. ``free``: the dedicated CPUs left of each cell, core by core."""

    used: TopologyUse
    free: Mapping[int, Cores]
    cpu_ratio: float
    ram_ratio: float


def fit(
    topology: HostTopology | None, wish: TopologyWish, *, cpu_ratio: float = 1.0, ram_ratio: float = 1.0
) -> TopologyClaim | None:
    """Return the claim that gives ``wish`` what it asks for, or None.

    :param cpu_ratio: vCPUs that may float per shared CPU; ``ram_ratio`` likewise for RAM without a page size.
    """
    if topology is None:
        return None
    if not wish.cells:
        devices = fit_devices(topology, wish.devices)
        return None if devices is None else TopologyClaim(devices=devices)
    if len(wish.cells) > len(topology.cells):
        return None
    free = _free(topology) if wish.dedicated else {}
    host = _Host(topology.used, free, cpu_ratio, ram_ratio)
    order = sorted(topology.cells, key=lambda cell: _room(topology, cell, free, keep_devices=not wish.devices))
    for cells in itertools.combinations(order, len(wish.cells)):
        devices = fit_devices(topology, wish.devices, near={cell.id for cell in cells})
        if devices is None:
            continue
        for claimed in _assigned(host, wish, wish.cells, cells):
            return TopologyClaim(cells=claimed, devices=devices)
    return None


def fit_devices(
    topology: HostTopology | None, requests: Sequence[PciRequest], *, near: set[int] | None = None
) -> tuple[ClaimedDevice, ...] | None:
    """Return free devices for all ``requests``, or None.

    :param near: the cells of the guest; None when it has none, or nobody asks where the devices are.
    """
    chosen: list[ClaimedDevice] = []
    taken = set(topology.used.devices) if topology is not None and requests else set()
    for request in requests:
        free = [a for a in _matching(topology, request, near) if a not in taken][: request.count]
        if len(free) < request.count:
            return None
        taken |= set(free)
        chosen += [ClaimedDevice(alias=request.alias, address=address) for address in free]
    return tuple(chosen)


def refusal(topology: HostTopology | None, wish: TopologyWish) -> str:
    """Return one sentence why ``wish`` does not fit; called after a no."""
    if topology is None:
        return "It tells of no NUMA cells and no PCI devices."
    if len(wish.cells) > len(topology.cells):
        return f"NUMA cells: {len(wish.cells)} asked, the host has {len(topology.cells)}."
    for request in wish.devices:
        if fit_devices(topology, [request]) is None:
            free = set(_matching(topology, request, None)) - set(topology.used.devices)
            return f"PCI alias {request.alias}: {request.count} asked, {len(free)} free."
    dedicated = max((len(cell.dedicated) for cell in wish.cells), default=0)
    free_cpus = [sum(map(len, cores)) for cores in _free(topology).values()]
    if dedicated > max(free_cpus, default=0):
        return f"Dedicated CPUs in one NUMA cell: {dedicated} asked, at most {max(free_cpus)} free."
    return "Its NUMA cells have too few CPUs, memory or pages left, or the PCI devices are at other cells."


def _matching(topology: HostTopology | None, request: PciRequest, near: set[int] | None) -> Iterator[str]:
    pools = topology.pools if topology is not None else ()
    found = [pool for pool in pools if any(spec.matches(pool) for spec in request.specs)]
    if near is not None:
        found = sorted(
            (pool for pool in found if _is_near(pool, request, near)), key=lambda pool: pool.cell not in near
        )
    return itertools.chain.from_iterable(pool.addresses for pool in found)


def _is_near(pool: PciPool, request: PciRequest, near: set[int]) -> bool:
    if request.numa_policy == PREFERRED or pool.cell in near:
        return True
    return pool.cell is None and request.numa_policy != REQUIRED


def _room(topology: HostTopology, cell: NumaCell, free: Mapping[int, Cores], *, keep_devices: bool) -> tuple:
    """Sort key: cells without devices that the guest would not use, then the fuller ones, then in order."""
    use = topology.used.cells.get(cell.id, CellUse())
    has_devices = keep_devices and any(pool.cell == cell.id for pool in topology.pools)
    return has_devices, sum(map(len, free.get(cell.id, ()))), -use.vcpus, -use.memory_mb, cell.id


def _free(topology: HostTopology) -> dict[int, Cores]:
    """Return, cell by cell and core by core, the dedicated CPUs that are free."""
    taken = set(topology.used.cpus)
    return {
        cell.id: [
            core if taken.isdisjoint(core) else tuple(cpu for cpu in core if cpu not in taken)
            for core in cell.dedicated
        ]
        for cell in topology.cells
    }


def _assigned(
    host: _Host, wish: TopologyWish, wished: Sequence[WishedCell], cells: Sequence[NumaCell]
) -> Iterator[tuple[ClaimedCell, ...]]:
    """Yield every way to put the guest's cells on ``cells``, each on one of its own."""
    if not wished:
        yield ()
        return
    for position, cell in enumerate(cells):
        claimed = _claimed(host, wish, wished[0], cell)
        if claimed is not None:
            others = (*cells[:position], *cells[position + 1 :])
            for rest in _assigned(host, wish, wished[1:], others):
                yield claimed, *rest


def _claimed(host: _Host, wish: TopologyWish, wished: WishedCell, cell: NumaCell) -> ClaimedCell | None:
    """Return one cell of the guest on one of the host, or None."""
    use = host.used.cells.get(cell.id, CellUse())
    floating = tuple(vcpu for vcpu in wished.vcpus if vcpu not in wished.dedicated)
    shared = sum(map(len, cell.shared)) if floating else 0
    # A guest never competes with itself: more vCPUs than CPUs, or more RAM than there is, is no overcommit.
    if len(floating) > shared or (floating and use.vcpus + len(floating) > int(shared * host.cpu_ratio)):
        return None
    pinned = _pinned(len(wished.dedicated), host.free.get(cell.id, ()), cell.dedicated, wish.thread_policy)
    if pinned is None:
        return None
    for page_kb in _page_sizes(cell, wish.page_size):
        if _has_memory(cell, use, wished.memory_mb, page_kb, host.ram_ratio):
            cpus, blocked = pinned
            return ClaimedCell(
                cell=cell.id,
                memory_mb=wished.memory_mb,
                vcpus=floating,
                pins=dict(zip(wished.dedicated, cpus, strict=True)),
                blocked=blocked,
                page_kb=page_kb,
            )
    return None


def _page_sizes(cell: NumaCell, wanted: str | int | None) -> Iterable[int | None]:
    if not isinstance(wanted, str):
        return [wanted]
    huge = sorted(cell.pages, reverse=True)
    return {"small": [SMALL_PAGE_KB], "large": huge, "any": [*huge, SMALL_PAGE_KB]}[wanted]


def _has_memory(cell: NumaCell, use: CellUse, memory_mb: int, page_kb: int | None, ram_ratio: float) -> bool:
    if page_kb is None or page_kb == SMALL_PAGE_KB:
        limit = (
            cell.small_mb if page_kb else int(cell.small_mb * ram_ratio)
        )  # who names a page size is not overcommitted
        return memory_mb <= cell.small_mb and use.memory_mb + memory_mb <= limit
    pages, rest = divmod(memory_mb * 1024, page_kb)
    return not rest and use.pages.get(page_kb, 0) + pages <= cell.pages.get(page_kb, 0)


def _pinned(count: int, free: Cores, cores: Cores, policy: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return ``count`` free CPUs and the siblings to block, or None."""
    if not count:
        return (), ()
    if policy == ISOLATE:
        whole = [core for core, left in zip(cores, free, strict=True) if len(left) == len(core)][:count]
        if len(whole) < count:
            return None
        return tuple(core[0] for core in whole), tuple(cpu for core in whole for cpu in core[1:])
    usable = [core for core in free if len(core) > 1 or policy != REQUIRE]
    chosen: list[int] = []
    for core in sorted(usable, key=len, reverse=True):  # whole cores first, the rest from the smallest remainder
        if len(core) <= count - len(chosen):
            chosen += core
    rest = count - len(chosen)
    for core in sorted(usable, key=len) if rest else ():
        if len(core) >= rest and core[0] not in chosen:
            chosen += core[:rest]
            break
    return (tuple(chosen), ()) if len(chosen) == count else None
