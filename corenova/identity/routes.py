"""The identity API on one page: method, path, handler, who may, and the status of success.

Paths are complete, so whoever mounts the application passes requests on as they are. A GET answers HEAD as well.
"""

import msgspec

from corenova.identity import policy
from corenova.identity.handlers import assignments, auth, services, versions
from corenova.identity.handlers.nouns import NOUNS, Handler

_SHOW_RULES = {
    "domain": policy.ADMIN_OR_IN_DOMAIN,
    "project": policy.ADMIN_OR_IN_PROJECT,
    "user": policy.ADMIN_OR_SELF,
}


class Route(msgspec.Struct, frozen=True):
    """One line of the table. ``rule`` is one of corenova/identity/policy.py."""

    method: str
    path: str
    handler: Handler
    rule: str
    status: int = 200


def _routes_of_nouns() -> tuple[Route, ...]:
    routes = []
    for noun in NOUNS:
        many, one = f"/v3/{noun.plural}", f"/v3/{noun.plural}/{{{noun.singular}_id}}"
        routes += [
            Route("GET", many, noun.lists, policy.ADMIN),
            Route("POST", many, noun.creates, policy.ADMIN, 201),
            Route("GET", one, noun.shows, _SHOW_RULES.get(noun.singular, policy.ADMIN)),
            Route("PATCH", one, noun.updates, policy.ADMIN),
            Route("DELETE", one, noun.deletes, policy.ADMIN, 204),
        ]
    return tuple(routes)


_ROLES_OF_USER = "/v3/projects/{project_id}/users/{user_id}/roles"
_ROLE_OF_USER = _ROLES_OF_USER + "/{role_id}"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/", versions.list_versions, policy.PUBLIC, 300),
    Route("GET", "/v3", versions.show_version, policy.PUBLIC),
    Route("POST", "/v3/auth/tokens", auth.issue_token, policy.PUBLIC, 201),
    Route("GET", "/v3/auth/tokens", auth.show_token, policy.VALIDATOR_OR_SUBJECT),
    Route("DELETE", "/v3/auth/tokens", auth.revoke_token, policy.ADMIN_OR_SUBJECT, 204),
    Route("GET", "/v3/auth/catalog", auth.show_catalog, policy.ANYONE),
    Route("GET", "/v3/auth/projects", auth.list_own_projects, policy.ANYONE),
    Route("GET", "/v3/users/{user_id}/projects", auth.list_projects_of_user, policy.ADMIN_OR_SELF),
    Route("POST", "/v3/users/{user_id}/password", assignments.change_password, policy.PUBLIC, 204),
    *_routes_of_nouns(),
    Route("GET", _ROLES_OF_USER, assignments.list_roles_of_user, policy.ADMIN),
    Route("PUT", _ROLE_OF_USER, assignments.assign_role, policy.ADMIN, 204),
    Route("GET", _ROLE_OF_USER, assignments.check_role, policy.ADMIN, 204),
    Route("DELETE", _ROLE_OF_USER, assignments.unassign_role, policy.ADMIN, 204),
    Route("GET", "/v3/role_assignments", assignments.list_assignments, policy.ADMIN),
    Route("GET", "/v3/services", services.list_services, policy.ADMIN),
    Route("GET", "/v3/services/{service_id}", services.show_service, policy.ADMIN),
    Route("GET", "/v3/endpoints", services.list_endpoints, policy.ADMIN),
    Route("GET", "/v3/endpoints/{endpoint_id}", services.show_endpoint, policy.ADMIN),
    Route("GET", "/v3/regions", services.list_regions, policy.ANYONE),
    Route("GET", "/v3/regions/{region_id}", services.show_region, policy.ANYONE),
)
