"""NUMA cells, pinned CPUs, huge pages and PCI devices on a mixed fake fleet: given once, given back, never shared."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from corenova.db import topologies
from corenova.objects.request_spec import Flavor
from corenova.objects.topology import TopologyUse

SAMPLE = Path(__file__).parents[3] / "etc" / "corenova" / "fake-hosts.yaml.sample"
ALIAS = json.dumps({"name": "gpu", "vendor_id": "10de", "product_id": "1eb8"})
FILTERS = "ComputeFilter,NUMATopologyFilter,PciPassthroughFilter"


def flavor(vcpus=2, memory_mb=1024, **specs):
    return Flavor(flavorid="n", name="n", vcpus=vcpus, memory_mb=memory_mb, root_gb=1, extra_specs=specs)


def key(**specs):
    """Return extra specs from names without their scope."""
    return {f"hw:{name}": value for name, value in specs.items()}


PINNED = flavor(**key(cpu_policy="dedicated"))
GPU = flavor(**{"pci_passthrough:alias": "gpu:1"})


@pytest.fixture
def fleet(make_cloud):
    """Give a function that makes a cloud on the sample's fleet; sections are added to its ini."""

    def make(**ini):
        sections = {
            "fake": {"classes_file": SAMPLE},
            "pci": {"alias": ALIAS},
            "filter_scheduler": {"enabled_filters": FILTERS},
        }
        return make_cloud({**sections, **ini})

    return make


def held(cloud):
    """Return ``{uuid: claim}`` of all servers."""
    uuids = [row.uuid for row in cloud.servers()]
    return cloud.db.read(lambda connection: topologies.of_instances(connection, uuids))


