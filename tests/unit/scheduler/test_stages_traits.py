"""Traits that a request names, and those that it implies."""

import pytest

from corenova.objects.request_spec import ImageMeta
from corenova.scheduler.stages import IsolatedAggregates, RequestedHost, Traits
from corenova.scheduler.stages.implied_traits import IMAGE_METADATA, IMAGE_TYPE, required_traits

BOTH = frozenset({IMAGE_TYPE, IMAGE_METADATA})


def asking(build, extra_specs=None, properties=None, disk_format="qcow2", **fields):
    image = ImageMeta(id="i", name="i", disk_format=disk_format, properties=properties or {})
    return build.spec(extra_specs=extra_specs, image=image, **fields)


def passing(stage, hosts, spec):
    return {name for name, passes in zip(hosts.names, stage.mask(hosts, spec), strict=True) if passes}


def with_traits(build, name, *traits, **fields):
    return build.host(name, facts={"traits": list(traits)}, **fields)


IMPLIED = [
    # extra specs, image properties, switches that are on, traits
    ({}, {}, BOTH - BOTH, set()),
    ({}, {}, {IMAGE_TYPE}, {"COMPUTE_IMAGE_TYPE_QCOW2"}),
    ({}, {"hw_disk_bus": "virtio", "hw_video_model": "vga"}, set(), set()),
    ({}, {"hw_disk_bus": "virtio"}, {IMAGE_METADATA}, {"COMPUTE_STORAGE_BUS_VIRTIO"}),
    ({}, {"hw_cdrom_bus": "sata"}, {IMAGE_METADATA}, {"COMPUTE_STORAGE_BUS_SATA"}),
    ({}, {"hw_video_model": "vga"}, {IMAGE_METADATA}, {"COMPUTE_GRAPHICS_MODEL_VGA"}),
    ({}, {"hw_vif_model": "rtl8139"}, {IMAGE_METADATA}, {"COMPUTE_NET_VIF_MODEL_RTL8139"}),
    ({}, {"hw_architecture": "x86_64"}, {IMAGE_METADATA}, {"HW_ARCH_X86_64"}),
    ({}, {"hw_emulation_architecture": "aarch64"}, {IMAGE_METADATA}, {"COMPUTE_ARCH_AARCH64"}),
    ({}, {"hw_viommu_model": "smmuv3"}, {IMAGE_METADATA}, {"COMPUTE_VIOMMU_MODEL_SMMUV3"}),
    ({"accel:device_profile": "gpu"}, {}, set(), {"COMPUTE_ACCELERATORS"}),
    ({"hw:virtio_packed_ring": "true"}, {}, set(), {"COMPUTE_NET_VIRTIO_PACKED"}),
    ({}, {"hw_virtio_packed_ring": "Yes"}, set(), {"COMPUTE_NET_VIRTIO_PACKED"}),
    ({"hw:virtio_packed_ring": "false"}, {"hw_virtio_packed_ring": "true"}, set(), set()),
    ({"hw:ephemeral_encryption": "true"}, {}, set(), {"COMPUTE_EPHEMERAL_ENCRYPTION"}),
    (
        {"hw:ephemeral_encryption": "true"},
        {"hw_ephemeral_encryption_format": "luks"},
        set(),
        {"COMPUTE_EPHEMERAL_ENCRYPTION", "COMPUTE_EPHEMERAL_ENCRYPTION_LUKS"},
    ),
    ({"hw:ephemeral_encryption_format": "luks"}, {}, set(), set()),
    ({"hw:sound_model": "virtio"}, {}, set(), {"COMPUTE_SOUND_MODEL_VIRTIO"}),
    ({}, {"hw_sound_model": "ich9"}, set(), set()),
    (
        {"hw:tpm_version": "2.0"},
        {},
        set(),
        {"COMPUTE_SECURITY_TPM_2_0", "COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER"},
    ),
    (
        {"hw:tpm_secret_security": "host"},
        {"hw_tpm_version": "1.2", "hw_tpm_model": "tpm-tis"},
        set(),
        {"COMPUTE_SECURITY_TPM_1_2", "COMPUTE_SECURITY_TPM_TIS", "COMPUTE_SECURITY_TPM_SECRET_SECURITY_HOST"},
    ),
    ({"hw:tpm_model": "tpm-crb", "hw:tpm_secret_security": "host"}, {}, set(), set()),
    ({"hw:mem_encryption": "true"}, {}, set(), {"HW_CPU_X86_AMD_SEV"}),
    ({}, {"hw_mem_encryption": "1", "hw_mem_encryption_model": "amd-sev-es"}, set(), {"HW_CPU_X86_AMD_SEV_ES"}),
    ({}, {"os_secure_boot": "required"}, set(), {"COMPUTE_SECURITY_UEFI_SECURE_BOOT"}),
    ({"os:secure_boot": "optional"}, {}, set(), set()),
    ({"trait:HW_A": "required", "trait:HW_B": "forbidden"}, {"trait:HW_C": "required"}, set(), {"HW_A", "HW_C"}),
]


