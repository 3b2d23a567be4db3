"""ServerGroupAntiAffinityFilter: members per host against the rule."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.server_group_anti_affinity_filter import ServerGroupAntiAffinityFilter


@pytest.mark.parametrize(
    ("policy", "members", "rules", "passes"),
    [
        (None, {}, {}, True),
        ("anti-affinity", {}, {}, True),
        ("anti-affinity", {"h1": 0}, {}, True),
        ("anti-affinity", {"h1": 1}, {}, False),
        ("anti-affinity", {"h2": 1}, {}, True),
        ("anti-affinity", {"h1": 1}, {"max_server_per_host": 2}, True),
        ("anti-affinity", {"h1": 2}, {"max_server_per_host": 2}, False),
        ("affinity", {"h1": 5}, {}, True),
        ("soft-anti-affinity", {"h1": 5}, {}, True),
    ],
)
def test_members(policy, members, rules, passes):
    assert ServerGroupAntiAffinityFilter().applies(builders.request(group=policy and builders.group(policy))) is (
        policy == "anti-affinity"
    )
    host, spec = builders.host("h1"), builders.request(group=policy and builders.group(policy, members, **rules))
    assert ServerGroupAntiAffinityFilter().host_passes(host, spec) is passes
    assert ServerGroupAntiAffinityFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_counts():
    spec = builders.request(group=builders.group("anti-affinity", {"h1": 2}, max_server_per_host=2))
    assert "runs 2" in ServerGroupAntiAffinityFilter().reason(builders.host("h1"), spec)
    assert "allows 2" in ServerGroupAntiAffinityFilter().reason(builders.host("h1"), spec)
