"""NUMATopologyFilter: the host can give the guest its NUMA cells, with pinned CPUs, pages and near PCI devices.

A request without a wish for cells (``hw:numa_nodes``, ``hw:cpu_policy``, ``hw:mem_page_size``) passes everywhere. The
scheduler's own stage checks the same at the end; this one says it under Nova's name, and where the ini wants it.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.objects.topology import TopologyWish
from corenova.objects.topology_fit import fit, refusal


class NUMATopologyFilter:
    """Pass hosts where the guest's cells fit, each on a cell of its own, under the host's CPU and RAM ratios."""

    contract_version = (1, 0)
    # The API refuses a rebuild that would change the guest's topology, so what the server has still fits.
    RUN_ON_REBUILD = False

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the guest's cells fit the host, or it has none."""
        return not _has_cells(spec) or _fits(host_state, spec.topology)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return host_passes for each host; at once when the request has no cells."""
        if not _has_cells(spec):
            return np.ones(len(hosts), dtype=bool)
        return np.fromiter((_fits(state, spec.topology) for state in hosts.states), bool, len(hosts))

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say what is short."""
        return refusal(host_state.topology, spec.topology) if _has_cells(spec) else "It asks for no NUMA cells."


def _has_cells(spec: RequestSpec) -> bool:
    return spec.topology is not None and bool(spec.topology.cells)


def _fits(host_state: HostState, wish: TopologyWish) -> bool:
    ratios = {"cpu_ratio": host_state.cpu_allocation_ratio, "ram_ratio": host_state.ram_allocation_ratio}
    return fit(host_state.topology, wish, **ratios) is not None