def at_once(count, work):
    """Run ``work(n)`` in ``count`` threads."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))


def used(cloud):
    return {host: one.used for host, one in cloud.db.read(topologies.of_hosts).items()}


def singles(cloud):
    """Return every (host, dedicated CPU or PCI address) that an instance has, as often as instances have it."""
    homes = {row.uuid: row.host for row in cloud.servers()}
    found = []
    for uuid, claim in held(cloud).items():
        found += [(homes[uuid], cpu) for cell in claim.cells for cpu in cell.cpus]
        found += [(homes[uuid], device.address) for device in claim.devices]
    return found


def test_pinned_servers_get_cpus_of_their_own_until_there_are_none(fleet):
    cloud = fleet()
    # 3 hosts with 2 * 12 dedicated CPUs and 2 with 2 * 8.
    uuids = cloud.create_servers(54, flavor=PINNED)
    cloud.wait_settled()
    states = [cloud.server(uuid).vm_state for uuid in uuids]
    assert (states.count("active"), states.count("error")) == (52, 2)
    assert len(singles(cloud)) == len(set(singles(cloud))) == 104
    assert {row.host.split("-")[0] for row in cloud.servers() if row.host} == {"numa", "gpu"}
    for uuid in uuids:
        cloud.delete(uuid)
    cloud.wait_settled()
    assert list(used(cloud).values()) == [TopologyUse()] * 5
    assert held(cloud) == {}


def test_the_refusal_is_told_under_the_filters_name(fleet):
    cloud = fleet()
    uuid = cloud.create_server(flavor=flavor(vcpus=14, **key(numa_nodes="1", cpu_policy="dedicated")))
    cloud.wait_for(uuid, "error")
    assert "NUMATopologyFilter refused 5" in cloud.server(uuid).fault_message
    reasons = {rejection.host: rejection.reason for rejection in cloud.decision(uuid).rejections}
    assert reasons["numa-001"] == "Dedicated CPUs in one NUMA cell: 14 asked, at most 12 free."


def test_devices_are_given_once_and_come_back(fleet):
    cloud = fleet()
    uuids = cloud.create_servers(5, flavor=GPU)
    cloud.wait_settled()
    states = {uuid: cloud.server(uuid).vm_state for uuid in uuids}
    active = [uuid for uuid, state in states.items() if state == "active"]
    (refused,) = set(uuids) - set(active)
    assert len(set(singles(cloud))) == 4
    assert "PciPassthroughFilter" in cloud.server(refused).fault_message
    cloud.delete(active[0])
    cloud.wait_for(active[0], "deleted")
    again = cloud.create_server(flavor=GPU)
    cloud.wait_for(again)


def test_huge_pages_and_two_cells(fleet):
    cloud = fleet()
    wide = flavor(vcpus=4, memory_mb=4096, **key(numa_nodes="2", mem_page_size="1GB"))
    uuid = cloud.create_server(flavor=wide)
    cloud.wait_for(uuid)
    claim = held(cloud)[uuid]
    assert [(cell.page_kb, cell.memory_mb, len(cell.vcpus)) for cell in claim.cells] == [(1048576, 2048, 2)] * 2
    assert len({cell.cell for cell in claim.cells}) == 2


def test_parallel_batches_of_two_schedulers_never_overlap(fleet):
    cloud = fleet(conductor={"workers": 4})
    with cloud.another("scheduler"):
        at_once(10, lambda n: cloud.create_servers(3, flavor=GPU if n in (2, 7) else PINNED))
        cloud.wait_settled()
    assert len(singles(cloud)) == len(set(singles(cloud))) == 8 * 3 * 2 + 4
    assert [row.vm_state for row in cloud.servers()].count("error") == 2


def test_the_last_cpus_are_given_once(fleet):
    cloud = fleet(conductor={"workers": 4})
    with cloud.another("scheduler"):
        at_once(20, lambda n: cloud.create_servers(3, flavor=PINNED))
        cloud.wait_settled()
    states = [row.vm_state for row in cloud.servers()]
    assert (states.count("active"), states.count("error")) == (52, 8)
    assert len(set(singles(cloud))) == 104


def test_an_alternate_gets_a_claim_of_its_own(fleet):
    cloud = fleet(
        fake={"classes_file": SAMPLE, "spawn_failure_hosts": "gpu-*"},
        filter_scheduler={"enabled_filters": FILTERS, "weight_classes": "CPUWeigher"},  # prefers the gpu hosts
    )
    uuid = cloud.create_server(flavor=PINNED)
    cloud.wait_for(uuid)
    assert cloud.server(uuid).attempts == 3
    home = cloud.server(uuid).host
    assert home.startswith("numa-")
    assert {host for host, use in used(cloud).items() if use != TopologyUse()} == {home}


def test_a_forced_host_must_fit_too_and_no_filter_need_say_so(fleet):
    cloud = fleet(filter_scheduler={"enabled_filters": "ComputeFilter"})
    # As many PCPUs as the host has in all, and more than a cell has.
    uuid = cloud.create_server(flavor=flavor(vcpus=14, **key(cpu_policy="dedicated")), force_hosts=("numa-001",))
    cloud.wait_for(uuid, "error")
    assert "Topology refused" in cloud.server(uuid).fault_message


def test_the_driver_is_told_what_the_instance_has(fleet):
    cloud = fleet()
    told = []
    spawn = cloud.driver.spawn
    cloud.driver.spawn = lambda host, instance: (told.append(instance), spawn(host, instance))[1]
    uuid = cloud.create_server(flavor=PINNED)
    plain = cloud.create_server()
    cloud.wait_for([uuid, plain])
    assert {one.uuid: one.topology for one in told} == {uuid: held(cloud)[uuid], plain: None}


def test_a_report_changes_what_there_is_and_keeps_what_is_used(fleet):
    cloud = fleet()
    uuid = cloud.create_server(flavor=PINNED, force_hosts=("gpu-001",))
    cloud.wait_for(uuid)
    told = cloud.driver.inventory("gpu-001")
    fewer = msgspec.structs.replace(told, topology=msgspec.structs.replace(told.topology, pools=()))

    def report(connection):
        changed = topologies.report(connection, [fewer]), topologies.report(connection, [fewer])
        return changed, topologies.of_hosts(connection)["gpu-001"]

    before = used(cloud)["gpu-001"]
    changed, after = cloud.db.write("test", report)
    assert changed == ({"gpu-001"}, set())
    assert (after.pools, after.cells, after.used) == ((), told.topology.cells, before)
