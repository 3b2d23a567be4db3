"""SameHostFilter: where one of certain other instances runs.

The user names them in the hint ``same_host``; where they run the scheduler has looked up before it asks.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

HINT = "same_host"


class SameHostFilter:
    """Pass hosts that run at least one of the instances in the hint ``same_host`` (one uuid or a list)."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when the hint is given."""
        return any(spec.hinted(HINT))

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when a named instance runs here, or none is named."""
        return not self.applies(spec) or host_state.host in spec.hinted_hosts(HINT)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where a named instance runs, or everywhere when none is named."""
        if not self.applies(spec):
            return np.ones(len(hosts), dtype=bool)
        passed = np.zeros(len(hosts), dtype=bool)
        passed[hosts.rows(spec.hinted_hosts(HINT))] = True
        return passed

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that none of the named instances is here."""
        return f"It runs no instance that the hint {HINT} names."
