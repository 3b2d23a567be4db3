"""Rules and the enforcer's memory."""

import pytest
from oslo_config import cfg

from corenova.exceptions import Forbidden
from corenova.objects.context import RequestContext
from corenova.policy import authorize, build_enforcer, list_rules


@pytest.fixture
def enforcer():
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    return build_enforcer(conf)


def _who(*roles: str) -> RequestContext:
    return RequestContext(request_id="", user_id="ann", project_id="p", roles=roles)


def test_rules_are_documented_and_unique():
    names = [rule.name for rule in list_rules()]
    assert len(names) == len(set(names))
    assert all(rule.description for rule in list_rules())


@pytest.mark.parametrize(
    ("rule", "roles", "allowed"),
    [
        ("os_compute_api:servers:index", ("reader",), True),
        ("os_compute_api:servers:create", ("reader",), False),
        ("os_compute_api:servers:create", ("member", "reader"), True),
        ("os_compute_api:servers:create:forced_host", ("member", "reader"), False),
        ("os_compute_api:servers:create:forced_host", ("admin",), True),
        ("os_compute_api:os-availability-zone:list", (), True),
        ("os_compute_api:servers:index", (), False),
        ("no:such:rule", ("admin",), False),
    ],
)
def test_defaults(enforcer, rule, roles, allowed):
    assert [enforcer.allows(_who(*roles), rule) for _ in range(2)] == [allowed, allowed]


def test_another_project_is_not_ones_own(enforcer):
    rule = "os_compute_api:os-quota-sets:show"
    assert enforcer.allows(_who("reader"), rule, {"project_id": "p"})
    assert not enforcer.allows(_who("reader"), rule, {"project_id": "q"})
    with pytest.raises(Forbidden, match="Policy doesn't allow os_compute_api:os-quota-sets:show to be"):
        authorize(enforcer, _who("reader"), rule, {"project_id": "q"})
