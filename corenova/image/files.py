"""The folder in which the bytes of images are: one file an upload, named after the image and the upload.

Two uploads to one image never meet in a file, so an uploader that was given up for dead can spoil nothing when it
wakes. Which file is the image's says its row; a file that no row names is waste, whoever left it.
"""

import contextlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from corenova.exceptions import NotFound

LOG = logging.getLogger(__name__)
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(rf"({_UUID})\.({_UUID})")


class Files:
    """The bytes of images below ``folder``, which is made for the first of them."""

    def __init__(self, folder: Path):
        self._folder = folder

    def path(self, image_id: str, upload_id: str) -> Path:
        """Return where the bytes of an upload are; both ids are UUIDs, so no user's text gets into a path."""
        name = f"{image_id}.{upload_id}"
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name} is not made of two UUIDs")
        return self._folder / name

    def create(self, image_id: str, upload_id: str) -> BinaryIO:
        """Return a new, empty file to write to."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        opened = os.open(self.path(image_id, upload_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        return os.fdopen(opened, "wb", buffering=0)

    def seal(self, file: BinaryIO) -> None:
        """Return when all that was written survives a power cut."""
        os.fsync(file.fileno())
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def open(self, image_id: str, upload_id: str) -> BinaryIO:
        """Return a file to read from; it can be read to its end whatever becomes of the image. Raises NotFound."""
        try:
            return open(self.path(image_id, upload_id), "rb")
        except FileNotFoundError:
            LOG.error("The bytes of image %s are not in %s", image_id, self._folder)
            raise NotFound(f"The bytes of image {image_id} are not in the store.") from None

    def remove(self, image_id: str, upload_id: str) -> None:
        """Remove the bytes of an upload; no error when there are none."""
        self.path(image_id, upload_id).unlink(missing_ok=True)

    def sweep(self, needed: Callable[[], set[tuple[str, str]]]) -> list[str]:
        """Remove the files that nobody needs, and return their names; files of other names are not ours.

        :param needed: returns ``(image_id, upload_id)`` of what is in use. It is asked after the folder was read: a
            file that comes later belongs to somebody who is at work now.
        """
        found = {}
        with contextlib.suppress(FileNotFoundError):
            found = {name: match.groups() for name in os.listdir(self._folder) if (match := _NAME.fullmatch(name))}
        if not found:
            needed()
            return []
        kept = needed()
        waste = sorted(name for name, ids in found.items() if ids not in kept)
        for name in waste:
            (self._folder / name).unlink(missing_ok=True)
            LOG.info("Removed %s, which no image needs", name)
        return waste
