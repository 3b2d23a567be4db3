"""NUMA cells and PCI devices in the scheduler: a built-in stage, and what a host would give. Pure.

The stage is asked after the enabled filters and also for forced hosts, so no ini and no operator lets a server on a
host that cannot give it its CPUs. The database fits every claim again (db/topologies.py).
"""

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.objects.topology import TopologyClaim
from corenova.objects.topology_fit import fit, refusal


class Topology:
    """Pass hosts that can give the guest its NUMA cells, pinned CPUs, pages and PCI devices."""

    name = "Topology"

    def applies(self, spec: RequestSpec) -> bool:
        """Return whether anything is wished. A rebuild stays where it has what it wishes."""
        return spec.topology is not None and not spec.is_rebuild

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the wish fits the host."""
        return claim_for(host_state, spec) is not None

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say what is short."""
        return refusal(host_state.topology, spec.topology)


def claim_for(host_state: HostState, spec: RequestSpec) -> TopologyClaim | None:
    """Return what the host would give to ``spec``, which wishes something; None: it does not fit."""
    return fit(
        host_state.topology,
        spec.topology,
        cpu_ratio=host_state.cpu_allocation_ratio,
        ram_ratio=host_state.ram_allocation_ratio,
    )
