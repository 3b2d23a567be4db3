"""CPUWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.cpu_weigher import CPUWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"vcpus": 8, "vcpus_used": 2}, 6.0),
        ({"vcpus": 8, "vcpus_used": 2, "cpu_allocation_ratio": 4.0}, 30.0),
        ({"vcpus": 1, "vcpus_used": 1, "cpu_allocation_ratio": 1.5}, 0.5),
        ({"vcpus": 1, "vcpus_used": 3}, -2.0),
    ],
)
def test_raw_weight(facts, raw):
    host = builders.host(**facts)
    assert CPUWeigher().weigh(host, builders.request()) == raw
    assert CPUWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert CPUWeigher.multiplier_option == "cpu_weight_multiplier"
    assert (CPUWeigher.negate, CPUWeigher.minval) == (False, 0.0)


def test_scale():
    hosts = [builders.host(inventories={"VCPU": number}) for number in (8, 64)]
    assert CPUWeigher().scale(builders.columns(hosts)) == (0.0, 64.0)
    assert CPUWeigher().scale(builders.columns([])) == (0.0, 0.0)
