"""The built-in stages: what no list of filters can switch off, asked before the enabled filters.

They are Placement's part and Nova's pre-filters, in the shape of vector filters with a reason, under their own names
in explanations. So an ``enabled_filters`` list carried over from nova.conf means the same here.
"""

from collections.abc import Callable

import numpy as np

from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.views import Subset

Columns = HostTable | Subset


class HostEnabled:
    """The operator has not disabled the host (Nova's compute_status_filter)."""

    name = "HostEnabled"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where the service is enabled."""
        return ~hosts.disabled

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that it is disabled, with the operator's own words if there are any."""
        return (
            f"disabled: {host.service.disabled_reason}" if host.service.disabled_reason else "disabled by an operator"
        )


class ForcedHost:
    """The request names its host (``az:host``, ``az:host:node``)."""

    name = "ForcedHost"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True for the named host or node; for all when none is named."""
        if not spec.force_hosts and not spec.force_nodes:
            return np.ones(len(hosts), dtype=bool)
        named = np.zeros(len(hosts), dtype=bool)
        named[hosts.rows((*spec.force_hosts, *spec.force_nodes))] = True
        return named

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that another host is asked for."""
        return "the request names another host"


class AvailabilityZone:
    """The host is in the zone that the request names."""

    name = "AvailabilityZone"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True in the zone; everywhere when none is named."""
        if spec.availability_zone is None:
            return np.ones(len(hosts), dtype=bool)
        return hosts.zone_is(spec.availability_zone)

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name both zones."""
        return f"it is in zone {host.availability_zone}, the request wants {spec.availability_zone}"


class Tenant:
    """Aggregates that name projects in ``filter_tenant_id*`` take those projects (Nova's require_tenant_aggregate).

    :param limited: a project that some aggregate names runs only there.
    :param required: with ``limited``: a project that none names runs nowhere.
    """

    name = "Tenant"

    def __init__(self, *, limited: bool, required: bool):
        self._limited = limited
        self._required = required

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where the project may run."""
        if not self._limited or not (self._required or hosts.any_aggregate(_has_rules)):
            return np.ones(len(hosts), dtype=bool)
        project_id = spec.project_id
        if not self._required and not hosts.any_aggregate(lambda aggregate: _names(aggregate, project_id)):
            return np.ones(len(hosts), dtype=bool)
        return hosts.by_aggregates(lambda members: any(_names(aggregate, project_id) for aggregate in members))

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that the project belongs elsewhere."""
        return "its aggregates do not take this project"


def _has_rules(aggregate: Aggregate) -> bool:
    return any(key.startswith("filter_tenant_id") for key in aggregate.metadata)


def _names(aggregate: Aggregate, project_id: str) -> bool:
    return any(
        project_id in (entry.strip() for entry in value.split(","))
        for key, value in aggregate.metadata.items()
        if key.startswith("filter_tenant_id")
    )


class Capacity:
    """The host can give what is asked, as Placement counts: total, reserved, ratio, min and max unit, step size."""

    name = "Capacity"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where every resource class fits."""
        fits = np.ones(len(hosts), dtype=bool)
        for name, amount in spec.resources().items():
            low, high, step = hosts.limits(name)
            fits &= hosts.free(name) >= amount
            fits &= (low <= amount) & (high >= amount) & (amount % step == 0)
        return fits

    def of_row(self, hosts: HostTable, spec: RequestSpec) -> Callable[[int], bool]:
        """The same for one host at a time."""
        wanted = spec.resources()
        asked = [(hosts.cells.get(name), amount) for name, amount in wanted.items()]

        def passes(row: int) -> bool:
            hosts.usage_read = True
            for cells, amount in asked:
                if cells is None or cells[row] < amount:
                    return False
            shape = hosts.shape(row)
            for name, amount in wanted.items():
                held = shape[name]
                if not held.min_unit <= amount <= held.max_unit or (held.step_size != 1 and amount % held.step_size):
                    return False
            return True

        return passes

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name what is short, with both numbers."""
        short = []
        for name, amount in spec.resources().items():
            held = host.inventories.get(name)
            if held is None:
                short.append(f"it has no {name}")
            elif held.capacity - held.used < amount:
                short.append(f"{held.capacity - held.used} {name} free, {amount} asked")
            elif not held.min_unit <= amount <= held.max_unit:
                short.append(f"{amount} {name} asked, {held.min_unit} to {held.max_unit} allowed at a time")
            elif amount % held.step_size:
                short.append(f"{amount} {name} asked, given in steps of {held.step_size}")
        return "; ".join(short) or "it fits now"
