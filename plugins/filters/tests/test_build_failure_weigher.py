"""BuildFailureWeigher."""

import pytest

from corenova.testing import builders
from corenova_filters.weighers.build_failure_weigher import BuildFailureWeigher


@pytest.mark.parametrize(
    ("facts", "raw"),
    [
        ({"failed_builds": 0}, 0.0),
        ({"failed_builds": 3}, 3.0),
    ],
)
def test_raw_weight(facts, raw):
    host = builders.host(**facts)
    assert BuildFailureWeigher().weigh(host, builders.request()) == raw
    assert BuildFailureWeigher().weights(builders.columns([host]), builders.request()).tolist() == [raw]


def test_traits():
    assert BuildFailureWeigher.multiplier_option == "build_failure_weight_multiplier"
    assert (BuildFailureWeigher.negate, BuildFailureWeigher.minval) == (True, None)


def test_scale():
    assert BuildFailureWeigher().scale(builders.columns([])) == (0.0, 10.0)
