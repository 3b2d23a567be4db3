"""What flavor and image ask of the topology, with Nova's keys, and what is refused."""

import pytest

from corenova.exceptions import ConfigurationError, InvalidInput
from corenova.objects.pci_alias import read_aliases
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.topology import PciRequest, PciSpec, TopologyWish, WishedCell
from corenova.objects.topology_wish import wish, with_wish

ALIASES = read_aliases(
    [
        '{"name": "gpu", "vendor_id": "10de", "product_id": "1eb8"}',
        '{"name": "nic", "vendor_id": "8086", "device_type": "type-VF", "numa_policy": "required"}',
    ]
)


def wished(extra_specs=None, image=None, *, vcpus=4, memory_mb=4096):
    flavor = Flavor(flavorid="1", name="f", vcpus=vcpus, memory_mb=memory_mb, root_gb=1, extra_specs=extra_specs or {})
    return wish(flavor, None if image is None else ImageMeta(id="i", name="i", properties=image), ALIASES)


def one_cell(**fields):
    return TopologyWish(cells=(WishedCell(vcpus=(0, 1, 2, 3), memory_mb=4096, **fields),))


PINNED = one_cell(dedicated=(0, 1, 2, 3))


@pytest.mark.parametrize(
    ("extra_specs", "image", "expected"),
    [
        ({}, None, None),
        ({"hw:cpu_policy": "shared", "quota:x": "1"}, {}, None),
        ({"hw:cpu_policy": "dedicated"}, None, PINNED),
        ({}, {"hw_cpu_policy": "dedicated"}, PINNED),
        ({"hw:cpu_policy": "dedicated"}, {"hw_cpu_policy": "shared"}, PINNED),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1-2,^2"}, None, one_cell(dedicated=(1,))),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0"}, None, one_cell(dedicated=(1, 2, 3))),
        ({"hw:numa_nodes": "1"}, None, one_cell()),
        ({}, {"hw_numa_nodes": "1"}, one_cell()),
    ],
)
def test_cells_and_policies(extra_specs, image, expected):
    assert wished(extra_specs, image) == expected


def test_nodes_are_divided_evenly_or_as_told():
    even = wished({"hw:numa_nodes": "2"})
    assert [(c.vcpus, c.memory_mb) for c in even.cells] == [((0, 1), 2048), ((2, 3), 2048)]
    told = {"hw:numa_nodes": "2", "hw:numa_cpus.0": "0,2-3", "hw:numa_cpus.1": "1", "hw:numa_mem.0": "3072"}
    uneven = wished({**told, "hw:numa_mem.1": "1024"})
    assert [(c.vcpus, c.memory_mb) for c in uneven.cells] == [((0, 2, 3), 3072), ((1,), 1024)]


@pytest.mark.parametrize(
    ("flavor", "image", "page_size"),
    [
        ("small", None, "small"),
        ("2048", None, 2048),
        ("2MB", None, 2048),
        ("1GB", None, 1048576),
        ("64KB", None, 64),
        ("large", "2MB", 2048),
        ("any", "large", "large"),
    ],
)
def test_page_sizes_make_a_cell(flavor, image, page_size):
    found = wished({"hw:mem_page_size": flavor}, {} if image is None else {"hw_mem_page_size": image})
    assert (len(found.cells), found.page_size) == (1, page_size)


