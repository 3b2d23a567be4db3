"""Small hosts and requests for the tests, and hypothesis strategies that draw random ones.

Tests get this module as the fixture ``builders`` (see conftest.py).
"""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from oslo_config import cfg

from corenova.objects.host_state import Aggregate, HostState, Inventory, Service
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec
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

TRIPLES = (("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm"), ("aarch64", "kvm", "hvm"), ("x86_64", "xen", "xen"))
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


class Columns:
    """All hosts as arrays, as contracts/filter.py describes HostColumns."""

    def __init__(self, states: list[HostState]) -> None:
        self.states = states
        self.names = [state.host for state in states]
        self.is_up = self._column(bool, lambda state: state.service.is_up)
        self.disabled = self._column(bool, lambda state: state.service.disabled)
        self.free_ram_mb = self._column(np.int64, lambda state: state.free_ram_mb)
        self.free_disk_mb = self._column(np.int64, lambda state: state.free_disk_mb)
        self.vcpus_free = self._column(
            np.float64, lambda state: state.vcpus_total * state.cpu_allocation_ratio - state.vcpus_used
        )
        self.num_instances = self._column(np.int64, lambda state: state.num_instances)
        self.num_io_ops = self._column(np.int64, lambda state: state.num_io_ops)
        self.failed_builds = self._column(np.int64, lambda state: state.failed_builds)
        self.hypervisor_version = self._column(np.int64, lambda state: state.hypervisor_version)
        self.free_pci_devices = self._column(np.int64, lambda state: state.free_pci_devices)

    def __len__(self) -> int:
        return len(self.states)

    def rows(self, names) -> np.ndarray:
        wanted = set(names)
        return np.array([row for row, name in enumerate(self.names) if name in wanted], dtype=np.intp)

    def capacity(self, resource_class: str) -> np.ndarray:
        return self._inventory(resource_class, lambda held: held.capacity)

    def free(self, resource_class: str) -> np.ndarray:
        return self._inventory(resource_class, lambda held: held.capacity - held.used)

    def has_trait(self, trait: str) -> np.ndarray:
        return self._column(bool, lambda state: trait in state.traits)

    def by_aggregates(self, judge) -> np.ndarray:
        answers = [judge(state.aggregates) for state in self.states]
        return np.array(answers, dtype=np.result_type(*answers) if answers else bool)

    def _inventory(self, resource_class: str, read) -> np.ndarray:
        return self._column(np.int64, lambda state: read(state.inventories.get(resource_class, Inventory(total=0))))

    def _column(self, dtype, read) -> np.ndarray:
        column = np.array([read(state) for state in self.states], dtype=dtype)
        column.flags.writeable = False
        return column


def host(name: str = "h1", *, is_up: bool = True, disabled: bool = False, **facts) -> HostState:
    """Return a host; ``facts`` are fields of HostState."""
    facts.setdefault("service", Service(is_up=is_up, disabled=disabled))
    return HostState(host=name, nodename=name, **facts)


def group(policy: str, hosts: dict[str, int] | None = None, **rules: int) -> InstanceGroup:
    """Return a server group with that many members per host."""
    return InstanceGroup(uuid="g", name="g", policy=policy, hosts=hosts or {}, rules=rules)


def aggregates(*metadata: dict[str, str]) -> tuple[Aggregate, ...]:
    """Return an aggregate with each of these metadata."""
    return tuple(Aggregate(name=f"a{number}", metadata=one) for number, one in enumerate(metadata))


def inventories(**totals: int) -> dict[str, Inventory]:
    """Return an inventory of each of these resource classes, with nothing used or reserved."""
    return {name: Inventory(total=total) for name, total in totals.items()}


