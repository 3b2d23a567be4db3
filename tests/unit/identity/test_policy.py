"""Every route is guarded, and by a rule that exists."""

from corenova.identity import policy
from corenova.identity.routes import ROUTES

PUBLIC = {("GET", "/"), ("GET", "/v3"), ("POST", "/v3/auth/tokens"), ("POST", "/v3/users/{user_id}/password")}


def test_only_these_routes_are_public():
    assert {(route.method, route.path) for route in ROUTES if route.rule == policy.PUBLIC} == PUBLIC


def test_whatever_changes_something_is_for_admins():
    own = PUBLIC | {("DELETE", "/v3/auth/tokens")}
    for route in ROUTES:
        if route.method != "GET" and (route.method, route.path) not in own:
            assert route.rule == policy.ADMIN, route


def test_rules_exist_and_routes_are_unique():
    assert {route.rule for route in ROUTES} - {policy.PUBLIC} <= set(policy.RULES)
    keys = [(route.method, route.path) for route in ROUTES]
    assert len(set(keys)) == len(keys)
