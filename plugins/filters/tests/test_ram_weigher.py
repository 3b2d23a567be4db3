"""RAMWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.ram_weigher import RAMWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"ram_mb": 2048}, 2048.0),
        ({"ram_mb": 64, "ram_used_mb": 64}, 0.0),
        ({"ram_mb": 0, "ram_used_mb": 512}, -512.0),
    ],
)
def test_raw_weight(facts, raw):
    host = builders.host(**facts)
    assert RAMWeigher().weigh(host, builders.request()) == raw
    assert RAMWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert RAMWeigher.multiplier_option == "ram_weight_multiplier"
    assert (RAMWeigher.negate, RAMWeigher.minval) == (False, 0.0)


def test_scale():
    hosts = [builders.host(inventories={"MEMORY_MB": number}) for number in (8, 64)]
    assert RAMWeigher().scale(builders.columns(hosts)) == (0.0, 64.0)
    assert RAMWeigher().scale(builders.columns([])) == (0.0, 0.0)
