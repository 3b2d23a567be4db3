"""The network API on one page: method, path below /network, handler, and the status of success.

Who may is said by the rules that handlers ask for (corenova/network/policy.py). A GET answers HEAD as well.
"""

from collections.abc import Callable

import msgspec

from corenova.network.call import Call
from corenova.network.handlers import quotas, versions
from corenova.network.handlers.networks import NETWORKS
from corenova.network.handlers.nouns import Noun
from corenova.network.handlers.ports import PORTS
from corenova.network.handlers.security_group_rules import SECURITY_GROUP_RULES
from corenova.network.handlers.security_groups import SECURITY_GROUPS
from corenova.network.handlers.subnets import SUBNETS

Handler = Callable[[Call], dict[str, object] | None]
PATH = "/network"
NOUNS = (NETWORKS, SUBNETS, PORTS, SECURITY_GROUPS, SECURITY_GROUP_RULES)
_NONE_HERE = (
    ("floatingips", "get_floatingip"),
    ("routers", "get_router"),
    ("agents", "get_agent"),
    ("availability_zones", "get_availability_zone"),
)


class Route(msgspec.Struct, frozen=True):
    """One line of the table."""

    method: str
    path: str
    handler: Handler
    status: int = 200
    is_public: bool = False


def _routes_of(noun: Noun) -> tuple[Route, ...]:
    many = f"/v2.0/{noun.path}"
    one = f"{many}/{{id}}"
    changing = (Route("PUT", one, noun.updates),) if noun.update else ()
    return (
        Route("GET", many, noun.lists),
        Route("POST", many, noun.creates, 201),
        Route("GET", one, noun.shows),
        *changing,
        Route("DELETE", one, noun.deletes, 204),
    )


def _none_of(plural: str, rule: str) -> tuple[Route, ...]:
    path = f"/v2.0/{plural}"
    return (
        Route("GET", path, versions.nothing(plural, rule)),
        Route("GET", f"{path}/{{id}}", versions.show_nothing),
    )


_QUOTA = "/v2.0/quotas/{project_id}"
ROUTES: tuple[Route, ...] = (
    Route("GET", "", versions.list_versions, is_public=True),
    Route("GET", "/v2.0", versions.show_version, is_public=True),
    Route("GET", "/v2.0/extensions", versions.list_extensions),
    Route("GET", "/v2.0/extensions/{id}", versions.show_extension),
    *(route for noun in NOUNS for route in _routes_of(noun)),
    *(route for line in _NONE_HERE for route in _none_of(*line)),
    Route("GET", "/v2.0/quotas", quotas.list_quotas),
    Route("GET", _QUOTA, quotas.show_quota),
    Route("GET", f"{_QUOTA}/default", quotas.show_defaults),
    Route("GET", f"{_QUOTA}/details", quotas.show_details),
    Route("GET", f"{_QUOTA}/details.json", quotas.show_details),
    Route("PUT", _QUOTA, quotas.update_quota),
    Route("DELETE", _QUOTA, quotas.delete_quota, 204),
)
