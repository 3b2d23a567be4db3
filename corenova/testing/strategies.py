"""Hypothesis strategies: hosts and requests of every sort that a filter or weigher may meet, the odd ones included.

What a plug-in reads is varied by giving it a strategy of its own, the rest stays as it is here:
``requests(hints=st.fixed_dictionaries({"rack": st.sampled_from(["7", "8", "rubbish"])}))``.
"""

from hypothesis import strategies as st

from corenova.objects.host_state import HostState, Inventory
from corenova.objects.request_spec import RequestSpec
from corenova.objects.topology import (
    HostTopology,
    NumaCell,
    PciPool,
    PciRequest,
    PciSpec,
    TopologyUse,
    TopologyWish,
    WishedCell,
)
from corenova.scheduler.hosts import HostTable
from corenova.testing import builders

NAMES = ("h0", "h1", "h2", "h3", "h4", "h5")
_TRIPLES = (("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm"), ("aarch64", "kvm", "hvm"), ("x86_64", "xen", "xen"))
_POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
_counts = st.integers(0, 3)
_ratios = st.sampled_from([0.5, 1.0, 4.0, 16.0])


def _some(**values: tuple[object, ...]) -> st.SearchStrategy[dict]:
    """Return dictionaries with any of these keys, each with one of its values."""
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(found) for key, found in values.items()})


_metadata = _some(
    max_io_ops_per_host=("1", "10", "many"),
    max_instances_per_host=("1", "55", "many"),
    instance_type=("m1.test", "m1.other", "m0, m1.test", ""),
    filter_tenant_id=("p", "q, p", "q"),
    filter_tenant_id_2=("p", "r"),
    hypervisor_type=("QEMU", "qemu, kvm"),
    ssd=("3", "1, 2"),
    img_hv_type=("kvm", "QEMU, xen"),
)
_aggregates = st.lists(_metadata, max_size=2).map(lambda found: {f"a{n}": one for n, one in enumerate(found)})
_DEMANDS = (
    "QEMU", "qemu", ">= 2", "<= 1", "= 1", "== 2", "!= 0", "s== qemu", "<or> qemu <or> kvm", "<in> e", "<all-in> q u",
    "", ">=", "<in>", ">= x",
)  # fmt: skip
_KEYS = (
    "aggregate_instance_extra_specs:ssd", "aggregate_instance_extra_specs:hypervisor_type", "ssd",
    "capabilities:hypervisor_type", "hypervisor_type", "vcpus_total", "capabilities:cpu_info:topology:cores",
    "hw:cpu_policy", "no_such_fact", "capabilities:service:is_up", "capabilities:", "hw:maxphysaddr_bits",
)  # fmt: skip
_extra_specs = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_DEMANDS), max_size=3)
_properties = _some(
    hw_architecture=("x86_64", "AMD64", "aarch64", "mips"),
    img_hv_type=("kvm", "QEMU", "xen"),
    hw_vm_mode=("hvm", "hv", "xen"),
    img_hv_requested_version=(">=1.0", "<1.0", ">1, <=7.2", "rubbish"),
    hw_maxphysaddr_bits=("40", "48", "many"),
)
_INSTANCES = ("u0", "u1", "u2")
_named = st.sampled_from(_INSTANCES) | st.lists(st.sampled_from(_INSTANCES), max_size=2)
_QUERIES = (
    '["=", "$hypervisor_type", "QEMU"]', '["and", [">", "$num_instances", 1], ["not", ["<", "$num_io_ops", 2]]]',
    "rubbish", '["like", 1]', "[]", '["in", "$hypervisor_type", "kvm", "qemu"]',
)  # fmt: skip
_hints = st.fixed_dictionaries(
    {},
    optional={
        "different_host": _named,
        "same_host": _named,
        "query": st.sampled_from(_QUERIES),
        "build_near_host_ip": st.sampled_from(["192.0.2.1", ["192.0.2.1"], "rubbish"]),
        "cidr": st.sampled_from(["/30", "/0", "/99"]),
    },
)
_CELLS = (NumaCell(id=0, memory_mb=512, shared=((0,), (1,)), dedicated=((2, 3),)), NumaCell(id=1, dedicated=((4, 5),)))
_POOL = PciPool(vendor_id="1", product_id="2", addresses=("x", "y"), cell=0)
_MANY = PciPool(vendor_id="3", product_id="4", addresses=tuple(map(str, range(100))))
_topologies = st.none() | st.builds(
    HostTopology,
    cells=st.sampled_from([(), _CELLS[:1], _CELLS]),
    pools=st.sampled_from([(), (_POOL,), (_POOL, _MANY)]),
    used=st.builds(TopologyUse, cpus=st.sampled_from([(), (2,)]), devices=st.sampled_from([(), ("x",)])),
)
_PINNED, _FLOATING = WishedCell(vcpus=(0, 1), memory_mb=256, dedicated=(0, 1)), WishedCell(vcpus=(0,), memory_mb=256)
_DEVICES = tuple(PciRequest(alias="a", count=n, specs=(PciSpec(vendor_id="1"),)) for n in (1, 2))
_wishes = st.none() | st.builds(
    TopologyWish,
    cells=st.sampled_from([(), (_PINNED,), (_FLOATING,), (_FLOATING, _PINNED)]),
    devices=st.sampled_from([(), _DEVICES[:1], _DEVICES[1:]]),
)
_members = st.dictionaries(st.sampled_from([*NAMES[:3], "elsewhere"]), _counts, max_size=3)
_groups = st.none() | st.builds(
    lambda policy, members, rules: builders.group(policy, members, **rules),
    st.sampled_from(_POLICIES),
    _members,
    st.sampled_from([{}, {"max_server_per_host": 1}, {"max_server_per_host": 2}]),
)
_images = st.none() | _properties
_HOSTS: dict[str, st.SearchStrategy] = {
    "name": st.sampled_from(NAMES),
    "vcpus": st.integers(0, 256),
    "vcpus_used": st.integers(0, 1024),
    "cpu_allocation_ratio": _ratios,
    "ram_mb": st.integers(0, 1 << 20),
    "ram_used_mb": st.integers(0, 1 << 20),
    "ram_allocation_ratio": _ratios,
    "disk_gb": st.integers(0, 1 << 20),
    "disk_used_gb": st.integers(0, 1 << 20),
    "inventories": _some(
        VCPU=(None,), MEMORY_MB=(None,), DISK_GB=(None,), CUSTOM_LICENCE=(0, Inventory(total=4, used=3), 64)
    ),
    "aggregates": _aggregates,
    "availability_zone": st.sampled_from(["nova", "nova", "cellar"]),
    "traits": st.sets(st.sampled_from(["HW_CPU_X86_AVX2", "CUSTOM_RACK_7"])),
    "is_up": st.booleans(),
    "disabled": st.booleans(),
    "topology": _topologies,
    "num_instances": _counts | st.integers(48, 56),
    "num_io_ops": _counts | st.integers(7, 11),
    "failed_builds": _counts,
    "hypervisor_type": st.sampled_from(["QEMU", "qemu", "kvm", "fake"]),
    "hypervisor_version": st.sampled_from([0, 1_000_000, 7_002_001]),
    "host_ip": st.sampled_from(["192.0.2.2", "192.0.2.9", "2001:db8::1", ""]),
    "supported_instances": st.sets(st.sampled_from(_TRIPLES)).map(lambda found: tuple(sorted(found))),
    "cpu_info": st.sampled_from([{}, {"topology": {"cores": 2}}, {"maxphysaddr": {"bits": 46}}]),
}
_REQUESTS: dict[str, st.SearchStrategy] = {
    "vcpus": st.integers(1, 8),
    "ram_mb": st.sampled_from([0, 64, 512, 1 << 16]),
    "disk_gb": st.sampled_from([0, 1, 80]),
    "extra_specs": _extra_specs,
    "image": _images,
    "group": _groups,
    "hints": _hints,
    "project_id": st.sampled_from(["p", "q"]),
    "instance_hosts": st.dictionaries(st.sampled_from(_INSTANCES), st.sampled_from([*NAMES[:3], "elsewhere"])),
    "image_property_hosts": st.dictionaries(st.sampled_from(["os_distro", "hw_vm_mode"]), _members, max_size=2),
    "topology": _wishes,
}


