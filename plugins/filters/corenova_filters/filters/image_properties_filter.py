"""ImagePropertiesFilter: the host's hypervisor can run the image.

The image may name an architecture, a hypervisor type, a vm mode, a range of hypervisor versions and a number of
physical address bits; a host reports (architecture, hypervisor type, vm mode) triples that it can run. An image that
names nothing, which is the usual case, costs a few dictionary look-ups for all hosts together.
"""

import functools
from typing import NamedTuple

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import ImageMeta, RequestSpec
from corenova_filters import versions

_ARCHITECTURES = {
    "amd64": "x86_64",
    "x86-64": "x86_64",
    "i386": "i686",
    "i486": "i686",
    "i586": "i686",
    "x86": "i686",
    "arm64": "aarch64",
}
_VM_MODES = {"hv": "hvm", "pv": "xen", "baremetal": "hvm"}


class Wanted(NamedTuple):
    """What an image asks of a hypervisor; an empty text means anything."""

    architecture: str
    hypervisor_type: str
    vm_mode: str
    version: str
    address_bits: str


class ImagePropertiesFilter:
    """Pass hosts that support the architecture, hypervisor type, vm mode and version that the image names."""

    contract_version = (1, 0)
    run_filter_once_per_request = True
    RUN_ON_REBUILD = True

    options = [
        cfg.StrOpt(
            "image_properties_default_architecture",
            deprecated_group="filter_scheduler",
            help="The architecture of images that name none. Unset: such an image may run on any host.",
        ),
    ]

    def __init__(self) -> None:
        self._default_architecture = ""

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the options from the filter's own section."""
        self._default_architecture = section.image_properties_default_architecture or ""

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host can run the image."""
        return _refusal(self._wanted(spec.image), *_offer(host_state)) is None

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return host_passes for each host, at once when the image asks for nothing."""
        wanted = self._wanted(spec.image)
        if not any(wanted):
            return np.ones(len(hosts), dtype=bool)
        return np.array([_refusal(wanted, *_offer(state)) is None for state in hosts.states], dtype=bool)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say which property of the image the host cannot satisfy."""
        return _refusal(self._wanted(spec.image), *_offer(host_state)) or "It can run the image."

    def _wanted(self, image: ImageMeta | None) -> Wanted:
        """Read the properties, under the names of today and under those that old images still carry."""
        properties = image.properties if image is not None else {}
        get = properties.get
        architecture = get("hw_architecture") or get("architecture") or self._default_architecture
        vm_mode = get("hw_vm_mode") or get("vm_mode") or ""
        return Wanted(
            architecture=_ARCHITECTURES.get(architecture.lower(), architecture.lower()),
            hypervisor_type=(get("img_hv_type") or get("hypervisor_type") or "").lower(),
            vm_mode=_VM_MODES.get(vm_mode.lower(), vm_mode.lower()),
            version=get("img_hv_requested_version") or get("hypervisor_version_requires") or "",
            address_bits=get("hw_maxphysaddr_bits") or "",
        )


def _offer(host_state: HostState) -> tuple[tuple[tuple[str, str, str], ...], int, int]:
    """Return what a host has to offer: its triples, its hypervisor's version, and its physical address bits.

    Bits are 0 when the host does not tell, which satisfies no wish.
    """
    described = host_state.cpu_info.get("maxphysaddr")
    bits = described.get("bits", 0) if isinstance(described, dict) else 0
    return host_state.supported_instances, host_state.hypervisor_version, bits if isinstance(bits, int) else 0


# A fleet has a few kinds of hosts and is asked for a few kinds of images, so nearly every question was asked before.
@functools.lru_cache(maxsize=4096)
def _refusal(wanted: Wanted, supported: tuple[tuple[str, str, str], ...], version: int, bits: int) -> str | None:
    """Return None when a host with this offer can run the image, else the sentence why not."""
    triple = wanted[:3]
    if any(triple) and not any(_covers(triple, offered) for offered in supported):
        asked = ", ".join(name for name in triple if name)
        return f"The image asks for {asked}, and the hypervisor supports no such guest."
    # A hypervisor that reports no version (0) is believed to be good enough, as in Nova.
    if wanted.version and version and not versions.satisfies(version, wanted.version):
        dotted = ".".join(map(str, versions.from_number(version)))
        return f"The image asks for a hypervisor version {wanted.version}, the host has {dotted}."
    if wanted.address_bits and not (wanted.address_bits.isdecimal() and bits >= int(wanted.address_bits)):
        return f"The image asks for {wanted.address_bits} physical address bits, the host has {bits}."
    return None


def _covers(wanted: tuple[str, ...], offered: tuple[str, str, str]) -> bool:
    return all(not name or name == has for name, has in zip(wanted, offered, strict=True))
