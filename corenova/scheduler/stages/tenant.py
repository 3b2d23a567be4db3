"""The stage of projects that have hosts of their own. Whether any host is theirs is asked of the whole fleet."""

import numpy as np

from corenova.objects.host_state import Aggregate, HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns


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
