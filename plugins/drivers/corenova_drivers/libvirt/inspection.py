"""What the bytes of an image or a disk say, before anything else is allowed to look at them.

Every one is hostile until then: a qcow2 file can name any file of the host as its backing or data file, and a guest can
write such a header into a raw disk. Reads the head of the file and starts no program; for imagetool.py alone.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from oslo_utils.imageutils import format_inspector

from corenova.exceptions import BuildAbort, DriverError

# What a file of each format may look like. A partition table or an ISO file system is no format to qemu but the
# content of a raw disk.
FORMATS = {"raw": {"raw", "gpt", "iso"}, "qcow2": {"qcow2"}}
_REASONS = {
    "backing_file": "it has a backing file",
    "data_file": "it has an external data file",
    "unknown_features": "it uses qcow2 features that are not known to be safe",
}
_SECTOR = 512
_CHUNK = 65536


class ImageFacts(NamedTuple):
    """What the bytes of an image say. Sizes in bytes: ``virtual_size`` for the guest, ``actual_size`` on the disk."""

    format: str
    virtual_size: int
    actual_size: int


class CachedBase(NamedTuple):
    """An image that overlays stand on, inspected; nobody writes to it. ``virtual_size`` in bytes."""

    path: Path
    format: str
    virtual_size: int


def inspect(
    path: Path, declared: str, *, name: str, most_virtual_bytes: int, backing: CachedBase | None = None
) -> ImageFacts:
    """Return the facts of an image that is what it was declared as and refers to no other file than ``backing``.

    :param name: what to call it in errors, which users read.
    :raises BuildAbort: it is anything else; DriverError when it cannot be read, or is no regular file.
    """
    check_format(declared, name)
    with _open(path, name) as file:
        status = os.fstat(file.fileno())
        if status.st_size < _SECTOR:
            raise BuildAbort(f"{name} cannot be used: it is too short to be a disk.")
        found = _detect(file, name)
        looks = {str(inspector) for inspector in found}
        if not looks <= FORMATS[declared]:
            raise BuildAbort(
                f"{name} cannot be used: it was declared as {declared}, but its content is "
                f"{' and '.join(sorted(looks))}."
            )
        size = status.st_size if declared == "raw" else _look_into_qcow2(file, found[0], name, backing)
    check_size(size, name, most_virtual_bytes)
    return ImageFacts(declared, size, status.st_blocks * 512)


def check_format(disk_format: str, name: str) -> None:
    """Raise BuildAbort for a format that is not used here."""
    if disk_format not in FORMATS:
        raise BuildAbort(f"{name} cannot be used: its format is {disk_format}; use {' or '.join(FORMATS)}.")


def check_size(size_bytes: int, name: str, most_bytes: int) -> None:
    """Raise BuildAbort for a size that no disk may have."""
    if not 0 < size_bytes <= most_bytes:
        raise BuildAbort(
            f"{name} cannot be used: a disk of {size_bytes} bytes is not between 1 and {most_bytes} bytes."
        )


def _open(path: Path, name: str) -> BinaryIO:
    """Open a regular file for reading, never what a symbolic link points to."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DriverError(f"{name} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DriverError(f"{name} is no regular file.")
    return os.fdopen(descriptor, "rb")


def _detect(file: BinaryIO, name: str) -> list[format_inspector.FileInspector]:
    """Return what the content may be: raw alone, or whatever is not raw."""
    own = os.fdopen(os.dup(file.fileno()), "rb")  # it is closed by the wrapper
    wrapper = format_inspector.InspectWrapper(own)
    try:
        while wrapper.formats is None and wrapper.read(_CHUNK):
            pass
        wrapper.close()
        return wrapper.formats or []
    except format_inspector.ImageFormatError as error:
        raise BuildAbort(f"{name} cannot be used: {error}.") from error
    finally:
        own.close()


def _look_into_qcow2(
    file: BinaryIO, inspector: format_inspector.FileInspector, name: str, backing: CachedBase | None
) -> int:
    """Return the virtual size, if it is safe: it refers to no file but ``backing``."""
    if backing is not None:
        inspector = _OverlayInspector()
        inspector.eat_chunk(os.pread(file.fileno(), _SECTOR, 0))
        inspector.finish()
        if _backing_name(file, inspector) != os.fsencode(backing.path):
            raise BuildAbort(f"{name} cannot be used: it does not stand on the image that it was made from.")
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        reasons = " and ".join(_REASONS.get(failure, failure) for failure in sorted(error.failures))
        raise BuildAbort(f"{name} cannot be used: {reasons}.") from error
    except format_inspector.ImageFormatError as error:
        raise BuildAbort(f"{name} cannot be used: {error}.") from error
    return inspector.virtual_size


class _OverlayInspector(format_inspector.QcowInspector):
    """All checks but one: a disk of ours stands on something, and on what is compared by whoever knows it."""

    def check_backing_file(self) -> None:
        pass


def _backing_name(file: BinaryIO, inspector: format_inspector.FileInspector) -> bytes:
    header = inspector.qemu_header_info
    # qcow2 allows no longer name, and qemu puts it into the first cluster.
    return os.pread(file.fileno(), min(header["bf_sz"], 1023), min(header["bf_offset"], 2 << 20))
