"""The built-in stage for NUMA cells and PCI devices, and its place in the pipeline."""

import pytest

from corenova.objects.host_state import Inventory
from corenova.objects.topology import (
    UNUSED,
    ClaimedDevice,
    HostTopology,
    NumaCell,
    PciPool,
    TopologyClaim,
    TopologyWish,
    WishedCell,
)
from corenova.objects.topology_fit import fit

PCPUS = {"PCPU": Inventory(total=4)}
CELLS = tuple(NumaCell(id=n, memory_mb=4096, dedicated=((2 * n,), (2 * n + 1,))) for n in range(2))
TWO = TopologyWish(cells=(WishedCell(vcpus=(0, 1), memory_mb=512, dedicated=(0, 1)),))
THREE = TopologyWish(cells=(WishedCell(vcpus=(0, 1, 2), memory_mb=512, dedicated=(0, 1, 2)),))


@pytest.fixture
def hosts(build):
    """One host with two cells of two dedicated CPUs, and one that tells nothing."""
    numa = build.host("numa", inventories=PCPUS, topology=HostTopology(cells=CELLS))
    return build.table(numa, build.host("plain", inventories=PCPUS))


def test_a_batch_sees_its_own_claims(build, hosts):
    decisions = build.pipeline().place(hosts, build.spec(vcpus=2, topology=TWO), 3)
    assert [decision.host for decision in decisions] == ["numa", "numa", None]
    assert hosts.states[0].topology.used.cpus == (0, 1, 2, 3)


def test_every_host_is_told_why_not(build, hosts):
    (decision,) = build.pipeline().place(hosts, build.spec(vcpus=3, topology=THREE), 1)
    assert [(r.host, r.stage, r.reason) for r in decision.rejections] == [
        ("numa", "Topology", "Dedicated CPUs in one NUMA cell: 3 asked, at most 2 free."),
        ("plain", "Topology", "It tells of no NUMA cells and no PCI devices."),
    ]


def test_forced_hosts_are_asked_too(build, hosts):
    spec = build.spec(vcpus=3, topology=THREE, force_hosts=("numa",))
    assert build.pipeline().place(hosts, spec, 1)[0].host is None


def test_free_devices_are_a_column(build):
    pool = PciPool(vendor_id="1", product_id="2", addresses=("x", "y"))
    table = build.table(build.host("h", topology=HostTopology(pools=(pool,))), build.host("plain"))
    assert table.free_pci_devices.tolist() == [2, 0]
    table.take_topology(0, TopologyClaim(devices=(ClaimedDevice(alias="a", address="y"),)))
    assert table.free_pci_devices.tolist() == [1, 0]
    assert table.states[0].topology.used.devices == ("y",)


def test_a_filter_of_the_ini_is_asked_first_and_the_class_follows_the_claims(build, hosts):
    fits = lambda state, spec: spec.topology is None or fit(state.topology, spec.topology) is not None  # noqa: E731
    pipeline = build.pipeline([build.plugin("Mine", host_passes=fits)])
    one = TopologyWish(cells=(WishedCell(vcpus=(0,), memory_mb=512, dedicated=(0,)),))
    for expected in (["numa"] * 4, [None]):
        for host in expected:
            (decision,) = pipeline.place(hosts, build.spec(topology=one), 1)
            assert decision.host == host
    assert {rejection.stage for rejection in decision.rejections} == {"Mine", "Capacity"}


def test_without_a_wish_the_stage_is_not_there(build, hosts):
    (decision,) = build.pipeline().place(hosts, build.spec(), 1)
    assert "Topology" not in [stage.name for stage in decision.stages]
    assert hosts.states[0].topology.used == UNUSED
