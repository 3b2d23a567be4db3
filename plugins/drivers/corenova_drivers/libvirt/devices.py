"""The devices of a guest as XML: disks, interfaces, consoles and the rest. Pure; domain.py puts them together.

What an image or flavor asks for is in tables; what the machine does not have is refused with BuildAbort, since every
host of its kind would refuse it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from corenova.exceptions import BuildAbort
from corenova.objects.instance import Instance
from corenova.objects.network import Nic
from corenova_drivers.libvirt import names
from corenova_drivers.libvirt.host import MachineFacts
from corenova_drivers.libvirt.xmltree import node

VIF_MODELS = {
    "virtio": "virtio", "e1000": "e1000", "e1000e": "e1000e", "rtl8139": "rtl8139", "ne2k_pci": "ne2k_pci",
    "pcnet": "pcnet",
}  # fmt: skip
"""Nova's hw_vif_model and libvirt's model."""
_PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}
_DISK_LIMITS = tuple(f"{what}_{unit}_sec" for unit in ("bytes", "iops") for what in ("total", "read", "write"))
_WATCHDOG_ACTIONS = ("none", "pause", "reset", "poweroff")
_YES = ("1", "t", "true", "on", "y", "yes")


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that is to be in the guest.

    :param device: ``disk`` or ``cdrom``.
    """

    path: str
    format: str = "qcow2"
    device: str = "disk"


def wish(instance: Instance, key: str) -> str | None:
    """Return what is asked under ``key`` (``hw:watchdog_action``): by the flavor, or else the image."""
    value = instance.flavor.extra_specs.get(key)
    if value is None and instance.image is not None:
        value = instance.image.properties.get(key.replace(":", "_"))
    return value


def is_wished(instance: Instance, key: str, *, default: bool = False) -> bool:
    """Tell whether what is asked under ``key`` is a yes."""
    value = wish(instance, key)
    return default if value is None else value.strip().lower() in _YES


def image_property(instance: Instance, name: str, default: str) -> str:
    """Return a property of the image."""
    return (instance.image.properties.get(name) if instance.image else None) or default


def disks(
    instance: Instance, plan: Iterable[Disk], machine: MachineFacts, section: Any, *, is_q35: bool
) -> list[Element]:
    """Return the disks, the first of which is booted."""
    bus = image_property(instance, "hw_disk_bus", section.disk_bus)
    if bus not in machine.disk_buses or bus not in _PREFIXES:
        raise BuildAbort(f"hw_disk_bus {bus} is none of {_list(machine.disk_buses & _PREFIXES.keys())}.")
    letters: Counter[str] = Counter()
    found: list[Element] = []
    if bus == "scsi":
        found.append(
            node("controller", type="scsi", index=0, model=image_property(instance, "hw_scsi_model", "virtio-scsi"))
        )
    for disk in plan:
        its_bus = bus if disk.device == "disk" else "sata" if is_q35 else "ide"
        prefix = _PREFIXES[its_bus]
        is_first = not letters
        name = prefix + chr(ord("a") + letters[prefix])
        letters[prefix] += 1
        found.append(_disk(disk, its_bus, name, is_first=is_first, limits=_limits(instance), section=section))
    return found


def _disk(disk: Disk, bus: str, name: str, *, is_first: bool, limits: Element | None, section: Any) -> Element:
    is_own = disk.device == "disk"
    cache, discard = (section.disk_cachemode, "unmap") if is_own else (None, None)
    return node(
        "disk",
        node("driver", name="qemu", type=disk.format, cache=cache, discard=discard),
        node("source", file=disk.path),
        node("target", dev=name, bus=bus),
        None if is_own else node("readonly"),
        node("boot", order=1) if is_first else None,
        limits if is_own else None,
        type="file",
        device=disk.device,
    )


