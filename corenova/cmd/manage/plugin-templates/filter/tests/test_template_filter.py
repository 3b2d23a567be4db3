"""What TemplateFilter decides, and that it keeps the contract."""

from types import SimpleNamespace

import pytest
from template_filter import TemplateFilter

from corenova.testing.builders import host, request
from corenova.testing.suites import FilterSuite


class TestContract(FilterSuite):
    """All that the filter contract asks of every filter."""

    plugin = TemplateFilter


@pytest.mark.parametrize(("running", "passes"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_full_host_is_refused(running, passes):
    plugin = TemplateFilter()
    plugin.configure(SimpleNamespace(max_instances=3))
    there = host("h1", num_instances=running)
    assert plugin.host_passes(there, request()) is passes
    assert f"runs {running} servers, the limit is 3" in plugin.reason(there, request())
