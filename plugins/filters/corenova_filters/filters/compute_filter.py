"""ComputeFilter: only hosts whose compute service is enabled and alive.

It looks at facts of the host alone, so it is the cheapest check and stands first in the default list.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec


class ComputeFilter:
    """Pass hosts whose service is enabled and has sent a heartbeat within ``service_down_time``."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the service of the host is enabled and up."""
        return host_state.service.is_up and not host_state.service.disabled

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the service of the host is enabled and up."""
        return hosts.is_up & ~hosts.disabled

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Return whether it is the service's state or its switch.

        The operator's ``disabled_reason`` is left out: tenants read these sentences too.
        """
        if host_state.service.disabled:
            return "Its compute service is disabled."
        return "Its compute service is down: the last heartbeat is too old."
