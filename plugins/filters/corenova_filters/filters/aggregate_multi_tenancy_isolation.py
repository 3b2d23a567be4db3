"""AggregateMultiTenancyIsolation: an aggregate may keep its hosts for certain projects.

It names them under keys that begin with ``filter_tenant_id`` (a suffix makes room for more of them), each value one
project or a list parted by commas. Projects that are named somewhere may still use hosts that name nobody.
"""

from collections.abc import Iterable

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values

KEY = "filter_tenant_id"


class AggregateMultiTenancyIsolation:
    """Pass hosts whose aggregates name no project, or this one."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host is for everybody, or for this project."""
        return _admits(host_state.aggregates, spec.project_id)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host is for everybody, or for this project."""
        project = spec.project_id
        return hosts.by_aggregates(lambda aggregates: _admits(aggregates, project))

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that the host is somebody else's, without telling whose."""
        return "It is kept for other projects."


def _admits(aggregates: Iterable[Aggregate], project: str) -> bool:
    named = [entries for key, entries in aggregate_values.merged(aggregates).items() if key.startswith(KEY)]
    return not named or any(project in entries for entries in named)