def spec(
    *,
    extra_specs: dict | None = None,
    image: dict | None = None,
    image_id: str = "i",
    group: InstanceGroup | None = None,
    hints: dict | None = None,
    flavor: str = "f",
    **fields,
) -> RequestSpec:
    """Return a request; ``image`` are the properties of its image, None for a request without image.

    ``fields`` are fields of RequestSpec.
    """
    return RequestSpec(
        **{"project_id": "p", "user_id": "u", **fields},
        flavor=Flavor(flavorid="1", name=flavor, vcpus=1, memory_mb=512, root_gb=1, extra_specs=extra_specs or {}),
        image=None if image is None else ImageMeta(id=image_id, name="i", properties=image),
        instance_group=group,
        scheduler_hints=hints or {},
    )


def configured(plugin_class: type, ini: Path, text: str = "", section: str = "filter_scheduler"):
    """Return a plug-in with the options that ``text`` sets in an ini file's section, as the loader configures it."""
    ini.write_text(f"[{section}]\n{text}\n")
    conf, plugin = cfg.ConfigOpts(), plugin_class()
    conf.register_opts(plugin.options, group=plugin_class.__name__)
    conf(["--config-file", str(ini)])
    plugin.configure(conf[plugin_class.__name__])
    return plugin


def columns(*states: HostState) -> Columns:
    """Return the vector view of ``states``."""
    return Columns(list(states))


_counts = st.integers(0, 3)
_demands = st.sampled_from(
    ["QEMU", "qemu", ">= 2", "<= 1", "= 1", "== 2", "!= 0", "s== qemu", "<or> qemu <or> kvm", "<in> e"]
) | st.sampled_from(["<all-in> q u", "", ">=", "<in>", ">= x"])
_hosts = st.sampled_from(["h0", "h1", "h2", "elsewhere"])
_metadata = st.fixed_dictionaries(
    {},
    optional={
        "max_io_ops_per_host": st.sampled_from(["1", "10", "many"]),
        "max_instances_per_host": st.sampled_from(["1", "55", "many"]),
        "instance_type": st.sampled_from(["f", "g", "e, f", ""]),
        "filter_tenant_id": st.sampled_from(["p", "q, p", "q"]),
        "filter_tenant_id_2": st.sampled_from(["p", "r"]),
        "hypervisor_type": st.sampled_from(["QEMU", "qemu, kvm"]),
        "ssd": st.sampled_from(["3", "1, 2"]),
        "img_hv_type": st.sampled_from(["kvm", "QEMU, xen"]),
    },
)
_instances = st.sampled_from(["u0", "u1", "u2"])
_named = _instances | st.lists(_instances, max_size=2)
_queries = st.sampled_from(
    ['["=", "$hypervisor_type", "QEMU"]', '["and", [">", "$num_instances", 1], ["not", ["<", "$num_io_ops", 2]]]']
) | st.sampled_from(["rubbish", '["like", 1]', "[]", '["in", "$hypervisor_type", "kvm", "qemu"]'])
_hints = st.fixed_dictionaries(
    {},
    optional={
        "different_host": _named,
        "same_host": _named,
        "query": _queries,
        "build_near_host_ip": st.sampled_from(["192.0.2.1", ["192.0.2.1"], "rubbish"]),
        "cidr": st.sampled_from(["/30", "/0", "/99"]),
    },
)
_keys = (
    st.sampled_from(["aggregate_instance_extra_specs:ssd", "aggregate_instance_extra_specs:hypervisor_type", "ssd"])
    | st.sampled_from(
        ["capabilities:hypervisor_type", "hypervisor_type", "vcpus_total", "capabilities:cpu_info:topology:cores"]
    )
    | st.sampled_from(
        ["hw:cpu_policy", "no_such_fact", "capabilities:service:is_up", "capabilities:", "hw:maxphysaddr_bits"]
    )
)
_properties = st.fixed_dictionaries(
    {},
    optional={
        "hw_architecture": st.sampled_from(["x86_64", "AMD64", "aarch64", "mips"]),
        "img_hv_type": st.sampled_from(["kvm", "QEMU", "xen"]),
        "hw_vm_mode": st.sampled_from(["hvm", "hv", "xen"]),
        "img_hv_requested_version": st.sampled_from([">=1.0", "<1.0", ">1, <=7.2", "rubbish"]),
        "hw_maxphysaddr_bits": st.sampled_from(["40", "48", "many"]),
    },
)

