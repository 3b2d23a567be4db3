"""ComputeCapabilitiesFilter: which keys speak of the host, and how the path leads to the fact."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.compute_capabilities_filter import ComputeCapabilitiesFilter

FACTS = {
    "hypervisor_type": "QEMU",
    "vcpus": 8,
    "cpu_info": {"topology": {"cores": 4}, "features": ["sse", "vmx"], "maxphysaddr": {"bits": 46}},
    "traits": frozenset({"HW_B", "HW_A"}),
}


@pytest.mark.parametrize(
    ("extra_specs", "passes"),
    [
        ({}, True),
        ({"capabilities:hypervisor_type": "QEMU"}, True),
        ({"capabilities:hypervisor_type": "qemu"}, False),
        ({"capabilities:hypervisor_type": "s== QEMU"}, True),
        ({"capabilities:vcpus_total": ">= 8"}, True),
        ({"capabilities:vcpus_total": ">= 9"}, False),
        ({"capabilities:vcpus_total": "8"}, True),
        # nested
        ({"capabilities:cpu_info:topology:cores": "= 4"}, True),
        ({"capabilities:cpu_info:topology:cores": "= 5"}, False),
        ({"capabilities:cpu_info:topology:threads": "1"}, False),
        ({"capabilities:cpu_info:features": "<in> vmx"}, True),
        ({"capabilities:cpu_info:features": "<all-in> vmx svm"}, False),
        ({"capabilities:service:is_up": "True"}, True),
        ({"capabilities:traits": "['HW_A', 'HW_B']"}, True),
        # unscoped
        ({"hypervisor_type": "<or> kvm <or> QEMU"}, True),
        ({"vcpus_total": "<= 4"}, False),
        ({"ssd": "true"}, False),
        # other scopes
        ({"hw:cpu_policy": "dedicated"}, True),
        ({"resources:CUSTOM_X": "1", "trait:HW_C": "required"}, True),
        ({"aggregate_instance_extra_specs:ssd": "true"}, True),
        # the one key of the hw: scope
        ({"hw:maxphysaddr_bits": "46"}, True),
        ({"hw:maxphysaddr_bits": "47"}, False),
        # no fact
        ({"capabilities:": "x"}, False),
        ({"capabilities:__class__": "<in> HostState"}, False),
        ({"capabilities:hypervisor_type:upper": "QEMU"}, False),
        # all must hold
        ({"capabilities:hypervisor_type": "QEMU", "vcpus_total": ">= 9"}, False),
    ],
)
def test_extra_specs(extra_specs, passes):
    host, spec = builders.host(**FACTS), builders.request(extra_specs=extra_specs)
    assert ComputeCapabilitiesFilter().host_passes(host, spec) is passes
    assert ComputeCapabilitiesFilter().mask(builders.columns([host]), spec).tolist() == [passes]


def test_reason_names_both_sides():
    spec = builders.request(extra_specs={"capabilities:vcpus_total": ">= 9"})
    assert "'>= 9'" in ComputeCapabilitiesFilter().reason(builders.host(**FACTS), spec)
    assert "'8'" in ComputeCapabilitiesFilter().reason(builders.host(**FACTS), spec)


def test_reason_names_the_unknown_fact():
    spec = builders.request(extra_specs={"ssd": "true"})
    assert "knows no ssd" in ComputeCapabilitiesFilter().reason(builders.host(), spec)
