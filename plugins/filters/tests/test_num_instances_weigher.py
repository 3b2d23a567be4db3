"""NumInstancesWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.num_instances_weigher import NumInstancesWeigher


@pytest.mark.parametrize(("number", "raw"), [(0, 0.0), (3, 3.0)])
def test_raw_weight(number, raw):
    host = builders.host(num_instances=number)
    assert NumInstancesWeigher().weigh(host, builders.request()) == raw
    assert NumInstancesWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert NumInstancesWeigher.multiplier_option == "num_instances_weight_multiplier"
    assert (NumInstancesWeigher.negate, NumInstancesWeigher.minval) == (False, None)


def test_scale():
    hosts = [builders.host(inventories={"VCPU": number}) for number in (8, 64)]
    assert NumInstancesWeigher().scale(builders.columns(hosts)) == (0.0, 64.0)
