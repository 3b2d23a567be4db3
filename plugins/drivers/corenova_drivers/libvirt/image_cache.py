"""The images that guests of this machine stand on: each is downloaded once and read by all.

A base is two files, ``<image>-<hash>.<format>`` with the bytes and the same with ``.json`` that says what they were
when they came. The bytes are renamed into place last: whoever sees them may use them. Several threads and several
processes may use one folder; what they do to one image excludes each other, what they do to different ones does not.
"""

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from oslo_concurrency import lockutils

from corenova.contracts.image import ImageTransfer
from corenova.exceptions import BuildAbort, DriverError
from corenova.objects.image import ImageAccess
from corenova_drivers.libvirt import durable
from corenova_drivers.libvirt.imagetool import ImageTool
from corenova_drivers.libvirt.inspection import FORMATS, CachedBase

LOG = logging.getLogger(__name__)

_IMAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{16,}")
_NAME = re.compile(rf"{_IMAGE_ID.pattern}-([0-9a-f]{{16}}|unhashed)\.({'|'.join(FORMATS)})")
_FACTS = ".json"
_SPOILT = ".spoilt"
_LOCKS = "locks"
_READ_ONLY = 0o444
# Of the process, not of a cache: locks of files do not exclude two caches in one process.
_SEMAPHORES = lockutils.Semaphores()


class BaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a base was when it came: the content of its ``.json`` file. Sizes in bytes."""

    image_id: str
    size: int
    mtime_ns: int
    sha256: str
    virtual_size: int


class ImageCache:
    """The bases of one folder. Safe to use from several threads, and from several processes.

    :param folder: where they are; it is made by :meth:`start`.
    :param transfer: fetches the bytes.
    :param in_use: returns the names of the bases that disks stand on (disks.bases_in_use); asked before one is removed.
    :param keep_free: bytes of the disk that a download may not take.
    """

    def __init__(
        self,
        folder: Path,
        transfer: ImageTransfer,
        *,
        tool: ImageTool,
        in_use: Callable[[], set[str]],
        keep_free: int = 256 << 20,
    ) -> None:
        self.folder = folder
        self._transfer = transfer
        self._tool = tool
        self._in_use = in_use
        self._keep_free = keep_free

    def start(self) -> None:
        """Make the folder, and remove the downloads of processes that have died. Call it once, before anything else."""
        # Whoever runs QEMU may pass; the names are for nobody else.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        (self.folder / _LOCKS).mkdir(exist_ok=True)
        for part in self.folder.glob("*" + durable.PART):
            # A download that is alive holds this lock.
            with contextlib.suppress(lockutils.AcquireLockFailedException), self._changing(_base_of(part), wait=False):
                part.unlink(missing_ok=True)

    def base(self, access: ImageAccess) -> CachedBase:
        """Return the base of an image, after a download if it is not here; nobody removes it for the next minutes.

        Raises BuildAbort when the image cannot be booted anywhere, InsufficientResources when this machine has no
        room, DriverError when the base is damaged while disks stand on it, and what ``ImageTransfer.fetch`` raises.
        """
        name = _name_of(access)
        with self._changing(name):
            facts = self._whole(name) or self._download(name, access)
            os.utime(self._facts_file(name))  # the time of the last use, for age_out
            return self._cached(name, facts)

    def find(self, name: str) -> CachedBase:
        """Return the base of this name, which a disk stands on; raises DriverError when it is gone or damaged."""
        if not _NAME.fullmatch(name):
            raise DriverError(f"{name!r} is no name of a cached image.")
        with self._changing(name):
            facts = self._whole(name)
            if facts is None:
                raise DriverError(f"The cached image {name} is gone, and with it the disks that stand on it.")
            return self._cached(name, facts)

    def age_out(self, older_than_s: float) -> list[str]:
        """Remove bases that no disk stands on and nobody has asked for since ``older_than_s``; return their names.

        ``older_than_s`` must be longer than the building of a disk takes: a base is not in use until its disk is there.
        """
        removed = []
        for facts_file in sorted(self.folder.glob("*" + _FACTS)):
            name = facts_file.name.removesuffix(_FACTS)
            with contextlib.suppress(FileNotFoundError), self._changing(name):
                if time.time() - facts_file.stat().st_mtime >= older_than_s and name not in self._in_use():
                    self._remove(name)
                    removed.append(name)
        self._remove_spoilt(older_than_s)
        return removed

    def checksum(self) -> list[str]:
        """Read every base whole; return the names of those that are not what they were. Takes minutes.

        A damaged base that no disk stands on is set aside, so that the next server downloads it again; one that is
        used is left for its disks and refused to new servers.
        """
        damaged = []
        for facts_file in sorted(self.folder.glob("*" + _FACTS)):
            name = facts_file.name.removesuffix(_FACTS)
            with self._changing(name):
                facts = self._facts(name)
                if facts and (self.folder / name).exists() and _sha256(self.folder / name) != facts.sha256:
                    LOG.error("The cached image %s is damaged.", name)
                    damaged.append(name)
                    self._spoil(name)
        return damaged

    @contextlib.contextmanager
    def _changing(self, name: str, *, wait: bool = True) -> Iterator[None]:
        with lockutils.lock(
            name,
            external=True,
            lock_path=str(self.folder / _LOCKS),
            do_log=False,
            semaphores=_SEMAPHORES,
            blocking=wait,
        ):
            yield

    def _facts_file(self, name: str) -> Path:
        return self.folder / (name + _FACTS)

    def _cached(self, name: str, facts: BaseFacts) -> CachedBase:
        return CachedBase(self.folder / name, name.rpartition(".")[2], facts.virtual_size)

    def _facts(self, name: str) -> BaseFacts | None:
        try:
            return msgspec.json.decode(self._facts_file(name).read_bytes(), type=BaseFacts)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _whole(self, name: str) -> BaseFacts | None:
        """Return the facts of a base that is here and is what it was; None when it is to be downloaded."""
        path, facts = self.folder / name, self._facts(name)
        if not path.exists():
            return None
        if facts is not None:
            status = path.stat()
            if (status.st_size, status.st_mtime_ns) == (facts.size, facts.mtime_ns):
                return facts
            if status.st_size == facts.size and _sha256(path) == facts.sha256:
                # Somebody has touched it, or it came back from a backup.
                os.utime(path, ns=(facts.mtime_ns, facts.mtime_ns))
                return facts
        self._spoil(name)
        if path.exists():
            raise DriverError(
                f"The cached image {name} of this host is damaged, and servers stand on it. Restore the file, or "
                "delete these servers."
            )
        return None

    def _spoil(self, name: str) -> None:
        """Set a damaged base aside, unless disks stand on it: then it only is no longer good for new ones."""
        path = self.folder / name
        if name in self._in_use():
            # The facts stay, so that a file that is restored is good again; a changed time makes each use look closer.
            os.utime(path)
            return
        LOG.error(
            "The cached image %s is damaged; it is kept as %s%s and will be downloaded again.", name, name, _SPOILT
        )
        path.replace(path.with_name(name + _SPOILT))
        durable.sync(self.folder)

    def _download(self, name: str, access: ImageAccess) -> BaseFacts:
        label = f"Image {access.image_id}"
        durable.need_space(self.folder, access.size or 0, keep_free=self._keep_free)
        try:
            with durable.making(self.folder / name, mode=_READ_ONLY) as part:
                with part.open("wb") as file:
                    self._transfer.fetch(access, file)
                part.chmod(_READ_ONLY)
                found = self._tool.examine(part, access.disk_format, name=label)
                facts = _facts_of(part, access.image_id, found.virtual_size)
                durable.write(self._facts_file(name), msgspec.json.encode(facts), mode=0o644)
        except BaseException:
            self._facts_file(name).unlink(missing_ok=True)
            raise
        return facts

    def _remove(self, name: str) -> None:
        # The bytes first: facts without bytes are no base.
        for path in (self.folder / name, self._facts_file(name)):
            path.unlink(missing_ok=True)
        durable.sync(self.folder)

    def _remove_spoilt(self, older_than_s: float) -> None:
        for path in self.folder.glob("*" + _SPOILT):
            if time.time() - path.stat().st_ctime >= older_than_s:
                path.unlink(missing_ok=True)


def _name_of(access: ImageAccess) -> str:
    """Return the file name of an image's base. Nothing that a user wrote gets into a path."""
    if access.disk_format not in FORMATS:
        raise BuildAbort(
            f"Image {access.image_id} is in the format {access.disk_format}; hosts of this cloud boot "
            f"{' and '.join(FORMATS)}."
        )
    if not _IMAGE_ID.fullmatch(access.image_id):
        raise BuildAbort(f"Image {access.image_id!r} has an id that is no uuid.")
    # The hash is in it: an image that was deleted and made anew under its old id is another one.
    hashed = (access.hash_value or "").lower()
    return f"{access.image_id}-{hashed[:16] if _HASH.fullmatch(hashed) else 'unhashed'}.{access.disk_format}"


def _facts_of(path: Path, image_id: str, virtual_size: int) -> BaseFacts:
    status = path.stat()
    return BaseFacts(
        image_id=image_id,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=_sha256(path),
        virtual_size=virtual_size,
    )


def _base_of(part: Path) -> str:
    return part.name.removesuffix(durable.PART).removesuffix(_FACTS)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
