"""IoOpsWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.io_ops_weigher import IoOpsWeigher


@pytest.mark.parametrize(("number", "raw"), [(0, 0.0), (3, 3.0)])
def test_raw_weight(number, raw):
    host = builders.host(num_io_ops=number)
    assert IoOpsWeigher().weigh(host, builders.request()) == raw
    assert IoOpsWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert IoOpsWeigher.multiplier_option == "io_ops_weight_multiplier"
    assert (IoOpsWeigher.negate, IoOpsWeigher.minval) == (False, 0.0)


def test_scale():
    assert IoOpsWeigher().scale(builders.columns([])) == (0.0, 10.0)
