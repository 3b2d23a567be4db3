"""The stage of aggregates that are kept for requests with certain wishes, such as licensed or costly hosts."""

from collections.abc import Container

import numpy as np

from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns
from corenova.scheduler.stages.implied_traits import required_traits

_PREFIX = "trait:"


class IsolatedAggregates:
    """An aggregate with ``trait:X=required`` takes only requests that require X (Nova's isolate_aggregates).

    :param enabled: ``[scheduler] enable_isolated_aggregate_filtering``.
    :param switches: see :func:`required_traits`; a trait that a request implies is as good as one it names.
    """

    name = "IsolatedAggregates"

    def __init__(self, *, enabled: bool, switches: frozenset[str] = frozenset()):
        self._enabled = enabled
        self._switches = switches

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where each trait that the host's aggregates are kept for is required."""
        if not self._enabled or not hosts.any_aggregate(lambda aggregate: bool(_kept_for(aggregate))):
            return np.ones(len(hosts), dtype=bool)
        required = required_traits(spec, self._switches)
        return hosts.by_aggregates(lambda members: not _missing(members, required))

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return not self._enabled or not _missing(host.aggregates, required_traits(spec, self._switches))

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name the traits that the request would have to require."""
        missing = _missing(host.aggregates, required_traits(spec, self._switches))
        return f"its aggregates are kept for requests that require {', '.join(missing)}"


def _kept_for(aggregate: Aggregate) -> list[str]:
    return [
        key.removeprefix(_PREFIX)
        for key, value in aggregate.metadata.items()
        if value == "required" and key.startswith(_PREFIX)
    ]


def _missing(members: tuple[Aggregate, ...], required: Container[str]) -> list[str]:
    return sorted({trait for aggregate in members for trait in _kept_for(aggregate) if trait not in required})
