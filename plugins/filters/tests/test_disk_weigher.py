"""DiskWeigher."""

import pytest

from corenova_filters.weighers.disk_weigher import DiskWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"free_disk_mb": 2048}, 2048.0),
        ({"free_disk_mb": -512}, -512.0),
    ],
)
def test_raw_weight(builders, facts, raw):
    host = builders.host(**facts)
    assert DiskWeigher().weigh(host, builders.spec()) == raw
    assert DiskWeigher().weights(builders.columns(host), builders.spec()).tolist() == [raw]


def test_traits():
    assert DiskWeigher.multiplier_option == "disk_weight_multiplier"
    assert (DiskWeigher.negate, DiskWeigher.minval) == (False, 0.0)


def test_scale(builders):
    hosts = [builders.host(inventories=builders.inventories(DISK_GB=number)) for number in (8, 64)]
    assert DiskWeigher().scale(builders.columns(*hosts)) == (0.0, 65536.0)
    assert DiskWeigher().scale(builders.columns()) == (0.0, 0.0)
