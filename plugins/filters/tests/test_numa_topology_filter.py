"""NUMATopologyFilter: hosts where the guest's cells fit."""

import pytest

from corenova.objects.topology import (
    CellUse,
    HostTopology,
    NumaCell,
    PciPool,
    PciRequest,
    PciSpec,
    TopologyUse,
    TopologyWish,
    WishedCell,
)
from corenova.testing import builders
from corenova_filters.filters.numa_topology_filter import NUMATopologyFilter

PINNED = TopologyWish(cells=(WishedCell(vcpus=(0, 1), memory_mb=512, dedicated=(0, 1)),))
FLOATING = TopologyWish(cells=(WishedCell(vcpus=(0, 1), memory_mb=512),))
DEVICE = TopologyWish(devices=(PciRequest(alias="a", count=1, specs=(PciSpec(vendor_id="1"),)),))
NEAR = TopologyWish(cells=FLOATING.cells, devices=DEVICE.devices)


def topology(*, used=(), at=0):
    cell = NumaCell(id=0, memory_mb=1024, shared=((4,), (5,)), dedicated=((0,), (1,)))
    pool = PciPool(vendor_id="1", product_id="2", addresses=("x",), cell=at)
    return HostTopology(cells=(cell,), pools=(pool,), used=TopologyUse(cpus=used))


@pytest.mark.parametrize(
    ("wish", "has", "passes"),
    [
        (None, None, True),
        (DEVICE, None, True),  # the business of PciPassthroughFilter
        (PINNED, None, False),
        (PINNED, topology(), True),
        (PINNED, topology(used=(1,)), False),
        (FLOATING, topology(used=(1,)), True),
        (NEAR, topology(), True),
        (NEAR, topology(at=1), False),
    ],
)
def test_wishes(wish, has, passes):
    host, spec = builders.host("h1", topology=has), builders.request(topology=wish)
    assert NUMATopologyFilter().host_passes(host, spec) is passes
    assert NUMATopologyFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_ratios_are_the_hosts():
    wide = TopologyWish(cells=(WishedCell(vcpus=(0, 1), memory_mb=1024),))
    cell = NumaCell(id=0, memory_mb=1024, shared=((4,), (5,)))
    full = HostTopology(cells=(cell,), used=TopologyUse(cells={0: CellUse(vcpus=2, memory_mb=1024)}))
    spec = builders.request(topology=wide)
    judge = NUMATopologyFilter().host_passes
    assert not judge(builders.host(topology=full), spec)
    assert not judge(builders.host(topology=full, cpu_allocation_ratio=2.0), spec)
    assert judge(builders.host(topology=full, cpu_allocation_ratio=2.0, ram_allocation_ratio=2.0), spec)


def test_reason_says_what_is_short():
    spec = builders.request(topology=PINNED)
    host = builders.host(topology=topology(used=(0, 1)))
    assert NUMATopologyFilter().reason(host, spec) == "Dedicated CPUs in one NUMA cell: 2 asked, at most 0 free."
