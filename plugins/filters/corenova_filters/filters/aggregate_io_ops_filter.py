"""AggregateIoOpsFilter: IoOpsFilter with a limit that aggregates may set for their hosts.

The aggregate's key has the option's name; of several values the smallest counts, and a host without any is held to
the option.
"""

from collections.abc import Iterable

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values
from corenova_filters.filters.io_ops_filter import OPTION, IoOpsFilter


class AggregateIoOpsFilter(IoOpsFilter):
    """Pass hosts with fewer builds under way than their aggregates, or else the option, allow."""

    contract_version = (1, 0)

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when fewer builds are under way than the host's limit."""
        return host_state.num_io_ops < self._of(host_state.aggregates)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where fewer builds are under way than the host's limit."""
        return hosts.num_io_ops < hosts.by_aggregates(self._of)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say how many builds are under way and how many may be."""
        return f"It has {host_state.num_io_ops} builds under way, its limit is {self._of(host_state.aggregates)}."

    def _of(self, aggregates: Iterable[Aggregate]) -> int:
        return aggregate_values.smallest(aggregates, OPTION, self._limit)
