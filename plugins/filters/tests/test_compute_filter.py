"""ComputeFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.compute_filter import ComputeFilter


@pytest.mark.parametrize(
    ("is_up", "disabled", "passes", "word"),
    [
        (True, False, True, ""),
        (False, False, False, "down"),
        (True, True, False, "disabled"),
        (False, True, False, "disabled"),
    ],
)
def test_service(is_up, disabled, passes, word):
    host = builders.host(is_up=is_up, disabled=disabled)
    assert ComputeFilter().host_passes(host, builders.request()) is passes
    assert ComputeFilter().mask(builders.columns([host]), builders.request()).tolist() == [passes]
    assert word in ComputeFilter().reason(host, builders.request())
