"""From an instance to the XML of its domain: one pure function of the order, the host's facts and the options.

So a hard reboot can make the domain anew from the order, and a test is a comparison with a file
(tests/libvirt/data). What flavor and image ask for and no host of this kind has is refused with BuildAbort.
"""

import math
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from corenova.exceptions import BuildAbort, ConfigurationError
from corenova.objects.instance import Instance
from corenova.objects.topology import SMALL_PAGE_KB, ClaimedCell
from corenova_drivers.libvirt import devices, guests, names
from corenova_drivers.libvirt.devices import Disk, image_property, wish
from corenova_drivers.libvirt.host import HostFacts, MachineFacts
from corenova_drivers.libvirt.xmltree import node

_CPU_QUOTAS = {"quota:cpu_shares": "shares", "quota:cpu_period": "period", "quota:cpu_quota": "quota"}
_NOT_HERE = {
    "hw:tpm_version": "virtual TPMs",
    "hw:mem_encryption": "encrypted memory",
    "hw:mem_encryption_model": "encrypted memory",
}


class GuestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest is made of on its host, beside the order.

    :param disks: the first one is booted.
    :param console_log: file that its serial line is copied to.
    :param dedicated: CPUs of the host that only pinned vCPUs may use.
    """

    deployment_id: str
    disks: tuple[Disk, ...] = ()
    console_log: str = ""
    dedicated: frozenset[int] = frozenset()


def build(instance: Instance, facts: HostFacts, section: Any, plan: GuestPlan) -> Element:
    """Return the domain of ``instance``."""
    flavor = instance.flavor
    name = "" if facts.is_test else image_property(instance, "hw_machine_type", section.machine_type)
    machine = _machine(name, facts)
    return node(
        "domain",
        node("name", names.domain_name(instance.uuid)),
        node("uuid", instance.uuid),
        node("metadata", guests.describe(instance, plan.deployment_id)),
        node("memory", str(flavor.memory_mb * 1024), unit="KiB"),
        node("vcpu", str(flavor.vcpus), placement="static", cpuset=_floating(instance, facts, plan)),
        _tune(instance, facts, plan),
        *_memory(instance),
        None if facts.is_test else _smbios(instance),
        _os(instance, facts, name, machine),
        None if facts.is_test else node("features", node("acpi"), node("apic")),
        None if facts.is_test else _cpu(instance, facts, machine, section),
        None if facts.is_test else _clock(instance),
        node("on_poweroff", "destroy"),
        node("on_reboot", "restart"),
        node("on_crash", "destroy"),
        None if facts.is_test else _devices(instance, machine, section, plan, is_q35="q35" in name),
        type=facts.virt_type,
    )


def check(section: Any, facts: HostFacts) -> None:
    """Raise ConfigurationError for options that no guest could be made with on this host."""
    machine = facts.machines.get(section.machine_type)
    if facts.is_test:
        return
    if machine is None:
        raise ConfigurationError(
            f"[libvirt] machine_type = {section.machine_type}: this QEMU has no such machine; "
            f"it has {', '.join(sorted(facts.machines))}."
        )
    complaints = (
        ("disk_bus", section.disk_bus not in machine.disk_buses, machine.disk_buses),
        ("vif_model", section.vif_model not in devices.VIF_MODELS, devices.VIF_MODELS),
        ("video_model", section.video_model not in {*machine.video_models, "none"}, machine.video_models),
        ("cpu_mode", section.cpu_mode not in {*machine.cpu_modes, "", "none"}, machine.cpu_modes),
        ("cpu_model", section.cpu_mode == "custom" and section.cpu_model not in machine.cpu_models, machine.cpu_models),
    )
    for option, is_wrong, choices in complaints:
        if is_wrong:
            raise ConfigurationError(
                f"[libvirt] {option} = {getattr(section, option)}: guests of type {facts.virt_type} cannot have that "
                f"here; choose from {', '.join(sorted(choices))}."
            )


def _machine(name: str, facts: HostFacts) -> MachineFacts:
    if facts.is_test:
        return MachineFacts()
    machine = facts.machines.get(name)
    if machine is None:
        raise BuildAbort(f"hw_machine_type {name} is no machine of this hypervisor.")
    return machine


def _os(instance: Instance, facts: HostFacts, machine_name: str, machine: MachineFacts) -> Element:
    if facts.is_test:
        return node("os", node("type", "hvm"))
    firmware = image_property(instance, "hw_firmware_type", "bios")
    if firmware not in ("bios", "uefi"):
        raise BuildAbort(f"hw_firmware_type {firmware} is neither bios nor uefi.")
    if firmware == "uefi" and "efi" not in machine.firmwares:
        raise BuildAbort("The image wants UEFI firmware (hw_firmware_type), which is not installed on this host.")
    if image_property(instance, "os_secure_boot", "disabled") == "required":
        raise BuildAbort("The image requires secure boot (os_secure_boot), which this driver does not do.")
    for key, words in _NOT_HERE.items():
        if wish(instance, key) not in (None, "false", "False"):
            raise BuildAbort(f"{key} is asked for, but this driver has no {words}.")
    return node(
        "os",
        node("type", "hvm", arch=facts.arch, machine=machine_name),
        node("smbios", mode="sysinfo"),
        firmware="efi" if firmware == "uefi" else None,
    )


def _smbios(instance: Instance) -> Element:
    """Return what cloud-init looks for in the BIOS to know that it is in an OpenStack cloud."""
    entries = {
        "manufacturer": "corenova", "product": "OpenStack Compute", "serial": instance.uuid, "uuid": instance.uuid,
        "family": "Virtual Machine",
    }  # fmt: skip
    return node(
        "sysinfo", node("system", [node("entry", value, name=key) for key, value in entries.items()]), type="smbios"
    )


def _cpu(instance: Instance, facts: HostFacts, machine: MachineFacts, section: Any) -> Element | None:
    mode = section.cpu_mode or ("host-model" if facts.virt_type == "kvm" else "none")
    numa = _guest_cells(_claimed(instance))
    topology = _topology(instance)
    if mode == "none":
        return node("cpu", topology, numa)
    model = node("model", section.cpu_model, fallback="forbid") if mode == "custom" else None
    check_model = "none" if mode in ("maximum", "host-passthrough") else None
    return node(
        "cpu", model, topology, numa, mode=mode, match="exact" if model is not None else None, check=check_model
    )


def _topology(instance: Instance) -> Element:
    """Return sockets, cores and threads: those asked for, the rest in the first that is left free."""
    asked = {part: wish(instance, f"hw:cpu_{part}") for part in ("sockets", "cores", "threads")}
    given = {part: _number(f"hw:cpu_{part}", value) for part, value in asked.items() if value}
    free = [part for part in asked if part not in given]
    rest, odd = divmod(instance.flavor.vcpus, math.prod(given.values()))
    if odd or not rest or (rest != 1 and not free):
        raise BuildAbort(f"{instance.flavor.vcpus} vCPUs cannot be arranged as {given} (hw:cpu_*).")
    whole = dict.fromkeys(asked, 1) | given | dict.fromkeys(free[:1], rest)
    return node("topology", **whole)


def _number(key: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not int(value):
        raise BuildAbort(f"{key} = {value} is no number of at least one.")
    return int(value)


def _claimed(instance: Instance) -> tuple[ClaimedCell, ...]:
    return instance.topology.cells if instance.topology is not None else ()


def _guest_cells(cells: tuple[ClaimedCell, ...]) -> Element | None:
    if not cells:
        return None
    return node(
        "numa",
        [
            node("cell", id=id, cpus=_ranges([*cell.vcpus, *cell.pins]), memory=cell.memory_mb * 1024, unit="KiB")
            for id, cell in enumerate(cells)
        ],
    )


def _floating(instance: Instance, facts: HostFacts, plan: GuestPlan) -> str | None:
    """Return the CPUs that a guest without cells floats over: None for all, when none is dedicated."""
    if _claimed(instance) or not plan.dedicated:
        return None
    return _ranges(cpu for cell in facts.cells for cpu in _shared(cell, plan))


def _shared(cell: Any, plan: GuestPlan) -> list[int]:
    return [cpu for core in cell.cores for cpu in core if cpu not in plan.dedicated]


def _tune(instance: Instance, facts: HostFacts, plan: GuestPlan) -> list[Element]:
    """Return shares and pinning. The emulator's own threads stay off dedicated CPUs as far as there are others."""
    specs, cells = instance.flavor.extra_specs, _claimed(instance)
    tuned = [node(name, specs[key]) for key, name in _CPU_QUOTAS.items() if specs.get(key)]
    host = {cell.id: cell for cell in facts.cells}
    pins: dict[int, str] = {}
    for cell in cells:
        pins |= {vcpu: str(cpu) for vcpu, cpu in cell.pins.items()}
        shared = _shared(host[cell.cell], plan) if cell.cell in host else []
        pins |= {vcpu: _ranges(shared) for vcpu in cell.vcpus if shared}
    tuned += [node("vcpupin", vcpu=vcpu, cpuset=pins[vcpu]) for vcpu in sorted(pins)]
    if any(cell.pins for cell in cells):
        aside = [cpu for cell in facts.cells for cpu in _shared(cell, plan)]
        tuned.append(
            node("emulatorpin", cpuset=_ranges(aside or [cpu for cell in cells for cpu in cell.pins.values()]))
        )
    found = [node("cputune", tuned)] if tuned else []
    if cells:
        nodes = [node("memnode", cellid=id, mode="strict", nodeset=cell.cell) for id, cell in enumerate(cells)]
        found.append(
            node("numatune", node("memory", mode="strict", nodeset=_ranges(cell.cell for cell in cells)), nodes)
        )
    return found


