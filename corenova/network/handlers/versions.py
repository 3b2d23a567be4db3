"""What a client reads before anything else: versions, resources, extensions; and the lists of what there is none of."""

from collections.abc import Callable

from corenova.exceptions import NotFound
from corenova.network.call import Act, Call

_UPDATED = "2026-01-01T00:00:00-00:00"
_EXTENSIONS = {
    "binding": "Port Binding",
    "external-net": "External network",
    "filter-validation": "Filter parameters validation",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Network MTU (writable)",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "provider": "Provider Network",
    "quota_details": "Quota details management support",
    "quotas": "Quota management support",
    "security-group": "security-group",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-timestamp": "Resource timestamps",
}
"""Extensions of Neutron's API, by alias, of which all is done."""
_RESOURCES = ("networks", "subnets", "ports", "security-groups", "security-group-rules", "quotas", "extensions")


def list_versions(call: Call) -> dict[str, object]:
    """GET /network."""
    links = [{"rel": "self", "href": f"{call.url}/v2.0/"}]
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}


def show_version(call: Call) -> dict[str, object]:
    """GET /network/v2.0."""
    return {
        "resources": [
            {
                "name": name.replace("-", "_")[:-1],
                "collection": name.replace("-", "_"),
                "links": [{"rel": "self", "href": f"{call.url}/v2.0/{name}"}],
            }
            for name in _RESOURCES
        ]
    }


def list_extensions(call: Call) -> dict[str, object]:
    """GET /extensions."""
    call.read(lambda act: act.authorize("get_extension"))
    return {"extensions": [_extension(alias) for alias in _EXTENSIONS]}


def show_extension(call: Call) -> dict[str, object]:
    """GET /extensions/ALIAS."""
    alias = call.params["id"]
    if alias not in _EXTENSIONS:
        raise NotFound(f"Extension with alias {alias} does not exist")
    return {"extension": _extension(alias)}


def _extension(alias: str) -> dict[str, object]:
    name = _EXTENSIONS[alias]
    return {"alias": alias, "name": name, "description": name, "updated": _UPDATED, "links": []}


def nothing(plural: str, rule: str) -> Callable[[Call], dict[str, object]]:
    """Return the handler of a list that is empty here, for clients that look whether there is something."""

    def lists(call: Call) -> dict[str, object]:
        def work(act: Act) -> dict[str, object]:
            act.authorize(rule)
            return {plural: []}

        return call.read(work)

    return lists


def show_nothing(call: Call) -> dict[str, object]:
    """GET of one of them."""
    raise NotFound(f"{call.params['id']} could not be found.")
