"""ServerGroupSoftAffinityWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.server_group_soft_affinity_weigher import ServerGroupSoftAffinityWeigher


@pytest.mark.parametrize(
    ("policy", "members", "raws"),
    [
        (None, {}, [0.0, 0.0]),
        ("soft-affinity", {}, [0.0, 0.0]),
        ("soft-affinity", {"h1": 2, "h3": 9}, [2.0, 0.0]),
        ("soft-anti-affinity", {"h1": 2}, [0.0, 0.0]),
        ("affinity", {"h1": 2}, [0.0, 0.0]),
    ],
)
def test_raw_weight(policy, members, raws):
    hosts = builders.columns([builders.host("h1"), builders.host("h2")])
    spec = builders.request(group=policy and builders.group(policy, members))
    assert ServerGroupSoftAffinityWeigher().applies(spec) is (policy == "soft-affinity")
    assert [ServerGroupSoftAffinityWeigher().weigh(state, spec) for state in hosts.states] == raws
    assert ServerGroupSoftAffinityWeigher().weights(hosts, spec).tolist() == raws


def test_traits():
    assert ServerGroupSoftAffinityWeigher.multiplier_option == "soft_affinity_weight_multiplier"
    assert (ServerGroupSoftAffinityWeigher.negate, ServerGroupSoftAffinityWeigher.minval) == (False, None)
