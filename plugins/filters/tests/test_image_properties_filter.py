"""ImagePropertiesFilter: each property alone, their old names, and the default architecture."""

import pytest

from corenova.testing import builders
from corenova_filters.filters.image_properties_filter import ImagePropertiesFilter

FACTS = {
    "supported_instances": (("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm"), ("i686", "qemu", "hvm")),
    "hypervisor_version": 7_002_000,
    "cpu_info": {"maxphysaddr": {"mode": "passthrough", "bits": 46}},
}


@pytest.mark.parametrize(
    ("image", "passes"),
    [
        (None, True),
        ({}, True),
        ({"os_distro": "debian"}, True),
        ({"hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "amd64"}, True),
        ({"hw_architecture": "aarch64"}, False),
        ({"architecture": "i386"}, True),
        ({"img_hv_type": "KVM"}, True),
        ({"img_hv_type": "xen"}, False),
        ({"hypervisor_type": "xen"}, False),
        ({"hw_vm_mode": "hv"}, True),
        ({"vm_mode": "xen"}, False),
        # one triple must hold all of it
        ({"hw_architecture": "i686", "img_hv_type": "qemu"}, True),
        ({"hw_architecture": "i686", "img_hv_type": "kvm"}, False),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">=6.0, <8.0"}, True),
        ({"img_hv_type": "qemu", "img_hv_requested_version": ">=8.0"}, False),
        ({"hypervisor_version_requires": ">=8.0"}, False),
        ({"img_hv_requested_version": "rubbish"}, False),
        ({"hw_maxphysaddr_bits": "46"}, True),
        ({"hw_maxphysaddr_bits": "48"}, False),
        ({"hw_maxphysaddr_bits": "many"}, False),
    ],
)
def test_properties(image, passes):
    host, spec = builders.host(**FACTS), builders.request(image=image)
    assert ImagePropertiesFilter().host_passes(host, spec) is passes
    assert ImagePropertiesFilter().mask(builders.columns([host]), spec).tolist() == [passes]


@pytest.mark.parametrize(
    ("image", "passes"),
    [
        ({}, True),
        ({"hw_architecture": "x86_64"}, False),
        ({"img_hv_requested_version": ">=1.0"}, True),
        ({"hw_maxphysaddr_bits": "1"}, False),
    ],
)
def test_a_host_that_tells_nothing(image, passes):
    assert ImagePropertiesFilter().host_passes(builders.host(), builders.request(image=image)) is passes


@pytest.mark.parametrize("section", ["ImagePropertiesFilter", "filter_scheduler"])
@pytest.mark.parametrize(("image", "passes"), [(None, False), ({}, False), ({"hw_architecture": "x86_64"}, True)])
def test_default_architecture(section, image, passes):
    """It is found in the filter's own section, and where a nova.conf has it."""
    text = f"[{section}]\nimage_properties_default_architecture = aarch64\n"
    plugin = builders.configured(ImagePropertiesFilter, text)
    assert plugin.host_passes(builders.host(**FACTS), builders.request(image=image)) is passes


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ({"hw_architecture": "mips", "hw_vm_mode": "hvm"}, "mips, hvm"),
        ({"img_hv_requested_version": ">=8.0"}, "7.2.0"),
        ({"hw_maxphysaddr_bits": "48"}, "the host has 46"),
    ],
)
def test_reason(image, words):
    assert words in ImagePropertiesFilter().reason(builders.host(**FACTS), builders.request(image=image))