@pytest.mark.parametrize(("extra_specs", "properties", "switches", "traits"), IMPLIED)
def test_required_traits(build, extra_specs, properties, switches, traits):
    assert required_traits(asking(build, extra_specs, properties), frozenset(switches)).keys() == traits


def test_a_request_without_image_implies_nothing_of_it(build):
    assert required_traits(build.spec(), BOTH) == {}


def test_encrypted_memory_takes_a_slot(build):
    assert asking(build, properties={"hw_mem_encryption": "true"}).resources()["MEM_ENCRYPTION_CONTEXT"] == 1
    assert "MEM_ENCRYPTION_CONTEXT" not in asking(build, {"hw:mem_encryption": "false"}).resources()


def test_traits(build):
    hosts = build.table(
        with_traits(build, "plain"),
        with_traits(build, "fast", "CUSTOM_FAST"),
        with_traits(build, "both", "CUSTOM_FAST", "CUSTOM_OLD"),
    )
    fast, new = {"trait:CUSTOM_FAST": "required"}, {"trait1:CUSTOM_OLD": "forbidden"}
    assert passing(Traits(), hosts, build.spec()) == {"plain", "fast", "both"}
    assert passing(Traits(), hosts, build.spec(extra_specs=fast)) == {"fast", "both"}
    assert passing(Traits(), hosts, build.spec(extra_specs=new)) == {"plain", "fast"}
    assert passing(Traits(), hosts, build.spec(extra_specs=fast | new)) == {"fast"}
    assert passing(Traits(), hosts, build.spec(extra_specs={"trait:CUSTOM_NOBODY": "required"})) == set()


@pytest.mark.parametrize(
    ("extra_specs", "words"),
    [
        ({"trait:CUSTOM_FAST": "required"}, "it lacks CUSTOM_FAST"),
        ({"trait:CUSTOM_OLD": "forbidden"}, "it has CUSTOM_OLD, which the request forbids"),
        ({"hw:sound_model": "virtio"}, "it lacks COMPUTE_SOUND_MODEL_VIRTIO (for virtio_sound_filter)"),
    ],
)
def test_a_refusal_names_the_trait_and_what_asks_for_it(build, extra_specs, words):
    hosts = build.table(with_traits(build, "h", "CUSTOM_OLD"))
    assert Traits().reason(hosts.states[0], build.spec(extra_specs=extra_specs)) == words


@pytest.mark.parametrize(
    ("enabled", "extra_specs", "properties", "expected"),
    [
        (False, {}, {}, {"free", "windows", "two", "other"}),
        (True, {}, {}, {"free", "other"}),
        (True, {"trait:CUSTOM_WINDOWS": "required"}, {}, {"free", "windows", "other"}),
        (True, {"trait:CUSTOM_WINDOWS": "forbidden"}, {}, {"free", "other"}),
        (
            True,
            {"trait:CUSTOM_WINDOWS": "required"},
            {"trait:CUSTOM_GPU": "required"},
            {"free", "windows", "two", "other"},
        ),
    ],
)
def test_isolated_aggregates(build, enabled, extra_specs, properties, expected):
    windows, gpu = {"trait:CUSTOM_WINDOWS": "required"}, {"trait:CUSTOM_GPU": "required", "ssd": "yes"}
    hosts = build.table(
        build.host("free"),
        build.host("windows", aggregates=[windows]),
        build.host("two", aggregates=[windows, gpu]),
        build.host("other", aggregates=[{"trait:CUSTOM_WINDOWS": "forbidden", "CUSTOM_WINDOWS": "required"}]),
    )
    stage = IsolatedAggregates(enabled=enabled)
    assert passing(stage, hosts, asking(build, extra_specs, properties)) == expected
    words = "its aggregates are kept for requests that require CUSTOM_GPU, CUSTOM_WINDOWS"
    assert stage.reason(hosts.states[2], build.spec()) == words


@pytest.mark.parametrize(("wanted", "expected"), [(None, {"h0", "h1"}), ("h1", {"h1"}), ("nowhere", set())])
def test_requested_host(build, wanted, expected):
    spec = build.spec(requested_host=wanted)
    assert RequestedHost().applies(spec) is (wanted is not None)
    assert passing(RequestedHost(), build.table(2), spec) == expected
