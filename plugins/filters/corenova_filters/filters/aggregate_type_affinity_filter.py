"""AggregateTypeAffinityFilter: an aggregate may keep its hosts for certain flavors, ``instance_type=small,large``."""

from collections.abc import Iterable

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values

KEY = "instance_type"


class AggregateTypeAffinityFilter:
    """Pass hosts whose aggregates name no flavor under ``instance_type``, or the one that is asked for."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host takes any flavor, or this one."""
        return _admits(host_state.aggregates, spec.flavor.name)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host takes any flavor, or this one."""
        flavor = spec.flavor.name
        return hosts.by_aggregates(lambda aggregates: _admits(aggregates, flavor))

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that the host is for other flavors."""
        return f"It is kept for other flavors than {spec.flavor.name}."


def _admits(aggregates: Iterable[Aggregate], flavor: str) -> bool:
    named = aggregate_values.listed(aggregates, KEY)
    return not named or flavor in named
