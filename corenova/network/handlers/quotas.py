"""Quotas of projects: show, change, go back to the defaults."""

from corenova.db import network_quotas as rows
from corenova.exceptions import InvalidInput
from corenova.network import errors, requests
from corenova.network.call import Act, Call


def list_quotas(call: Call) -> dict[str, object]:
    """GET /quotas: the projects with limits of their own; others see what concerns them."""

    def work(act: Act) -> list[dict[str, object]]:
        act.authorize("get_quota:other_project")
        return [
            {**rows.limits(act.connection, project, call.service.limits), "project_id": project, "tenant_id": project}
            for project in rows.projects(act.connection)
        ]

    return {"quotas": call.read(work)}


def show_quota(call: Call) -> dict[str, object]:
    """GET /quotas/PROJECT."""
    return {"quota": call.read(lambda act: rows.limits(act.connection, _project(act, call), call.service.limits))}


def show_defaults(call: Call) -> dict[str, object]:
    """GET /quotas/PROJECT/default."""
    call.read(lambda act: _project(act, call))
    return {"quota": call.service.limits}


def show_details(call: Call) -> dict[str, object]:
    """GET /quotas/PROJECT/details: limits and what is used of them."""

    def work(act: Act) -> dict[str, object]:
        project = _project(act, call)
        return {
            name: {"limit": limit, "used": rows.usage(act.connection, project, name), "reserved": 0}
            for name, limit in rows.limits(act.connection, project, call.service.limits).items()
        }

    return {"quota": call.read(work)}


def update_quota(call: Call) -> dict[str, object]:
    """PUT /quotas/PROJECT."""
    [given], _ = requests.read(call.body, "quota", "quota")
    body = requests.typed(given, requests.QuotaChange)
    project = call.params["project_id"]
    if len(project) > 64:
        raise InvalidInput("Invalid input for the project: its id has at most 64 characters.")

    def work(act: Act) -> dict[str, int]:
        act.authorize("update_quota")
        rows.put(act.connection, project, requests.values(body, *rows.TABLES))
        return rows.limits(act.connection, project, call.service.limits)

    return {"quota": call.write("update_quota", work)}


def delete_quota(call: Call) -> None:
    """DELETE /quotas/PROJECT: the defaults again."""

    def work(act: Act) -> None:
        act.authorize("delete_quota")
        if not rows.clear(act.connection, call.params["project_id"]):
            raise errors.not_found("TenantQuota", call.params["project_id"])

    call.write("delete_quota", work)


def _project(act: Act, call: Call) -> str:
    project = call.params["project_id"]
    act.authorize("get_quota" if project == call.context.project_id else "get_quota:other_project")
    return project
