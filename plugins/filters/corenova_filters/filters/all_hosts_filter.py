"""AllHostsFilter: the filter that refuses nobody, for a list that must name one."""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec


class AllHostsFilter:
    """Pass every host. The built-in stages (capacity, zone, disabled hosts, tenants) still decide."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True."""
        return True

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True for each host."""
        return np.ones(len(hosts), dtype=bool)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Return a sentence for completeness: there is never a no to explain."""
        return "This filter refuses no host."
