"""Which traits a request requires without naming them: Nova's pre-filters, and its translation of ``hw:*`` wishes.

A rule is a line of the table below. A value that no driver knows gives a trait that no host has: the request fits
nowhere and the refusal names the trait, where Nova writes a line to its log and passes every host.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from corenova.objects.request_spec import RequestSpec

IMAGE_TYPE = "query_placement_for_image_type_support"
IMAGE_METADATA = "image_metadata_prefilter"
SWITCHES = (IMAGE_TYPE, IMAGE_METADATA)
"""Options of ``[scheduler]`` that turn rules on."""

_OF_IMAGE = {
    "hw_cdrom_bus": "COMPUTE_STORAGE_BUS",
    "hw_disk_bus": "COMPUTE_STORAGE_BUS",
    "hw_video_model": "COMPUTE_GRAPHICS_MODEL",
    "hw_vif_model": "COMPUTE_NET_VIF_MODEL",
    "hw_architecture": "HW_ARCH",
    "hw_emulation_architecture": "COMPUTE_ARCH",
    "hw_viommu_model": "COMPUTE_VIOMMU_MODEL",
}
"""Property of an image -> what its trait begins with; the value is the rest."""


class Rule(NamedTuple):
    """One reason to require traits.

    :param name: Nova's pre-filter, or the extra spec; shown with a refusal.
    :param switch: the option that turns the rule on, or None for always.
    :param traits: what a request implies.
    """

    name: str
    switch: str | None
    traits: Callable[[RequestSpec], Iterable[str]]


def required_traits(spec: RequestSpec, switches: frozenset[str]) -> dict[str, str | None]:
    """Return the traits that a host must have, each with the rule that asks for it (None: the request names it).

    :param switches: those of SWITCHES that are on.
    """
    required: dict[str, str | None] = dict.fromkeys(spec.traits()[0])
    for rule in RULES:
        if rule.switch is None or rule.switch in switches:
            for trait in rule.traits(spec):
                required.setdefault(trait, rule.name)
    return required


def _trait(prefix: str, value: str) -> str:
    return f"{prefix}_{value.replace('-', '_').replace('.', '_').upper()}"


def _image_type(spec: RequestSpec) -> Iterable[str]:
    return () if spec.image is None else [_trait("COMPUTE_IMAGE_TYPE", spec.image.disk_format)]


def _image_metadata(spec: RequestSpec) -> Iterable[str]:
    properties = {} if spec.image is None else spec.image.properties
    return [_trait(prefix, properties[key]) for key, prefix in _OF_IMAGE.items() if key in properties]


def _when(asked: Callable[[RequestSpec], bool], trait: str) -> Callable[[RequestSpec], Iterable[str]]:
    return lambda spec: [trait] if asked(spec) else ()


def _ephemeral_encryption(spec: RequestSpec) -> Iterable[str]:
    if not spec.wants("hw:ephemeral_encryption"):
        return ()
    kind = spec.wish("hw:ephemeral_encryption_format")
    base = "COMPUTE_EPHEMERAL_ENCRYPTION"
    return [base, _trait(base, kind)] if kind else [base]


def _mem_encryption(spec: RequestSpec) -> Iterable[str]:
    if not spec.wants("hw:mem_encryption"):
        return ()
    return [_trait("HW_CPU_X86", spec.wish("hw:mem_encryption_model") or "amd-sev")]


def _tpm(spec: RequestSpec) -> Iterable[str]:
    version, model = spec.wish("hw:tpm_version"), spec.wish("hw:tpm_model")
    if not version:
        return ()
    traits = [_trait("COMPUTE_SECURITY_TPM", version)]
    return [*traits, _trait("COMPUTE_SECURITY", model)] if model else traits


def _tpm_secret(spec: RequestSpec) -> Iterable[str]:
    if not spec.wish("hw:tpm_version"):
        return ()
    holder = spec.flavor.extra_specs.get("hw:tpm_secret_security", "user")
    return [_trait("COMPUTE_SECURITY_TPM_SECRET_SECURITY", holder)]


RULES = (
    Rule("require_image_type_support", IMAGE_TYPE, _image_type),
    Rule("transform_image_metadata", IMAGE_METADATA, _image_metadata),
    Rule(
        "accelerators_filter",
        None,
        _when(lambda spec: bool(spec.flavor.extra_specs.get("accel:device_profile")), "COMPUTE_ACCELERATORS"),
    ),
    Rule(
        "packed_virtqueue_filter",
        None,
        _when(lambda spec: spec.wants("hw:virtio_packed_ring"), "COMPUTE_NET_VIRTIO_PACKED"),
    ),
    Rule("ephemeral_encryption_filter", None, _ephemeral_encryption),
    Rule(
        "virtio_sound_filter",
        None,
        _when(lambda spec: spec.wish("hw:sound_model") == "virtio", "COMPUTE_SOUND_MODEL_VIRTIO"),
    ),
    Rule("tpm_secret_security_filter", None, _tpm_secret),
    Rule("hw:tpm_version", None, _tpm),
    Rule("hw:mem_encryption", None, _mem_encryption),
    Rule(
        "os:secure_boot",
        None,
        _when(lambda spec: spec.wish("os:secure_boot") == "required", "COMPUTE_SECURITY_UEFI_SECURE_BOOT"),
    ),
)
