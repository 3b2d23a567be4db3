"""Small hosts and requests for the tests, and hypothesis strategies that draw random ones.

Tests get this module as the fixture ``builders`` (see conftest.py).
"""

import numpy as np
from hypothesis import strategies as st

from corenova.objects.host_state import HostState, Service
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec

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

    def __len__(self) -> int:
        return len(self.states)

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


def spec(
    *, extra_specs: dict | None = None, image: dict | None = None, group: InstanceGroup | None = None
) -> RequestSpec:
    """Return a request; ``image`` are the properties of its image, None for a request without image."""
    return RequestSpec(
        project_id="p",
        user_id="u",
        flavor=Flavor(flavorid="1", name="f", vcpus=1, memory_mb=512, root_gb=1, extra_specs=extra_specs or {}),
        image=None if image is None else ImageMeta(id="i", name="i", properties=image),
        instance_group=group,
    )


def columns(*states: HostState) -> Columns:
    """Return the vector view of ``states``."""
    return Columns(list(states))


_counts = st.integers(0, 3)
_demands = st.sampled_from(
    ["QEMU", "qemu", ">= 2", "<= 1", "= 1", "== 2", "!= 0", "s== qemu", "<or> qemu <or> kvm", "<in> e"]
) | st.sampled_from(["<all-in> q u", "", ">=", "<in>", ">= x"])
_keys = st.sampled_from(
    ["capabilities:hypervisor_type", "hypervisor_type", "vcpus_total", "capabilities:cpu_info:topology:cores"]
) | st.sampled_from(
    ["hw:cpu_policy", "no_such_fact", "capabilities:service:is_up", "capabilities:", "hw:maxphysaddr_bits"]
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
            num_instances=draw(_counts),
            num_io_ops=draw(_counts),
            failed_builds=draw(_counts),
            hypervisor_type=draw(st.sampled_from(["QEMU", "qemu", "kvm"])),
            hypervisor_version=draw(st.sampled_from([0, 1_000_000, 7_002_001])),
            supported_instances=tuple(draw(st.sets(st.sampled_from(TRIPLES)))),
            cpu_info=draw(st.sampled_from([{}, {"topology": {"cores": 2}}, {"maxphysaddr": {"bits": 46}}])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    return Columns(states)


@st.composite
def random_spec(draw) -> RequestSpec:
    """Draw a request with or without extra specs, image properties and a server group."""
    members = st.dictionaries(st.sampled_from(["h0", "h1", "h2", "elsewhere"]), _counts)
    chosen = None
    if draw(st.booleans()):
        rules = draw(st.sampled_from([{}, {"max_server_per_host": 1}, {"max_server_per_host": 2}]))
        chosen = group(draw(st.sampled_from(POLICIES)), draw(members), **rules)
    return spec(
        extra_specs=draw(st.dictionaries(_keys, _demands, max_size=3)),
        image=draw(st.one_of(st.none(), _properties)),
        group=chosen,
    )
