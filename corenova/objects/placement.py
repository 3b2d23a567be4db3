"""Names and numbers as Placement has them: the standard vocabulary, ``CUSTOM_*``, and what an inventory may be."""

import math
import re

from corenova.objects.host_state import Inventory

STANDARD_CLASSES = frozenset(
    (
        "VCPU", "MEMORY_MB", "DISK_GB", "PCPU", "PCI_DEVICE", "SRIOV_NET_VF", "NUMA_SOCKET", "NUMA_CORE", "NUMA_THREAD",
        "NUMA_MEMORY_MB", "IPV4_ADDRESS", "VGPU", "VGPU_DISPLAY_HEAD", "PGPU", "FPGA", "MEM_ENCRYPTION_CONTEXT",
        "NET_BW_EGR_KILOBIT_PER_SEC", "NET_BW_IGR_KILOBIT_PER_SEC", "NET_PACKET_RATE_KILOPACKET_PER_SEC",
        "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC", "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
    )
)  # fmt: skip

MAX_INT = 0x7FFFFFFF

_CUSTOM = re.compile("CUSTOM_[A-Z0-9_]+")
_TRAIT = re.compile("(CUSTOM|COMPUTE|HW|MISC|OWNER|STORAGE)_[A-Z0-9_]+")
_LONGEST_CLASS = 64
_LONGEST_TRAIT = 255


def is_custom(name: str) -> bool:
    """Tell whether ``name`` is one that a deployment may give to a class or trait of its own."""
    return _CUSTOM.fullmatch(name) is not None


def is_resource_class(name: str) -> bool:
    """Tell whether ``name`` is a standard resource class or a custom one."""
    return name in STANDARD_CLASSES or (is_custom(name) and len(name) <= _LONGEST_CLASS)


def is_trait(name: str) -> bool:
    """Tell whether ``name`` is a custom trait, or in one of the standard name spaces."""
    return _TRAIT.fullmatch(name) is not None and len(name) <= _LONGEST_TRAIT


def fault(inventory: Inventory) -> str:
    """Return what is wrong with the numbers of an inventory, as a sentence; empty when nothing is.

    :param inventory: its ``used`` may be above its capacity: then nothing more fits.
    """
    i = inventory
    low, most = (1, MAX_INT)
    for name in ("total", "min_unit", "max_unit", "step_size"):
        if not low <= getattr(i, name) <= most:
            return f"{name} must be from {low} to {most}, not {getattr(i, name)}."
    if not 0 <= i.reserved <= i.total:
        return f"reserved must be from 0 to the total of {i.total}, not {i.reserved}."
    if i.min_unit > i.max_unit:
        return f"min_unit must not be above max_unit: {i.min_unit} is above {i.max_unit}."
    if not 0 < i.allocation_ratio < math.inf or i.total * i.allocation_ratio > most:
        return (
            f"allocation_ratio must be above 0 and total * allocation_ratio at most {most}, not {i.allocation_ratio}."
        )
    return ""
