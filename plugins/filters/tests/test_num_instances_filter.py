"""NumInstancesFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.num_instances_filter import NumInstancesFilter


@pytest.mark.parametrize("section", ["NumInstancesFilter", "filter_scheduler"])
@pytest.mark.parametrize(
    ("text", "number", "passes"), [("", 49, True), ("", 50, False), ("max_instances_per_host = 2", 2, False)]
)
def test_limit(section, text, number, passes):
    plugin = builders.configured(NumInstancesFilter, f"[{section}]\n{text}")
    host, spec = builders.host(num_instances=number), builders.request()
    assert plugin.host_passes(host, spec) is passes
    assert plugin.mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_both_numbers():
    sentence = NumInstancesFilter().reason(builders.host(num_instances=77), builders.request())
    assert "77" in sentence and "limit is 50" in sentence
