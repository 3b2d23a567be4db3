"""AllHostsFilter."""

import pytest

from corenova_filters.filters.all_hosts_filter import AllHostsFilter


@pytest.mark.parametrize("facts", [{}, {"is_up": False}, {"disabled": True}])
def test_everybody_passes(builders, facts):
    host = builders.host(**facts)
    assert AllHostsFilter().host_passes(host, builders.spec())
    assert AllHostsFilter().mask(builders.columns(host), builders.spec()).tolist() == [True]
