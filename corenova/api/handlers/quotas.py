"""Limits and quota sets, for reading. Limits are the ini file's, use is the counter row that creates raise."""

from collections.abc import Mapping

from corenova.api.call import Call
from corenova.api.views import quotas as view
from corenova.db import quotas

_OURS = {"ram": "ram_mb"}
"""Where the counter is not called like the limit."""


def limits(call: Call) -> dict[str, object]:
    """GET /limits."""
    project_id = call.parameter("tenant_id")
    if project_id is not None:
        call.authorize("os_compute_api:limits:other_project")
    return view.absolute(_maxima(call), _used(call, project_id or call.context.project_id), call.version)


def show(call: Call, project_id: str) -> dict[str, object]:
    """GET /os-quota-sets/{project}."""
    call.authorize("os_compute_api:os-quota-sets:show", project_id=project_id)
    return view.quota_set(project_id, _maxima(call), call.version)


def defaults(call: Call, project_id: str) -> dict[str, object]:
    """GET /os-quota-sets/{project}/defaults."""
    return view.quota_set(project_id, _maxima(call), call.version)


def detail(call: Call, project_id: str) -> dict[str, object]:
    """GET /os-quota-sets/{project}/detail."""
    call.authorize("os_compute_api:os-quota-sets:detail", project_id=project_id)
    return view.quota_detail(project_id, _maxima(call), _used(call, project_id), call.version)


def _maxima(call: Call) -> dict[str, int]:
    quota = call.services.conf.quota
    return {limit.name: getattr(quota, limit.name) if limit.fixed is None else limit.fixed for limit in view.LIMITS}


def _used(call: Call, project_id: str) -> Mapping[str, int]:
    usage = call.read(lambda connection: quotas.usage(connection, project_id))
    return {limit.name: usage.get(_OURS.get(limit.name, limit.name), 0) for limit in view.LIMITS}