def interface(instance: Instance, nic: Nic, deployment_id: str, section: Any) -> Element:
    """Return one interface, for a new guest or to be plugged into a running one."""
    model = image_property(instance, "hw_vif_model", section.vif_model)
    if model not in VIF_MODELS:
        raise BuildAbort(f"hw_vif_model {model} is none of {_list(VIF_MODELS)}.")
    queues = instance.flavor.vcpus if is_wished(instance, "hw:vif_multiqueue_enabled") and model == "virtio" else 1
    is_bridge = nic.kind == "bridge"
    return node(
        "interface",
        node("mac", address=nic.mac),
        node("source", bridge=nic.bridge) if is_bridge else node("source", network=names.network_name(nic.network_id)),
        node("target", dev=names.tap_name(nic.port_id)),
        node("model", type=VIF_MODELS[model]),
        node("driver", queues=min(queues, 8)) if queues > 1 else None,
        node("mtu", size=nic.mtu),
        node("filterref", filter=names.filter_name(deployment_id, nic.port_id)) if nic.port_security else None,
        _bandwidth(instance),
        type="bridge" if is_bridge else "network",
    )


def consoles(console_log: str) -> list[Element]:
    """Return the serial line. Its log is appended to, or each start would empty what is to be read after a crash."""
    log = node("log", file=console_log, append="on")
    return [node("serial", log, node("target", port=0), type="pty")]


def screen(instance: Instance, machine: MachineFacts, section: Any) -> list[Element]:
    """Return video card and VNC, or nothing."""
    model = image_property(instance, "hw_video_model", section.video_model)
    if model == "none" or not section.vnc_listen:
        return [node("video", node("model", type="none"))]
    if model not in machine.video_models:
        raise BuildAbort(f"hw_video_model {model} is none of {_list(machine.video_models)}.")
    listen = node("listen", type="address", address=section.vnc_listen)
    found = [
        node("graphics", listen, type="vnc", port=-1, autoport="yes"),
        node("video", node("model", type=model)),
    ]
    if image_property(instance, "hw_pointer_model", "ps2mouse") == "usbtablet":
        found.append(node("input", type="tablet", bus="usb"))
    return found


def extras(instance: Instance, machine: MachineFacts, section: Any) -> list[Element]:
    """Return randomness, balloon, watchdog and the guest agent's channel."""
    found = [
        node("memballoon", node("stats", period=section.mem_stats_period_s) if section.mem_stats_period_s else None,
             model="virtio")
    ]  # fmt: skip
    if section.rng and "random" in machine.rng_backends and is_wished(instance, "hw_rng:allowed", default=True):
        found.append(node("rng", node("backend", "/dev/urandom", model="random"), model="virtio"))
    action = wish(instance, "hw:watchdog_action")
    if action not in (None, "disabled"):
        if action not in _WATCHDOG_ACTIONS:
            raise BuildAbort(f"hw:watchdog_action {action} is none of {_list(_WATCHDOG_ACTIONS)}.")
        found.append(node("watchdog", model="i6300esb", action=action))
    if is_wished(instance, "hw:qemu_guest_agent"):
        target = node("target", type="virtio", name="org.qemu.guest_agent.0")
        found.append(node("channel", node("source", mode="bind"), target, type="unix"))
    return found


def pcie_ports(count: int) -> list[Element]:
    """Return the sockets of a q35 machine. Without spare ones nothing can be plugged in later; and they are only
    accepted below a root that is named."""
    if not count:
        return []
    ports = [node("controller", type="pci", model="pcie-root-port") for _ in range(count)]
    return [node("controller", type="pci", index=0, model="pcie-root"), *ports]


def _limits(instance: Instance) -> Element | None:
    found = {name: instance.flavor.extra_specs.get(f"quota:disk_{name}") for name in _DISK_LIMITS}
    wanted = [node(name, value) for name, value in found.items() if value]
    return node("iotune", wanted) if wanted else None


def _bandwidth(instance: Instance) -> Element | None:
    specs = instance.flavor.extra_specs
    ways = []
    for way in ("inbound", "outbound"):
        limits = {name: specs.get(f"quota:vif_{way}_{name}") for name in ("average", "peak", "burst")}
        if limits["average"]:
            ways.append(node(way, **limits))
    return node("bandwidth", ways) if ways else None


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "what this host has: nothing"
