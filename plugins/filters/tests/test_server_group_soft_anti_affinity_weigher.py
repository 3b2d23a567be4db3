"""ServerGroupSoftAntiAffinityWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.server_group_soft_anti_affinity_weigher import ServerGroupSoftAntiAffinityWeigher


@pytest.mark.parametrize(
    ("policy", "members", "raws"),
    [
        (None, {}, [0.0, 0.0]),
        ("soft-anti-affinity", {}, [0.0, 0.0]),
        ("soft-anti-affinity", {"h1": 2, "h3": 9}, [-2.0, 0.0]),
        ("soft-affinity", {"h1": 2}, [0.0, 0.0]),
        ("anti-affinity", {"h1": 2}, [0.0, 0.0]),
    ],
)
def test_raw_weight(policy, members, raws):
    hosts = builders.columns([builders.host("h1"), builders.host("h2")])
    spec = builders.request(group=policy and builders.group(policy, members))
    assert ServerGroupSoftAntiAffinityWeigher().applies(spec) is (policy == "soft-anti-affinity")
    assert [ServerGroupSoftAntiAffinityWeigher().weigh(state, spec) for state in hosts.states] == raws
    assert ServerGroupSoftAntiAffinityWeigher().weights(hosts, spec).tolist() == raws


def test_traits():
    assert ServerGroupSoftAntiAffinityWeigher.multiplier_option == "soft_anti_affinity_weight_multiplier"
    assert (ServerGroupSoftAntiAffinityWeigher.negate, ServerGroupSoftAntiAffinityWeigher.minval) == (False, None)
