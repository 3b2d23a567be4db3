"""The names of resource classes and traits: Placement's standard vocabulary, and what deployments add as ``CUSTOM_*``."""

import re

STANDARD_CLASSES = frozenset(
    (
        "VCPU", "MEMORY_MB", "DISK_GB", "PCPU", "PCI_DEVICE", "SRIOV_NET_VF", "NUMA_SOCKET", "NUMA_CORE", "NUMA_THREAD",
        "NUMA_MEMORY_MB", "IPV4_ADDRESS", "VGPU", "VGPU_DISPLAY_HEAD", "PGPU", "FPGA", "MEM_ENCRYPTION_CONTEXT",
        "NET_BW_EGR_KILOBIT_PER_SEC", "NET_BW_IGR_KILOBIT_PER_SEC", "NET_PACKET_RATE_KILOPACKET_PER_SEC",
        "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
    )
)  # fmt: skip

CUSTOM = re.compile("CUSTOM_[A-Z0-9_]+")
_TRAIT = re.compile("(CUSTOM|COMPUTE|HW|MISC|OWNER|STORAGE)_[A-Z0-9_]+")
_LONGEST_CLASS = 64
_LONGEST_TRAIT = 255


def is_custom(name: str) -> bool:
    """Tell whether ``name`` is one that a deployment may give to a class or trait of its own."""
    return CUSTOM.fullmatch(name) is not None


def is_resource_class(name: str) -> bool:
    """Tell whether ``name`` is a standard resource class or a custom one."""
    return name in STANDARD_CLASSES or (is_custom(name) and len(name) <= _LONGEST_CLASS)


def is_trait(name: str) -> bool:
    """Tell whether ``name`` is a custom trait, or in one of the standard name spaces."""
    return _TRAIT.fullmatch(name) is not None and len(name) <= _LONGEST_TRAIT
