"""AggregateNumInstancesFilter: NumInstancesFilter with a limit that aggregates may set for their hosts.

The aggregate's key has the option's name; of several values the smallest counts, and a host without any is held to
the option.
"""

from collections.abc import Iterable

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values
from corenova_filters.filters.num_instances_filter import OPTION, NumInstancesFilter


class AggregateNumInstancesFilter(NumInstancesFilter):
    """Pass hosts that run fewer instances than their aggregates, or else the option, allow."""

    contract_version = (1, 0)

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host runs fewer instances than its limit."""
        return host_state.num_instances < self._of(host_state.aggregates)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host runs fewer instances than its limit."""
        return hosts.num_instances < hosts.by_aggregates(self._of)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say how many instances run here and how many may."""
        return f"It runs {host_state.num_instances} instances, its limit is {self._of(host_state.aggregates)}."

    def _of(self, aggregates: Iterable[Aggregate]) -> int:
        return aggregate_values.smallest(aggregates, OPTION, self._limit)
