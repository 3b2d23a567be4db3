"""ServerGroupAffinityFilter: the first member goes anywhere, the others follow."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.server_group_affinity_filter import ServerGroupAffinityFilter


@pytest.mark.parametrize(
    ("policy", "members", "passes"),
    [
        (None, {}, True),
        ("affinity", {}, True),
        ("affinity", {"h1": 1}, True),
        ("affinity", {"h2": 1}, False),
        ("affinity", {"h1": 0, "h2": 1}, False),
        ("affinity", {"h2": 0}, True),
        ("anti-affinity", {"h2": 1}, True),
        ("soft-affinity", {"h2": 1}, True),
    ],
)
def test_members(policy, members, passes):
    assert ServerGroupAffinityFilter().applies(builders.request(group=policy and builders.group(policy))) is (
        policy == "affinity"
    )
    host, spec = builders.host("h1"), builders.request(group=policy and builders.group(policy, members))
    assert ServerGroupAffinityFilter().host_passes(host, spec) is passes
    assert ServerGroupAffinityFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_keeps_the_other_host_secret():
    spec = builders.request(group=builders.group("affinity", {"h2": 1}))
    assert "h2" not in ServerGroupAffinityFilter().reason(builders.host("h1"), spec)
