"""The first stage: what an operator has disabled is out of the question."""

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns


class HostEnabled:
    """The operator has not disabled the host (Nova's compute_status_filter)."""

    name = "HostEnabled"
    RUN_ON_REBUILD = False  # a disabled host takes nothing new, and keeps what it has

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where the service is enabled."""
        return ~hosts.disabled

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return not host.service.disabled

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that it is disabled, with the operator's own words if there are any."""
        return (
            f"disabled: {host.service.disabled_reason}" if host.service.disabled_reason else "disabled by an operator"
        )
