"""SimpleCIDRAffinityFilter: the network around the hinted address."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.simple_cidr_affinity_filter import SimpleCIDRAffinityFilter


@pytest.mark.parametrize(
    ("hints", "passes"),
    [
        ({}, True),
        ({"cidr": "/32"}, True),
        ({"build_near_host_ip": "192.0.2.200"}, True),
        ({"build_near_host_ip": ["192.0.2.200"]}, True),
        ({"build_near_host_ip": "192.0.3.200"}, False),
        ({"build_near_host_ip": "192.0.3.200", "cidr": "/23"}, True),
        ({"build_near_host_ip": "192.0.2.200", "cidr": "/25"}, False),
        ({"build_near_host_ip": "192.0.2.200", "cidr": "/255.255.255.0"}, True),
        ({"build_near_host_ip": "2001:db8::1"}, False),
        # what is no network refuses every host and does not raise
        ({"build_near_host_ip": "192.0.2.200", "cidr": "/33"}, False),
        ({"build_near_host_ip": "h2"}, False),
    ],
)
def test_hints(hints, passes):
    plugin, spec = SimpleCIDRAffinityFilter(), builders.request(hints=hints)
    assert plugin.applies(spec) is ("build_near_host_ip" in hints)
    assert plugin.host_passes(builders.host(host_ip="192.0.2.100"), spec) is passes


def test_a_host_without_an_address_is_nowhere_near():
    spec = builders.request(hints={"build_near_host_ip": "192.0.2.1", "cidr": "/0"})
    assert not SimpleCIDRAffinityFilter().host_passes(builders.host(host_ip=""), spec)


@pytest.mark.parametrize(("near", "words"), [("192.0.2.1", "not in 192.0.2.1/24"), ("h2", "name no network: 'h2/24'")])
def test_reason(near, words):
    spec = builders.request(hints={"build_near_host_ip": near})
    assert words in SimpleCIDRAffinityFilter().reason(builders.host(host_ip="198.51.100.1"), spec)
