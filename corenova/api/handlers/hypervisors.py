"""Hypervisors: the hosts as administrators see them."""

from collections import defaultdict

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.formats import is_uuid
from corenova.api.links import Page, cut
from corenova.api.schemas.types import is_true
from corenova.api.views import hypervisors as view
from corenova.db import hosts, instances
from corenova.exceptions import InvalidInput, NotFound

Servers = dict[str, list[dict[str, str]]]


def index(call: Call) -> dict[str, object]:
    """GET /os-hypervisors."""
    return _list(call, "os-hypervisors", detail=False)


def detail(call: Call) -> dict[str, object]:
    """GET /os-hypervisors/detail."""
    return _list(call, "os-hypervisors/detail", detail=True)


def show(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{id}."""
    node = _get(call, hypervisor_id)
    shown = view.show(node, call.version)
    if _with_servers(call):
        shown = view.with_servers(shown, _servers(call, [node])[node.host], call.version)
    return {"hypervisor": shown}


def uptime(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{id}/uptime, up to 2.87; drivers do not tell it, and Nova says so with 400."""
    _get(call, hypervisor_id)
    raise InvalidInput("Virt driver does not implement uptime function.")


def statistics(call: Call) -> dict[str, object]:
    """GET /os-hypervisors/statistics, up to 2.87."""
    return {"hypervisor_statistics": view.statistics([node for node in _nodes(call) if not node.disabled])}


def search(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{part of a name}/search, up to 2.52."""
    return {"hypervisors": [view.basic(node, call.version) for node in _matching(call, hypervisor_id)]}


def servers(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{part of a name}/servers, up to 2.52."""
    nodes = _matching(call, hypervisor_id)
    found = _servers(call, nodes)
    shown = [view.with_servers(view.basic(node, call.version), found[node.host], call.version) for node in nodes]
    return {"hypervisors": shown}


def _list(call: Call, collection: str, *, detail: bool) -> dict[str, object]:
    show = view.show if detail else view.basic
    nodes, links = _page(call, collection)
    found = _servers(call, nodes) if _with_servers(call) else None
    shown = [show(node, call.version) for node in nodes]
    if found is not None:
        pairs = zip(shown, nodes, strict=True)
        shown = [view.with_servers(entry, found[node.host], call.version) for entry, node in pairs]
    return {"hypervisors": shown} | links


def _page(call: Call, collection: str) -> tuple[list[hosts.HostRow], dict[str, object]]:
    pattern = call.parameter("hypervisor_hostname_pattern") if call.version >= 53 else None
    if pattern is not None:
        if "limit" in call.query or "marker" in call.query:
            raise InvalidInput(
                "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
            )
        return _matching(call, pattern), {}
    nodes = _nodes(call)
    if call.version < 33:
        return nodes, {}
    key = "uuid" if call.version >= 53 else "id"
    page = call.page()
    shown = cut(page, nodes, key)
    return shown, _next(call, page, shown, collection=collection, key=key)


def _next(call: Call, page: Page, shown: list[hosts.HostRow], *, collection: str, key: str) -> dict[str, object]:
    if not page.has_next(len(shown)):
        return {}
    marker = str(getattr(shown[-1], key))
    return {"hypervisors_links": call.links.next(collection, call.query, marker)}


def _nodes(call: Call) -> list[hosts.HostRow]:
    down_time_s = float(call.services.conf.service_down_time)
    nodes = call.read(lambda connection: hosts.snapshot(connection, down_time_s=down_time_s))
    return [node for node in nodes if node.service_id is not None]


def _matching(call: Call, pattern: str) -> list[hosts.HostRow]:
    found = [node for node in _nodes(call) if pattern in node.host]
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


def _get(call: Call, hypervisor_id: str) -> hosts.HostRow:
    if call.version >= 53 and not is_uuid(hypervisor_id):
        raise InvalidInput(f"Invalid uuid {hypervisor_id}")
    key = "uuid" if call.version >= 53 else "id"
    for node in _nodes(call):
        if str(getattr(node, key)) == hypervisor_id:
            return node
    raise NotFound(f"Hypervisor with ID '{hypervisor_id}' could not be found.")


def _with_servers(call: Call) -> bool:
    return call.version >= 53 and is_true(call.parameter("with_servers"))


def _servers(call: Call, nodes: list[hosts.HostRow]) -> Servers:
    names = tuple(node.host for node in nodes)
    query = instances.InstanceQuery(hosts=names, sort=(("id", "asc"),))

    def read(connection: sa.Connection) -> list[sa.Row]:
        return instances.find(connection, query)

    found: Servers = defaultdict(list)
    for row in call.read(read):
        found[row.host].append({"name": f"instance-{row.id:08x}", "uuid": row.uuid})
    return found
