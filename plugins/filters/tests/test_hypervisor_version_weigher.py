"""HypervisorVersionWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.hypervisor_version_weigher import HypervisorVersionWeigher


@pytest.mark.parametrize(("number", "raw"), [(0, 0.0), (8002001, 8002001.0)])
def test_raw_weight(number, raw):
    host = builders.host(hypervisor_version=number)
    assert HypervisorVersionWeigher().weigh(host, builders.request()) == raw
    assert HypervisorVersionWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert HypervisorVersionWeigher.multiplier_option == "hypervisor_version_weight_multiplier"
    assert (HypervisorVersionWeigher.negate, HypervisorVersionWeigher.minval) == (False, None)


def test_scale():
    hosts = [builders.host(hypervisor_version=number) for number in (6000000, 8000000)]
    assert HypervisorVersionWeigher().scale(builders.columns(hosts)) == (6e6, 8e6)
    assert HypervisorVersionWeigher().scale(builders.columns([])) == (0.0, 0.0)
