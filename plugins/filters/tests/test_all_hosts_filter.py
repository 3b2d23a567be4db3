"""AllHostsFilter."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.all_hosts_filter import AllHostsFilter


@pytest.mark.parametrize("facts", [{}, {"is_up": False}, {"disabled": True}])
def test_everybody_passes(facts):
    host = builders.host(**facts)
    assert AllHostsFilter().host_passes(host, builders.request())
    assert AllHostsFilter().mask(builders.columns([host]), builders.request()).tolist() == [True]
