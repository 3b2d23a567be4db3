"""CPUWeigher."""

import pytest

from corenova_filters.weighers.cpu_weigher import CPUWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"vcpus_total": 8, "vcpus_used": 2}, 6.0),
        ({"vcpus_total": 8, "vcpus_used": 2, "cpu_allocation_ratio": 4.0}, 30.0),
        ({"vcpus_total": 1, "vcpus_used": 1, "cpu_allocation_ratio": 1.5}, 0.5),
        ({"vcpus_total": 1, "vcpus_used": 3}, -2.0),
    ],
)
def test_raw_weight(builders, facts, raw):
    host = builders.host(**facts)
    assert CPUWeigher().weigh(host, builders.spec()) == raw
    assert CPUWeigher().weights(builders.columns(host), builders.spec()).tolist() == [raw]


def test_traits():
    assert CPUWeigher.multiplier_option == "cpu_weight_multiplier"
    assert (CPUWeigher.negate, CPUWeigher.minval) == (False, 0.0)


def test_scale(builders):
    hosts = [builders.host(inventories=builders.inventories(VCPU=number)) for number in (8, 64)]
    assert CPUWeigher().scale(builders.columns(*hosts)) == (0.0, 64.0)
    assert CPUWeigher().scale(builders.columns()) == (0.0, 0.0)
