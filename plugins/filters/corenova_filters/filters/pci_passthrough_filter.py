"""PciPassthroughFilter: the host has the PCI devices free that the flavor asks for (``pci_passthrough:alias``).

Where they are attached is the business of NUMATopologyFilter. A request without devices passes everywhere.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.objects.topology import PciRequest, TopologyWish
from corenova.objects.topology_fit import fit_devices, refusal


class PciPassthroughFilter:
    """Pass hosts that have enough free devices for every alias."""

    contract_version = (1, 0)
    RUN_ON_REBUILD = False

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the devices are free, or none is asked for."""
        return fit_devices(host_state.topology, _devices(spec)) is not None

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return host_passes for each host; at once when no device is asked for."""
        devices = _devices(spec)
        if not devices:
            return np.ones(len(hosts), dtype=bool)
        fits = (fit_devices(state.topology, devices) is not None for state in hosts.states)
        return np.fromiter(fits, bool, len(hosts))

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say of which alias there is too little."""
        devices = _devices(spec)
        return refusal(host_state.topology, TopologyWish(devices=devices)) if devices else "It asks for no PCI devices."


def _devices(spec: RequestSpec) -> tuple[PciRequest, ...]:
    return spec.topology.devices if spec.topology is not None else ()
