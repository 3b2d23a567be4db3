"""DifferentHostFilter: not where certain other instances run.

The user names them in the hint ``different_host``; where they run the scheduler has looked up before it asks.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

HINT = "different_host"


class DifferentHostFilter:
    """Pass hosts that run none of the instances in the hint ``different_host`` (one uuid or a list)."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when the hint is given."""
        return any(spec.hinted(HINT))

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when no named instance runs here."""
        return host_state.host not in spec.hinted_hosts(HINT)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return False where a named instance runs."""
        passed = np.ones(len(hosts), dtype=bool)
        passed[hosts.rows(spec.hinted_hosts(HINT))] = False
        return passed

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that one of the named instances is here."""
        return f"It runs an instance that the hint {HINT} names."
