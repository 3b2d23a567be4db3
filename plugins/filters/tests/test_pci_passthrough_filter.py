"""PciPassthroughFilter: hosts with the devices free."""

import pytest

from corenova.objects.topology import HostTopology, PciPool, PciRequest, PciSpec, TopologyUse, TopologyWish
from corenova.testing import builders
from corenova_filters.filters.pci_passthrough_filter import PciPassthroughFilter


def wish(count, **spec):
    return TopologyWish(devices=(PciRequest(alias="gpu", count=count, specs=(PciSpec(**spec),)),))


def topology(*used):
    pool = PciPool(vendor_id="10de", product_id="1eb8", device_type="type-PF", addresses=("x", "y"))
    return HostTopology(pools=(pool,), used=TopologyUse(devices=used))


@pytest.mark.parametrize(
    ("wanted", "has", "passes"),
    [
        (None, None, True),
        (TopologyWish(), None, True),
        (wish(1), None, False),
        (wish(2, vendor_id="10de"), topology(), True),
        (wish(2, vendor_id="10de"), topology("y"), False),
        (wish(3, vendor_id="10de"), topology(), False),
        (wish(1, vendor_id="10de", product_id="1eb9"), topology(), False),
        (wish(1, device_type="type-VF"), topology(), False),
        (wish(1, device_type="type-PF"), topology("x"), True),
    ],
)
def test_devices(wanted, has, passes):
    host, spec = builders.host("h1", topology=has), builders.request(topology=wanted)
    assert PciPassthroughFilter().host_passes(host, spec) is passes
    assert PciPassthroughFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_the_alias():
    spec = builders.request(topology=wish(2))
    host = builders.host(topology=topology("x"))
    assert PciPassthroughFilter().reason(host, spec) == "PCI alias gpu: 2 asked, 1 free."