def _memory(instance: Instance) -> list[Element]:
    pages = [
        node("page", size=cell.page_kb, unit="KiB", nodeset=id)
        for id, cell in enumerate(_claimed(instance))
        if cell.page_kb is not None and cell.page_kb != SMALL_PAGE_KB
    ]
    return [node("memoryBacking", node("hugepages", pages))] if pages else []


def _clock(instance: Instance) -> Element:
    is_windows = image_property(instance, "os_type", "linux") == "windows"
    return node(
        "clock",
        node("timer", name="pit", tickpolicy="delay"),
        node("timer", name="rtc", tickpolicy="catchup"),
        node("timer", name="hpet", present="no"),
        offset="localtime" if is_windows else "utc",
    )


def _devices(instance: Instance, machine: MachineFacts, section: Any, plan: GuestPlan, *, is_q35: bool) -> Element:
    return node(
        "devices",
        devices.pcie_ports(section.num_pcie_ports) if is_q35 else None,
        devices.disks(instance, plan.disks, machine, section, is_q35=is_q35),
        [devices.interface(instance, nic, plan.deployment_id, section) for nic in instance.nics],
        devices.consoles(plan.console_log),
        devices.screen(instance, machine, section),
        devices.extras(instance, machine, section),
    )


def _ranges(numbers: Iterable[int]) -> str:
    """Return ``0-2,5`` for 0, 1, 2, 5."""
    found: list[list[int]] = []
    for one in sorted(set(numbers)):
        if found and one == found[-1][1] + 1:
            found[-1][1] = one
        else:
            found.append([one, one])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