def hosts(**parts: st.SearchStrategy) -> st.SearchStrategy[HostState]:
    """Return hosts, as :func:`corenova.testing.builders.host` builds them.

    :param parts: strategies for arguments of it, in place of those of :data:`_HOSTS` or besides.
    """
    return st.fixed_dictionaries({**_HOSTS, **parts}).map(lambda drawn: builders.host(**drawn))


def requests(**parts: st.SearchStrategy) -> st.SearchStrategy[RequestSpec]:
    """Return requests, as :func:`corenova.testing.builders.request` builds them; ``parts`` as in :func:`hosts`."""
    return st.fixed_dictionaries({**_REQUESTS, **parts}).map(lambda drawn: builders.request(**drawn))


def fleets(of: st.SearchStrategy[HostState] | None = None, *, most: int = 5) -> st.SearchStrategy[list[HostState]]:
    """Return lists of up to ``most`` hosts, each of another name."""
    return st.lists(hosts() if of is None else of, max_size=most, unique_by=lambda state: state.host)


@st.composite
def tables(draw: st.DrawFn, of: st.SearchStrategy[HostState] | None = None, *, most: int = 5) -> HostTable:
    """Draw a table of up to ``most`` hosts (HostColumns); on some of them a claim is entered after it was made."""
    found = draw(fleets(of, most=most))
    table = builders.columns(found)
    for index in draw(st.sets(st.integers(0, len(found) - 1))) if found else ():
        table.consume(index, dict.fromkeys(found[index].inventories, 1))
    return table
