"""The files of a guest: which disks it has and in which order, its console log, and what is known of it before it has
a domain. How disks are made is in disks.py and config_drive.py; this is the one place that knows both.
"""

import logging
import time
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from corenova.contracts.driver import DriverContext
from corenova.exceptions import ConfigurationError, DriverError
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova.objects.network import Nic
from corenova_drivers.libvirt import config_drive, durable
from corenova_drivers.libvirt.devices import Disk
from corenova_drivers.libvirt.disks import CONFIG, EPHEMERAL, RESCUE, ROOT, SWAP, Disks, bases_in_use
from corenova_drivers.libvirt.image_cache import ImageCache
from corenova_drivers.libvirt.imagetool import ImageTool

LOG = logging.getLogger(__name__)

_LOOK_S = 3600.0
_ORDER = (RESCUE, ROOT, EPHEMERAL, SWAP)
_NICS = "nics.json"
_LOG = "console.log"
_SNAPSHOT = "snapshot-"


class Storage:
    """The folder of each guest, below ``instances_path``."""

    def __init__(self, context: DriverContext, section: Any) -> None:
        own = Path(context.state_path) / "libvirt"
        self.instances_path = Path(section.instances_path or own / "instances")
        self._unused_images_s, self._look_at = section.unused_images_s, 0.0
        images_path = Path(section.images_path or own / "images")
        self.tool = ImageTool()
        self.cache = ImageCache(
            images_path,
            context.images or _NoTransfer(),
            tool=self.tool,
            in_use=lambda: bases_in_use(self.instances_path),
        )
        self._disks = Disks(self.instances_path, deployment_id=context.deployment_id, cache=self.cache, tool=self.tool)

    def start(self) -> None:
        """Make the directories; raises ConfigurationError naming the one that cannot be made."""
        for path in (self.instances_path, self.cache.folder):
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(f"The libvirt driver cannot keep disks in {path}: {error.strerror}.") from None
        self.cache.start()
        self._disks.start()

    def remember(self, instance: Instance) -> None:
        """Make the folder of a guest, with what must be undone if it never gets a domain: its interfaces."""
        folder = self._disks.owned_folder(instance.uuid)
        durable.write(folder / _NICS, msgspec.json.encode(instance.nics))

    def remembered(self, uuid: str) -> tuple[Nic, ...]:
        """Return the interfaces that :meth:`remember` wrote down; none where there is no folder of ours."""
        file = self._disks.path(uuid, _NICS)
        if uuid not in self.list() or not file.exists():
            return ()
        return msgspec.json.decode(file.read_bytes(), type=tuple[Nic, ...])

    def prepare(self, instance: Instance) -> None:
        """Make every disk that is missing. Errors are those of Disks.create_root."""
        if not self._disks.path(instance.uuid).exists():
            self._disks.create_root(instance)
        self._disks.create_ephemeral(instance)
        self._disks.create_swap(instance)
        self._disks.owned_folder(instance.uuid)
        config_drive.build(instance, self._disks.path(instance.uuid, CONFIG))

    def disks(self, uuid: str) -> tuple[Disk, ...]:
        """Return the disks that are there, the one to be booted first; each is looked at before a guest may have it."""
        found = []
        for name in _ORDER:
            if self._disks.path(uuid, name).exists():
                self._disks.inspect(uuid, name)
                found.append(Disk(path=str(self._disks.path(uuid, name))))
        drive = self._disks.path(uuid, CONFIG)
        if drive.exists():
            found.append(Disk(path=str(drive), format="raw", device="cdrom"))
        return tuple(found)

    def console_log(self, uuid: str) -> Path:
        """Return the file that the serial line is copied to."""
        return self._disks.path(uuid, _LOG)

    def rescue_disk(self, uuid: str) -> Path:
        """Return where the rescue disk is; a guest that has one boots from it."""
        return self._disks.path(uuid, RESCUE)

    def create_rescue(self, instance: Instance) -> None:
        """Make the rescue disk from ``instance.boot``."""
        self._disks.create_rescue(instance)

    def remove_rescue(self, uuid: str) -> None:
        """Remove the rescue disk; no error when there is none."""
        self._disks.remove_disk(uuid, RESCUE)

    def root_disk(self, uuid: str) -> Path:
        """Return where the root disk is."""
        return self._disks.path(uuid, ROOT)

    def copy_root(self, uuid: str, target: Path) -> None:
        """Copy the root disk, flattened, to a qcow2 file; no guest may write to it meanwhile."""
        backing = self._disks.inspect(uuid)
        self.tool.convert(self.root_disk(uuid), "qcow2", target, "qcow2", backing=backing)

    def snapshot_file(self, uuid: str, image_id: str) -> Path:
        """Return where the copy for an image is made."""
        return self._disks.path(uuid, _SNAPSHOT + image_id)

    def stale_snapshots(self, uuid: str) -> list[Path]:
        """Return the copies that are there. Outside of a snapshot they are what a dead process left."""
        return sorted(self._disks.path(uuid, ROOT).parent.glob(_SNAPSHOT + "*"))

    def age_out_images(self) -> None:
        """Remove images that no disk stands on and nobody has asked for in a while; looks once an hour at most."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        try:
            self.cache.age_out(self._unused_images_s)
        except (DriverError, OSError) as error:
            LOG.warning("Unused images could not be removed: %s", error)

    def list(self) -> list[str]:
        """Return the uuids that have a folder of ours."""
        return self._disks.list_uuids()

    def has(self, uuid: str) -> bool:
        """Tell whether there is a folder of ours for ``uuid``."""
        return uuid in self.list()

    def remove(self, uuid: str) -> None:
        """Remove the folder with all that is in it; no error when there is none of ours."""
        if self.has(uuid):
            self._disks.remove(uuid)


class _NoTransfer:
    """In place of ImageTransfer where a driver is tried by itself: there are no images."""

    def fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        raise DriverError(f"Image {access.image_id} cannot be had: this driver was started without an image service.")

    def send(self, access: ImageAccess, file: BinaryIO, *, disk_format: str) -> None:
        raise DriverError(f"Image {access.image_id} cannot be sent: this driver was started without an image service.")
