"""The disks of the guests: one folder an instance, ``<instances_path>/<uuid>/``, below which nobody else writes.

All disks are qcow2, so that what a guest writes into its disk is never taken for the header of one. A folder carries
the deployment id in the file ``owner``; without ours in it, a folder is somebody else's and stays as it is. Beside an
overlay ``disk`` the file ``disk.base`` names the cached image that it stands on; it is written first and removed last.
"""

import contextlib
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from oslo_concurrency import processutils

from corenova.exceptions import BuildAbort, DriverError
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova_drivers.libvirt import durable
from corenova_drivers.libvirt.image_cache import ImageCache
from corenova_drivers.libvirt.imagetool import ImageTool
from corenova_drivers.libvirt.inspection import CachedBase

LOG = logging.getLogger(__name__)

ROOT = "disk"
RESCUE = "disk.rescue"
EPHEMERAL = "disk.eph0"
SWAP = "disk.swap"
CONFIG = "disk.config"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWNER = "owner"
_BASE = ".base"
_NEW, _GONE = ".new", ".gone"  # after a dot and the uuid: folders that are being made, or removed
_NEW_DISK_BYTES = 1 << 20  # what an empty qcow2 file takes


class Disks:
    """The disks below one folder. Safe to use from several threads, though not for one instance at a time.

    Every method may be called again after a crash: a disk that is there is kept, what was half made is made anew.

    :param folder: ``instances_path``; it is made when it is not there.
    :param deployment_id: what marks our folders.
    :param keep_free: bytes that must be free for a new disk.
    """

    def __init__(
        self, folder: Path, *, deployment_id: str, cache: ImageCache, tool: ImageTool, keep_free: int = 256 << 20
    ) -> None:
        self._folder = folder
        self._deployment_id = deployment_id
        self._cache = cache
        self._tool = tool
        self._keep_free = keep_free

    def start(self) -> None:
        """Make the folder, and remove the folders that a dead process was making or removing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob(".*"):
            if _UUID.fullmatch(path.stem[1:]) and path.suffix in (_NEW, _GONE) and not path.is_symlink():
                shutil.rmtree(path)

    def path(self, uuid: str, disk: str = ROOT) -> Path:
        """Return where a disk of an instance is, or would be. Raises DriverError for what is no uuid."""
        return self._instance_folder(uuid) / disk

    def create_root(self, instance: Instance) -> Path:
        """Make the root disk: an overlay on the image, as large as the flavor says, or as the image for ``root_gb`` 0.

        Raises BuildAbort when the image has no bytes, is larger than the flavor's disk or cannot be booted;
        InsufficientResources when this host has no room; and whatever ImageCache.base raises.
        """
        return self._create_overlay(instance, ROOT, size_bytes=instance.flavor.root_gb << 30)

    def create_rescue(self, instance: Instance) -> Path:
        """Make the rescue disk: an overlay on ``instance.boot``, as large as that. Errors as for create_root.

        One that is there is kept, also when it stands on another image: the end of a rescue removes it.
        """
        return self._create_overlay(instance, RESCUE, size_bytes=0)

    def create_ephemeral(self, instance: Instance) -> Path | None:
        """Make the empty disk that the flavor has beside the root disk; None: it has none."""
        size_bytes = instance.flavor.ephemeral_gb << 30
        return self._create_empty(instance.uuid, EPHEMERAL, size_bytes) if size_bytes else None

    def create_swap(self, instance: Instance) -> Path | None:
        """Make the swap disk of the flavor; None: it has none. It is formatted where mkswap is installed."""
        size_bytes = instance.flavor.swap << 20
        return self._create_empty(instance.uuid, SWAP, size_bytes, is_swap=True) if size_bytes else None

    def backing(self, uuid: str, disk: str = ROOT) -> CachedBase | None:
        """Return the image that a disk stands on; None: it stands alone. Raises DriverError when the image is gone."""
        record = self.path(uuid, disk + _BASE)
        return self._cache.find(record.read_text().strip()) if record.exists() else None

    def inspect(self, uuid: str, disk: str = ROOT) -> CachedBase | None:
        """Return the image that a disk stands on, after a look at the disk.

        To be called before a disk is given to a guest or copied. Raises BuildAbort when it refers to any other file,
        DriverError when it is not there.
        """
        backing = self.backing(uuid, disk)
        self._tool.inspect_own(self.path(uuid, disk), backing)
        return backing

    def grow_root(self, instance: Instance) -> None:
        """Let the root disk be as large as the flavor says; one that is larger is left alone. No guest may use it."""
        path = self.path(instance.uuid)
        backing = self.backing(instance.uuid)
        if self._tool.inspect_own(path, backing).virtual_size < instance.flavor.root_gb << 30:
            self._tool.resize(path, "qcow2", instance.flavor.root_gb << 30, backing=backing)

    def remove_disk(self, uuid: str, disk: str) -> None:
        """Remove one disk of an instance; no error when it is not there."""
        folder = self._instance_folder(uuid)
        if self._is_ours(folder):
            for name in (disk, disk + durable.PART, disk + _BASE):
                (folder / name).unlink(missing_ok=True)
            durable.sync(folder)

    def remove(self, uuid: str) -> None:
        """Remove all disks of an instance; no error when there are none. Raises DriverError when they are not ours."""
        folder = self._instance_folder(uuid)
        gone = folder.with_name(f".{uuid}{_GONE}")
        if folder.is_symlink() or folder.exists():
            if not self._is_ours(folder):
                raise DriverError(f"The folder {folder.name} was not made by this deployment; it stays as it is.")
            if gone.exists():
                shutil.rmtree(gone)
            # From here on it is no instance's, however far the removal gets.
            folder.rename(gone)
            durable.sync(self._folder)
        for rest in (gone, folder.with_name(f".{uuid}{_NEW}")):
            if rest.exists():
                shutil.rmtree(rest)  # follows no symbolic link

    def list_uuids(self) -> list[str]:
        """Return the instances that have a folder of ours."""
        return sorted(
            path.name for path in self._folder.iterdir() if _UUID.fullmatch(path.name) and self._is_ours(path)
        )

    def owned_folder(self, uuid: str) -> Path:
        """Return the folder of an instance, made and marked as ours if it was not there."""
        folder = self._instance_folder(uuid)
        if folder.is_symlink() or folder.exists():
            if not self._is_ours(folder):
                raise DriverError(f"The folder {folder.name} was not made by this deployment; it stays as it is.")
            return folder
        new = folder.with_name(f".{uuid}{_NEW}")
        if new.exists():
            shutil.rmtree(new)
        # Others may pass it to reach a disk that libvirt has given to them, and may not look what is in it.
        new.mkdir(mode=0o711)
        durable.write(new / _OWNER, self._deployment_id.encode(), mode=0o644)
        new.rename(folder)
        durable.sync(self._folder)
        return folder

    def _instance_folder(self, uuid: str) -> Path:
        if not _UUID.fullmatch(uuid):
            raise DriverError(f"{uuid!r} is no uuid; it cannot have disks.")
        return self._folder / uuid

    def _is_ours(self, folder: Path) -> bool:
        try:
            return not folder.is_symlink() and (folder / _OWNER).read_text() == self._deployment_id
        except OSError:
            return False

    def _create_overlay(self, instance: Instance, disk: str, *, size_bytes: int) -> Path:
        path = self.path(instance.uuid, disk)
        if path.exists():
            self.inspect(instance.uuid, disk)
            return path
        base = self._base_for(instance.boot)
        if size_bytes and base.virtual_size > size_bytes:
            raise BuildAbort(
                f"Flavor's disk is too small for requested image. Flavor disk is {size_bytes} bytes, image is "
                f"{base.virtual_size} bytes."
            )
        with self._new_disk(instance.uuid, disk) as part:
            durable.write(self.path(instance.uuid, disk + _BASE), base.path.name.encode())
            self._tool.create_overlay(part, base.path, base.format, size_bytes or base.virtual_size)
        return path

    def _base_for(self, boot: ImageAccess | None) -> CachedBase:
        if boot is None:
            raise BuildAbort("The image has no bytes: nothing can be booted from it.")
        return self._cache.base(boot)

    def _create_empty(self, uuid: str, disk: str, size_bytes: int, *, is_swap: bool = False) -> Path:
        path = self.path(uuid, disk)
        if path.exists():
            self.inspect(uuid, disk)
            return path
        with self._new_disk(uuid, disk) as part:
            if is_swap and shutil.which("mkswap"):
                self._make_swap(part, size_bytes)
            else:
                self._tool.create_empty(part, "qcow2", size_bytes)
        return path

    def _make_swap(self, part: Path, size_bytes: int) -> None:
        """Make a formatted swap disk: the header is written to a raw file, which no guest ever sees."""
        raw = part.with_suffix(".raw")
        try:
            self._tool.create_empty(raw, "raw", size_bytes)
            processutils.execute("mkswap", str(raw))
            self._tool.convert(raw, "raw", part, "qcow2")
        except (processutils.ProcessExecutionError, OSError) as error:
            raise DriverError("The swap disk cannot be formatted: mkswap failed.") from error
        finally:
            raw.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _new_disk(self, uuid: str, disk: str) -> Iterator[Path]:
        """Yield the path to make a disk at. When that fails, nothing is left of what was made for it."""
        durable.need_space(self._folder, _NEW_DISK_BYTES, keep_free=self._keep_free)
        is_new = not self._instance_folder(uuid).exists()
        try:
            with durable.no_space_is_no_resource(), durable.making(self.owned_folder(uuid) / disk, mode=0o600) as part:
                yield part
        except BaseException:
            if is_new:
                self.remove(uuid)
            else:
                self.path(uuid, disk + _BASE).unlink(missing_ok=True)
            raise


def bases_in_use(folder: Path) -> set[str]:
    """Return the names of the cached images that disks below ``folder`` stand on, whoever owns them.

    Folders that are being made or removed count too. For ImageCache, which asks before it removes one.
    Raises DriverError when there is no such folder.
    """
    if not folder.is_dir():  # not mounted, perhaps: that is no leave to remove all bases
        raise DriverError(f"There is no folder {folder}.")
    used = set()
    for record in folder.glob(f"*/*{_BASE}"):
        with contextlib.suppress(FileNotFoundError):  # removed since it was listed
            used.add(record.read_text().strip())
    return used
