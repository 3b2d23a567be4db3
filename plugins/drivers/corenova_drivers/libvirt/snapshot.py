"""Snapshots: the root disk of a guest as an image, while it runs or is shut down.

QEMU copies the disk of a running guest to a file beside it and keeps both equal; ending that job leaves the file as it
is at that moment. The file is flattened, is uploaded, and is removed on every path; after a crash, by the next start.
"""

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

from corenova.exceptions import DriverError
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova_drivers.libvirt.connection import libvirt
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import node, parse, text

LOG = logging.getLogger(__name__)

FORMAT = "qcow2"
_POLL_S = 0.05
_STALLED_S = 120.0
_COPY = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB


def snapshot(hypervisor: Hypervisor, instance: Instance, target: ImageAccess) -> None:
    """Copy the root disk and upload the copy; the guest is as it was before, whatever happens."""
    if hypervisor.context.images is None:
        raise DriverError("A snapshot needs an image service, and this driver was started without one.")
    domain = hypervisor.guests.find(instance.uuid)
    copy = hypervisor.storage.snapshot_file(instance.uuid, target.image_id)
    try:
        sweep(hypervisor, instance.uuid, domain)
        if domain.isActive():
            _copy_live(hypervisor, instance.uuid, domain, copy)
        else:
            hypervisor.storage.copy_root(instance.uuid, copy)
        with copy.open("rb") as file:
            hypervisor.context.images.send(target, file, disk_format=FORMAT)
    finally:
        copy.unlink(missing_ok=True)


def sweep(hypervisor: Hypervisor, uuid: str, domain: Any) -> None:
    """End the copies that a dead process was making, and remove them."""
    for path in hypervisor.storage.stale_snapshots(uuid):
        if domain.isActive():
            with contextlib.suppress(libvirt.libvirtError):
                domain.blockJobAbort(_target(hypervisor, uuid, domain), 0)
        path.unlink(missing_ok=True)


def _copy_live(hypervisor: Hypervisor, uuid: str, domain: Any, copy: Path) -> None:
    disk = _target(hypervisor, uuid, domain)
    where = node("disk", node("source", file=copy), node("driver", type=FORMAT), type="file")
    domain.blockCopy(disk, text(where), {}, _COPY)
    is_equal = False
    try:
        _wait(domain, disk)
        is_equal = True
    finally:
        try:
            domain.blockJobAbort(disk, 0)
        except libvirt.libvirtError:
            if is_equal:
                raise


def _wait(domain: Any, disk: str) -> None:
    """Return when the copy is equal to the disk. Raises DriverError when it fails, or makes no progress."""
    last, deadline = -1, time.monotonic() + _STALLED_S
    while True:
        job = domain.blockJobInfo(disk, 0)
        if not job:
            raise DriverError("The copy of the root disk failed: its job is gone. Is the host's disk full?")
        if _is_ready(domain, disk):
            return
        if job["cur"] != last:
            last, deadline = job["cur"], time.monotonic() + _STALLED_S
        elif time.monotonic() > deadline:
            raise DriverError(f"The copy of the root disk has made no progress for {_STALLED_S:g} s.")
        time.sleep(_POLL_S)


def _is_ready(domain: Any, disk: str) -> bool:
    mirror = parse(domain.XMLDesc(0)).find(f"devices/disk/target[@dev='{disk}']/../mirror")
    return mirror is not None and mirror.get("ready") == "yes"


def _target(hypervisor: Hypervisor, uuid: str, domain: Any) -> str:
    """Return the name of the root disk in the guest: another one where it is in rescue."""
    root = str(hypervisor.storage.root_disk(uuid))
    for disk in parse(domain.XMLDesc(0)).iterfind("devices/disk"):
        source, target = disk.find("source"), disk.find("target")
        if source is not None and target is not None and source.get("file") == root:
            return target.get("dev", "")
    raise DriverError("The guest does not have its root disk.")
