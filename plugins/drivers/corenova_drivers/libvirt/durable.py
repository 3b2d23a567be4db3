"""Files that are there whole or not at all, whenever the process or the machine dies.

A file is made beside its place under the name ``*.part``, synced, and renamed. Who finds a ``*.part`` has found what a
dead process was making, and may write over it.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from corenova.exceptions import InsufficientResources

PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def making(path: Path, *, mode: int) -> Iterator[Path]:
    """Yield the path to make the file at; at the end of the block it is at ``path`` for good, with these permissions.

    When the block fails nothing is left of it. What an earlier process left is removed first. Raises
    InsufficientResources when the disk is full.
    """
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)
    try:
        with no_space_is_no_resource():
            yield part
            part.chmod(mode)
            sync(part)
            part.replace(path)
            sync(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Give ``path`` this content, in one step for whoever reads it."""
    with making(path, mode=mode) as part:
        part.write_bytes(content)


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def need_space(folder: Path, wanted: int, *, keep_free: int) -> None:
    """Raise InsufficientResources unless ``wanted`` bytes fit below ``folder`` and leave ``keep_free`` bytes."""
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    if free < wanted + keep_free:
        raise InsufficientResources(
            f"The disk of this host has {free >> 20} MiB free; {wanted + keep_free >> 20} MiB are needed."
        )


@contextlib.contextmanager
def no_space_is_no_resource() -> Iterator[None]:
    """Say of a full disk what the compute understands: that another host may take the guest."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InsufficientResources("The disk of this host is full.") from error
