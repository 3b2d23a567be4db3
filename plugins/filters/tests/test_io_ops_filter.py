"""IoOpsFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.io_ops_filter import IoOpsFilter


@pytest.mark.parametrize("section", ["IoOpsFilter", "filter_scheduler"])
@pytest.mark.parametrize(
    ("text", "number", "passes"), [("", 7, True), ("", 8, False), ("max_io_ops_per_host = 2", 2, False)]
)
def test_limit(section, text, number, passes):
    plugin = builders.configured(IoOpsFilter, f"[{section}]\n{text}")
    host, spec = builders.host(num_io_ops=number), builders.request()
    assert plugin.host_passes(host, spec) is passes
    assert plugin.mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_both_numbers():
    sentence = IoOpsFilter().reason(builders.host(num_io_ops=77), builders.request())
    assert "77" in sentence and "limit is 8" in sentence