def test_thread_policy():
    found = wished({"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "isolate"})
    assert found.thread_policy == "isolate"
    assert wished({"hw:cpu_policy": "dedicated"}, {"hw_cpu_thread_policy": "require"}).thread_policy == "require"


def test_devices():
    found = wished({"pci_passthrough:alias": "gpu:2, nic:1"})
    assert found.cells == ()
    assert found.devices == (
        PciRequest(alias="gpu", count=2, specs=(PciSpec(vendor_id="10de", product_id="1eb8"),)),
        PciRequest(
            alias="nic", count=1, specs=(PciSpec(vendor_id="8086", device_type="type-VF"),), numa_policy="required"
        ),
    )
    (device,) = wished({"pci_passthrough:alias": "gpu:1", "hw:pci_numa_affinity_policy": "preferred"}).devices
    assert device.numa_policy == "preferred"


@pytest.mark.parametrize(
    ("extra_specs", "image", "words"),
    [
        ({"hw:cpu_policy": "own"}, None, "hw:cpu_policy is 'own'"),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, "contradicts the flavor's hw:cpu_policy"),
        ({"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "x"}, None, "hw:cpu_thread_policy is 'x'"),
        ({"hw:cpu_thread_policy": "prefer"}, None, "needs hw:cpu_policy dedicated"),
        (
            {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "prefer"},
            {"hw_cpu_thread_policy": "isolate"},
            "hw_cpu_thread_policy 'isolate' contradicts",
        ),
        ({"hw:cpu_policy": "mixed"}, None, "need each other"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-3"}, None, "some vCPUs and not all"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "9"}, None, "vCPUs are 0-3"),
        ({"hw:cpu_dedicated_mask": "0"}, None, "need each other"),
        ({"hw:numa_nodes": "0"}, None, "hw:numa_nodes is '0'"),
        ({"hw:numa_nodes": "two"}, None, "hw:numa_nodes is 'two'"),
        ({"hw:numa_nodes": "3"}, None, "divided evenly among 3"),
        ({"hw:numa_nodes": "8"}, None, "has 4 vCPUs"),
        ({"hw:numa_nodes": "1"}, {"hw_numa_nodes": "2"}, "hw_numa_nodes '2' contradicts"),
        ({"hw:numa_nodes": "2", "hw:numa_cpus.0": "0-1"}, None, "for all NUMA nodes or for none"),
        (
            {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-2", "hw:numa_mem.0": "4096"},
            None,
            "each vCPU of the flavor once",
        ),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "1"}, None, "add up to 1 MiB"),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "a", "hw:numa_mem.0": "4096"}, None, "no list of CPUs"),
        ({"hw:mem_page_size": "huge"}, None, "hw:mem_page_size is 'huge'"),
        ({"hw:mem_page_size": "0"}, None, "hw:mem_page_size is '0'"),
        ({}, {"hw_mem_page_size": "large"}, "needs a flavor with hw:mem_page_size"),
        ({"hw:mem_page_size": "2MB"}, {"hw_mem_page_size": "1GB"}, "needs a flavor with hw:mem_page_size"),
        ({"pci_passthrough:alias": "fpga:1"}, None, "PCI alias fpga is not defined"),
        ({"pci_passthrough:alias": "gpu"}, None, "no list like name:1"),
        ({"pci_passthrough:alias": "gpu:0"}, None, "no list like name:1"),
        ({"pci_passthrough:alias": "gpu:1", "hw:pci_numa_affinity_policy": "x"}, None, "affinity_policy is 'x'"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(extra_specs, image, words):
    with pytest.raises(InvalidInput) as refused:
        wished(extra_specs, image)
    assert words in str(refused.value)


def test_the_same_alias_again_means_another_kind_of_device():
    found = read_aliases(['{"name": "a", "vendor_id": "1"}', '{"name": "a", "vendor_id": "2"}'])
    assert found["a"].specs == (PciSpec(vendor_id="1"), PciSpec(vendor_id="2"))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["gpu"], "cannot be read"),
        (['{"vendor_id": "1"}'], "`name`"),
        (['{"name": "a", "vendor": "1"}'], "unknown field `vendor`"),
        (['{"name": "a", "numa_policy": "near"}'], "numa_policy is near"),
        (['{"name": "a"}', '{"name": "a", "numa_policy": "required"}'], "given twice"),
    ],
)
def test_aliases_that_mean_nothing_stop_the_start(texts, words):
    with pytest.raises(ConfigurationError) as refused:
        read_aliases(texts)
    assert words in str(refused.value)
    assert "[pci] alias" in str(refused.value)


def test_pinned_vcpus_are_pcpus():
    specs = {"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0"}
    flavor = Flavor(flavorid="1", name="f", vcpus=4, memory_mb=1024, root_gb=0, extra_specs=specs)
    spec = with_wish(RequestSpec(project_id="p", user_id="u", flavor=flavor), {})
    assert spec.resources() == {"VCPU": 3, "PCPU": 1, "MEMORY_MB": 1024}
    pinned = Flavor(
        flavorid="1", name="f", vcpus=4, memory_mb=1024, root_gb=0, extra_specs={"hw:cpu_policy": "dedicated"}
    )
    spec = with_wish(RequestSpec(project_id="p", user_id="u", flavor=pinned), {})
    assert spec.resources() == {"PCPU": 4, "MEMORY_MB": 1024}
