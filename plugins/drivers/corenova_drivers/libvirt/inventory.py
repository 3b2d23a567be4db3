"""The report of the host, made from HostFacts: capacities, traits, NUMA cells. Pure, but for one look at the disk."""

import os
from collections.abc import Iterable
from typing import Any

from corenova.contracts.driver import Abilities
from corenova.exceptions import ConfigurationError
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, PCPU, VCPU
from corenova.objects.topology import HostTopology, NumaCell
from corenova_drivers.libvirt.devices import VIF_MODELS
from corenova_drivers.libvirt.host import ARCHITECTURES, HostFacts

HYPERVISOR_TYPES = {"kvm": "QEMU", "qemu": "QEMU", "test": "test"}
_SAME = (
    "3dnow", "abm", "avx", "avx2", "avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl", "avx512er", "avx512pf",
    "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg", "bmi2", "f16c", "fma4", "mmx", "mpx",
    "pdpe1gb", "sgx", "sse", "sse2", "sse4a", "ssse3", "stibp", "tbm", "xop",
)  # fmt: skip
_CPU_TRAITS = {name: name.upper() for name in _SAME} | {
    "aes": "AESNI", "amx-bf16": "AMXBF16", "amx-int8": "AMXINT8", "amx-tile": "AMXTILE",
    "avx512-vpopcntdq": "AVX512VPOPCNTDQ", "bmi1": "BMI", "fma": "FMA3", "gfni": "AVX512GFNI", "pcid": "INTEL_PCID",
    "pclmuldq": "CLMUL", "pclmulqdq": "CLMUL", "pni": "SSE3", "rtm": "TSX", "sha-ni": "SHA", "sse4.1": "SSE41",
    "sse4.2": "SSE42", "svm": "AMD_SVM", "vaes": "AVX512VAES", "vmx": "INTEL_VMX", "vpclmulqdq": "AVX512VPCLMULQDQ",
}  # fmt: skip
"""libvirt's name of a CPU feature, and the end of the trait's name in os-traits."""
_ABILITY_TRAITS = {"supports_attach_interface": "COMPUTE_NET_ATTACH_INTERFACE"}
_IMAGE_FORMATS = ("RAW", "QCOW2")
_BUSES = frozenset(["FDC", "IDE", "SATA", "SCSI", "USB", "VIRTIO"])
_VIDEOS = frozenset(["BOCHS", "CIRRUS", "GOP", "NONE", "QXL", "VGA", "VIRTIO", "VMVGA", "XEN"])


def report(host: str, facts: HostFacts, section: Any, *, instances_path: str, abilities: Abilities) -> HostReport:
    """Return what the compute tells of ``host``."""
    dedicated = cpu_set(section.cpu_dedicated_set)
    pinned = len(dedicated & {cpu for cell in facts.cells for core in cell.cores for cpu in core})
    shared = facts.cpus - pinned
    sizes = {
        VCPU: Inventory(
            total=shared,
            reserved=min(section.reserved_host_cpus, shared),
            allocation_ratio=section.cpu_allocation_ratio,
            max_unit=max(1, shared),
        ),
        PCPU: Inventory(total=pinned, max_unit=max(1, pinned)),
        MEMORY_MB: Inventory(
            total=facts.memory_mb,
            reserved=min(section.reserved_host_memory_mb, facts.memory_mb),
            allocation_ratio=section.ram_allocation_ratio,
            max_unit=facts.memory_mb,
        ),
        DISK_GB: _disk(instances_path, section),
    }
    return HostReport(
        host=host,
        hypervisor_type=HYPERVISOR_TYPES[facts.virt_type],
        hypervisor_version=facts.version,
        host_ip=section.host_ip,
        inventories={name: held for name, held in sizes.items() if held.total},
        traits=tuple(sorted(traits(facts, abilities))),
        supported_instances=supported_instances(facts),
        cpu_info={
            "arch": facts.arch,
            "model": facts.cpu_model,
            "vendor": facts.cpu_vendor,
            "topology": {"sockets": facts.sockets, "cores": facts.cores, "threads": facts.threads},
            "features": sorted(facts.cpu_features),
        },
        topology=_topology(facts, dedicated),
    )


def supported_instances(facts: HostFacts) -> tuple[tuple[str, str, str], ...]:
    """Return what runs here. Guests of kvm and of qemu are one kind to whoever asks for either, as in Nova."""
    kinds = ("kvm", "qemu") if facts.virt_type == "kvm" else ("qemu",)
    return tuple((ARCHITECTURES.get(facts.arch, facts.arch), kind, "hvm") for kind in kinds)


def traits(facts: HostFacts, abilities: Abilities) -> set[str]:
    """Return the traits that follow from facts and abilities."""
    found = {"COMPUTE_NODE"} | {trait for flag, trait in _ABILITY_TRAITS.items() if getattr(abilities, flag)}
    if facts.is_test:
        return found
    found |= {f"COMPUTE_IMAGE_TYPE_{one}" for one in _IMAGE_FORMATS}
    found |= {f"COMPUTE_ARCH_{facts.arch.upper()}", f"HW_ARCH_{facts.arch.upper()}"}
    found |= {f"COMPUTE_NET_VIF_MODEL_{model.upper()}" for model in VIF_MODELS}
    for one in facts.machines.values():
        found |= {f"COMPUTE_STORAGE_BUS_{bus.upper()}" for bus in one.disk_buses if bus.upper() in _BUSES}
        found |= {f"COMPUTE_GRAPHICS_MODEL_{model.upper()}" for model in one.video_models if model.upper() in _VIDEOS}
        found |= {f"HW_CPU_X86_{_CPU_TRAITS[name]}" for name in one.cpu_features & _CPU_TRAITS.keys()}
    return found


def cpu_set(ranges: Iterable[str]) -> frozenset[int]:
    """Return the CPUs that ``["2", "4-7"]`` means; raises ConfigurationError."""
    cpus: set[int] = set()
    for one in ranges:
        first, _, last = one.strip().partition("-")
        try:
            cpus.update(range(int(first), int(last or first) + 1))
        except ValueError:
            raise ConfigurationError(f"[libvirt] cpu_dedicated_set: {one!r} is no CPU and no range of CPUs.") from None
    return frozenset(cpus)


def _disk(path: str, section: Any) -> Inventory:
    facts = os.statvfs(path)
    total = facts.f_blocks * facts.f_frsize >> 30
    return Inventory(
        total=total,
        reserved=min(total, -(-section.reserved_host_disk_mb // 1024)),
        allocation_ratio=section.disk_allocation_ratio,
        max_unit=max(1, total),
    )


def _topology(facts: HostFacts, dedicated: frozenset[int]) -> HostTopology | None:
    if not facts.cells or facts.is_test:
        return None
    # A machine of one cell counts its memory in it, whatever the cell itself says (host.py tells why it may be wrong).
    return HostTopology(
        cells=tuple(
            NumaCell(
                id=cell.id,
                memory_mb=facts.memory_mb if len(facts.cells) == 1 else cell.memory_mb,
                shared=_cores(core - dedicated for core in map(set, cell.cores)),
                dedicated=_cores(core & dedicated for core in map(set, cell.cores)),
                pages=cell.pages,
            )
            for cell in facts.cells
        )
    )


def _cores(cores: Iterable[set[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(core)) for core in cores if core)
