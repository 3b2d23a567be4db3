"""DiskWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.disk_weigher import DiskWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"disk_gb": 3, "disk_used_gb": 1}, 2048.0),
        ({"disk_gb": 1, "disk_used_gb": 2}, -1024.0),
    ],
)
def test_raw_weight(facts, raw):
    host = builders.host(**facts)
    assert DiskWeigher().weigh(host, builders.request()) == raw
    assert DiskWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert DiskWeigher.multiplier_option == "disk_weight_multiplier"
    assert (DiskWeigher.negate, DiskWeigher.minval) == (False, 0.0)


def test_scale():
    hosts = [builders.host(inventories={"DISK_GB": number}) for number in (8, 64)]
    assert DiskWeigher().scale(builders.columns(hosts)) == (0.0, 65536.0)
    assert DiskWeigher().scale(builders.columns([])) == (0.0, 0.0)
