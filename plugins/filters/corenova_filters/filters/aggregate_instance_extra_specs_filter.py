"""AggregateInstanceExtraSpecsFilter: the flavor's extra specs must be true of the aggregates that the host is in.

A key of the scope ``aggregate_instance_extra_specs:`` is a key of aggregates, and so is a key without a scope. Better
use the scope: a key without one is read by ComputeCapabilitiesFilter, too, as a fact of the host.
"""

from collections.abc import Iterable

import numpy as np

from corenova.contracts import extra_specs_ops
from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import aggregate_values

SCOPE = "aggregate_instance_extra_specs"

Requirement = tuple[str, str]


class AggregateInstanceExtraSpecsFilter:
    """Pass hosts whose aggregates have, together, what the extra specs demand (see ``extra_specs_ops``)."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when every extra spec that speaks of aggregates is met."""
        return _first_unmet(host_state.aggregates, requirements(spec)) is None

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where every extra spec that speaks of aggregates is met."""
        wanted = requirements(spec)
        if not wanted:
            return np.ones(len(hosts), dtype=bool)
        return hosts.by_aggregates(lambda aggregates: _first_unmet(aggregates, wanted) is None)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Name the first extra spec that is not met."""
        unmet = _first_unmet(host_state.aggregates, requirements(spec))
        if unmet is None:
            return "Its aggregates meet the flavor's extra specs."
        key, demand = unmet
        return f"The flavor asks for {key} '{demand}', and no aggregate of the host meets that."


def requirements(spec: RequestSpec) -> list[Requirement]:
    """Return (key of aggregates, demand) of each extra spec that speaks of aggregates."""
    wanted = []
    for name, demand in spec.flavor.extra_specs.items():
        scope, colon, key = name.partition(":")
        if not colon or scope == SCOPE:
            wanted.append((key or name, demand))
    return wanted


def _first_unmet(aggregates: Iterable[Aggregate], wanted: list[Requirement]) -> Requirement | None:
    if not wanted:
        return None
    has = aggregate_values.merged(aggregates)
    for key, demand in wanted:
        if not any(extra_specs_ops.matches(value, demand) for value in has.get(key, ())):
            return key, demand
    return None
