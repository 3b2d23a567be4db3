"""The built-in stages: what no list of filters can switch off, asked before the enabled filters.

They are Placement's part and Nova's pre-filters, in the shape of vector filters with a reason, under their own names
in explanations. So an ``enabled_filters`` list carried over from nova.conf means the same here.
"""

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable


class HostEnabled:
    """The operator has not disabled the host (Nova's compute_status_filter)."""

    name = "HostEnabled"

    def mask(self, hosts: HostTable, spec: RequestSpec) -> np.ndarray:
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

    def mask(self, hosts: HostTable, spec: RequestSpec) -> np.ndarray:
        """True for the named host or node; for all when none is named."""
        if not spec.force_hosts and not spec.force_nodes:
            return np.ones(len(hosts), dtype=bool)
        named = np.zeros(len(hosts), dtype=bool)
        for name in (*spec.force_hosts, *spec.force_nodes):
            if name in hosts.index:
                named[hosts.index[name]] = True
        return named

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that another host is asked for."""
        return "the request names another host"


class AvailabilityZone:
    """The host is in the zone that the request names."""

    name = "AvailabilityZone"

    def mask(self, hosts: HostTable, spec: RequestSpec) -> np.ndarray:
        """True in the zone; everywhere when none is named."""
        if spec.availability_zone is None:
            return np.ones(len(hosts), dtype=bool)
        return np.array([zone == spec.availability_zone for zone in hosts.zones], dtype=bool)

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

    def mask(self, hosts: HostTable, spec: RequestSpec) -> np.ndarray:
        """True where the project may run."""
        if not self._limited or not (hosts.has_tenant_rules or self._required):
            return np.ones(len(hosts), dtype=bool)
        named = np.array([self._names(members, spec.project_id) for members in hosts.aggregates], dtype=bool)
        return named if named.any() or self._required else np.ones(len(hosts), dtype=bool)

    @staticmethod
    def _names(aggregates: tuple, project_id: str) -> bool:
        return any(
            project_id in (entry.strip() for entry in value.split(","))
            for aggregate in aggregates
            for key, value in aggregate.metadata.items()
            if key.startswith("filter_tenant_id")
        )

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that the project belongs elsewhere."""
        return "its aggregates do not take this project"


class Capacity:
    """The host can give what is asked, as Placement counts: total, reserved, ratio, min and max unit, step size."""

    name = "Capacity"

    def mask(self, hosts: HostTable, spec: RequestSpec) -> np.ndarray:
        """True where every resource class fits."""
        fits = np.ones(len(hosts), dtype=bool)
        for name, amount in spec.resources().items():
            if name not in hosts.free:
                return np.zeros(len(hosts), dtype=bool)
            low, high, step = hosts.limits[name]
            fits &= hosts.free[name] >= amount
            fits &= (low <= amount) & (high >= amount) & (amount % step == 0)
        return fits

    def fits(self, hosts: HostTable, index: int, resources: dict[str, int]) -> bool:
        """The same for one host whose use has changed; its units have not."""
        return all(hosts.free[name][index] >= amount for name, amount in resources.items())

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
