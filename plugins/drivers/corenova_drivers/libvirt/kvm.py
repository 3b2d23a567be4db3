"""Whether KVM works here, proved by a guest of one sector that must write to its serial line.

The device file proves nothing, and neither do libvirt's capabilities: in some virtual machines /dev/kvm is there, and
guests start but never get through their BIOS. The answer is kept until the machine boots anew or QEMU changes.
"""

import contextlib
import json
import logging
import time
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from corenova.contracts.driver import DriverContext
from corenova.exceptions import ConfigurationError
from corenova_drivers.libvirt import durable, names
from corenova_drivers.libvirt.connection import Connection, found, libvirt
from corenova_drivers.libvirt.xmltree import node, parse, text

LOG = logging.getLogger(__name__)

TRIAL_S = 2.0
_SAYS = b"KVM runs"
_NAME = names.PREFIX + "kvm-trial"
_FAILED_STATES = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)


def virt_type(connection: Connection, context: DriverContext, section: Any) -> str:
    """Return ``kvm`` or ``qemu``: what the option says, or for ``auto`` what works."""
    if section.virt_type != "auto":
        if section.virt_type == "kvm" and not _is_offered(connection):
            raise ConfigurationError("[libvirt] virt_type = kvm: this host has no KVM. Load its module, or use qemu.")
        return section.virt_type
    folder = Path(context.state_path) / "libvirt"
    key = [connection.get().getVersion(), _boot_id()]
    if not _is_offered(connection):
        return "qemu"
    works = _remembered(folder / "kvm.json", key)
    if works is None:
        works = _try(connection, folder)
        durable.write(folder / "kvm.json", json.dumps({"key": key, "works": works}).encode())
        LOG.info(
            "KVM %s on this host: guests are of type %s.", *(("works", "kvm") if works else ("does not work", "qemu"))
        )
    return "kvm" if works else "qemu"


def boot_sector() -> bytes:
    """Return a disk that writes to COM1 and halts."""
    code = bytearray.fromhex(
        "fa 31c0 8ed8 be207c"  # no interrupts; DS:SI = the text
        "ac 84c0 740f 88c3"  # next byte, until the zero
        "bafd03 ec a820 74fb"  # until COM1 takes a byte
        "88d8 baf803 ee ebea"
        "f4"
    )
    return (bytes(code).ljust(0x20, b"\xf4") + _SAYS + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def _is_offered(connection: Connection) -> bool:
    capabilities = parse(connection.get().getCapabilities())
    return capabilities.find("guest/arch/domain[@type='kvm']") is not None


def _remembered(file: Path, key: list[Any]) -> bool | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text())
        if kept["key"] == key:
            return bool(kept["works"])
    return None


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _try(connection: Connection, folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    disk, said = folder / "kvm-trial.raw", folder / "kvm-trial.log"
    domain = None
    try:
        said.unlink(missing_ok=True)
        disk.write_bytes(boot_sector().ljust(1 << 20, b"\0"))
        _end(found(lambda: connection.get().lookupByName(_NAME)))  # of a process that died in its trial
        domain = connection.get().createXML(text(_trial(disk, said)), libvirt.VIR_DOMAIN_START_AUTODESTROY)
        deadline = time.monotonic() + TRIAL_S
        while time.monotonic() < deadline:
            if said.exists() and _SAYS in said.read_bytes():
                return True
            if domain.state()[0] in _FAILED_STATES:
                return False
            time.sleep(0.02)
        return False
    except libvirt.libvirtError as error:
        LOG.info("A guest of KVM does not start: %s", error)
        return False
    finally:
        _end(domain)
        disk.unlink(missing_ok=True)
        said.unlink(missing_ok=True)


def _end(domain: Any) -> None:
    if domain is not None:
        with contextlib.suppress(libvirt.libvirtError):
            domain.destroy()


def _trial(disk: Path, said: Path) -> Element:
    driver, source = node("driver", name="qemu", type="raw"), node("source", file=disk)
    target = node("target", dev="hda", bus="ide")
    return node(
        "domain",
        node("name", _NAME),
        node("memory", "32", unit="MiB"),
        node("vcpu", "1"),
        node("os", node("type", "hvm"), node("boot", dev="hd")),
        node("features", node("acpi")),
        node(
            "devices",
            node("disk", driver, source, target, type="file", device="disk"),
            node("serial", node("source", path=said), type="file"),
        ),
        type="kvm",
    )