_CELLS = (NumaCell(id=0, memory_mb=512, shared=((0,), (1,)), dedicated=((2, 3),)), NumaCell(id=1, dedicated=((4, 5),)))
_POOL = PciPool(vendor_id="1", product_id="2", addresses=("x", "y"), cell=0)
_topologies = st.none() | st.builds(
    HostTopology,
    cells=st.sampled_from([(), _CELLS[:1], _CELLS]),
    pools=st.sampled_from([(), (_POOL,)]),
    used=st.builds(TopologyUse, cpus=st.sampled_from([(), (2,)]), devices=st.sampled_from([(), ("x",)])),
)
_PINNED, _FLOATING = WishedCell(vcpus=(0, 1), memory_mb=256, dedicated=(0, 1)), WishedCell(vcpus=(0,), memory_mb=256)
_DEVICES = tuple(PciRequest(alias="a", count=n, specs=(PciSpec(vendor_id="1"),)) for n in (1, 2))
_wishes = st.none() | st.builds(
    TopologyWish,
    cells=st.sampled_from([(), (_PINNED,), (_FLOATING,), (_FLOATING, _PINNED)]),
    devices=st.sampled_from([(), _DEVICES[:1], _DEVICES[1:]]),
)


@st.composite
def random_columns(draw) -> Columns:
    """Draw 0 to 6 hosts with random facts."""
    states = [
        host(
            f"h{number}",
            is_up=draw(st.booleans()),
            disabled=draw(st.booleans()),
            free_ram_mb=draw(st.integers(-4096, 1 << 20)),
            free_disk_mb=draw(st.integers(-4096, 1 << 30)),
            vcpus_total=draw(st.integers(0, 256)),
            vcpus_used=draw(st.integers(0, 1024)),
            cpu_allocation_ratio=draw(st.sampled_from([0.5, 1.0, 4.0, 16.0])),
            num_instances=draw(_counts | st.integers(48, 56)),
            num_io_ops=draw(_counts | st.integers(7, 11)),
            free_pci_devices=draw(_counts | st.integers(98, 101)),
            host_ip=draw(st.sampled_from(["192.0.2.2", "192.0.2.9", "2001:db8::1", ""])),
            aggregates=aggregates(*draw(st.lists(_metadata, max_size=2))),
            traits=frozenset(draw(st.sets(st.sampled_from(["HW_A", "HW_B"])))),
            inventories={
                name: Inventory(total=draw(st.integers(0, 64)), used=draw(st.integers(0, 80)))
                for name in draw(st.sets(st.sampled_from(["VCPU", "MEMORY_MB", "DISK_GB"])))
            },
            failed_builds=draw(_counts),
            hypervisor_type=draw(st.sampled_from(["QEMU", "qemu", "kvm"])),
            hypervisor_version=draw(st.sampled_from([0, 1_000_000, 7_002_001])),
            supported_instances=tuple(draw(st.sets(st.sampled_from(TRIPLES)))),
            cpu_info=draw(st.sampled_from([{}, {"topology": {"cores": 2}}, {"maxphysaddr": {"bits": 46}}])),
            topology=draw(_topologies),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    return Columns(states)


@st.composite
def random_spec(draw) -> RequestSpec:
    """Draw a request with or without extra specs, image properties, a server group and hints."""
    members = st.dictionaries(_hosts, _counts)
    chosen = None
    if draw(st.booleans()):
        rules = draw(st.sampled_from([{}, {"max_server_per_host": 1}, {"max_server_per_host": 2}]))
        chosen = group(draw(st.sampled_from(POLICIES)), draw(members), **rules)
    return spec(
        extra_specs=draw(st.dictionaries(_keys, _demands, max_size=3)),
        image=draw(st.one_of(st.none(), _properties)),
        group=chosen,
        hints=draw(_hints),
        instance_hosts=draw(st.dictionaries(_instances, _hosts)),
        image_property_hosts=draw(st.dictionaries(st.sampled_from(["os_distro", "hw_vm_mode"]), members, max_size=2)),
        topology=draw(_wishes),
    )
