"""An upload: from the first byte on the wire to the commit that makes the image active.

The row is taken first, with a lease. Bytes go to a file of their own while they are hashed and inspected; when they
are on the disk and found to be good, one transaction names the file and makes the image active. A process that dies
anywhere before leaves a file that no row names, and a lease that ends.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
from oslo_config import cfg

from corenova.crash import crash_point
from corenova.db import images as rows
from corenova.db import quotas
from corenova.db.engine import Database
from corenova.exceptions import Conflict, CorenovaError, InvalidInput, TooLarge, Unavailable
from corenova.image.faults import Gone
from corenova.image.files import Files
from corenova.image.formats import Inspection
from corenova.objects.context import new_uuid

LOG = logging.getLogger(__name__)
_PIECE = 128 * 1024
"""So little is read at once that a slow client still fills it within a lease, which only then is prolonged."""
GB = 1024**3


class Stream(Protocol):
    """Where the bytes of a request come from (``wsgi.input``)."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        ...


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be uploaded, in bytes; ``project`` is -1 when a project may have any amount."""

    upload: int
    virtual: int
    project: int
    lease_s: float


def limits(section: cfg.ConfigOpts) -> Limits:
    """Return the limits that ``[image]`` sets."""
    project = quotas.UNLIMITED if section.quota_size_gb < 0 else int(section.quota_size_gb * GB)
    return Limits(
        upload=int(section.max_image_size_gb * GB),
        virtual=int(section.max_virtual_size_gb * GB),
        project=project,
        lease_s=section.upload_lease_s,
    )


class Body:
    """The bytes of one request, in small pieces.

    :param length: how many there must be; None when the request does not say (chunked).
    :param told: how many the client says there are; None when it does not.
    :param most: how many there may be.
    :raises TooLarge: there must be more.
    """

    def __init__(self, stream: Stream, *, length: int | None, most: int, told: int | None = None):
        self._stream = stream
        self._most = most
        self._told = told
        self.length = length
        self.size = 0
        if (length or told or 0) > most:
            raise self._too_large()

    def __iter__(self) -> Iterator[bytes]:
        """Yield all bytes; raises TooLarge, and InvalidInput when they end too early."""
        while self.length is None or self.size < self.length:
            chunk = self._read(_PIECE if self.length is None else min(_PIECE, self.length - self.size))
            if not chunk:
                break
            self.size += len(chunk)
            if self.size > self._most:
                raise self._too_large()
            yield chunk
        if self.length is not None and self.size < self.length:
            raise InvalidInput(f"The upload broke off after {self.size} of {self.length} bytes.")
        if self._told not in (None, self.size):
            raise InvalidInput(f"{self.size} bytes were sent, but X-OpenStack-Image-Size says {self._told}.")

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, ValueError) as error:  # the client is gone, or what it sends is not chunked as it should be
            raise InvalidInput(f"The upload broke off after {self.size} bytes: {error}") from None

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The image is larger than the {self._most} bytes that [image] max_image_size_gb allows.")


class Uploads:
    """Takes the bytes of images in.

    :param forget: called with an image's id when its row has changed.
    """

    def __init__(self, db: Database, files: Files, limits: Limits, forget: Callable[[str], None]):
        self.limits = limits
        self._db = db
        self._files = files
        self._forget = forget

    def receive(self, image_id: str, body: Body, *, disk_format: str | None = None) -> None:
        """Make an image active with the bytes of ``body``. After an error it is as it was, and the bytes are gone.

        :param disk_format: of the bytes, when the image does not say yet.
        :raises NotFound: there is no such image.
        :raises Conflict: it has bytes already, or another upload is under way.
        :raises InvalidInput: the bytes are not what they should be, are not safe, or ended too early.
        :raises TooLarge, OverQuota: there are more of them than is allowed.
        :raises Gone: the image was deleted, or given to another upload, meanwhile.
        :raises Unavailable: the disk is full, or the database cannot be reached.
        """
        upload_id = new_uuid()
        before = self._db.write("image.upload.begin", lambda c: self._begin(c, image_id, upload_id, body, disk_format))
        self._forget(image_id)
        try:
            if before.upload_id:  # of an uploader that has died
                self._files.remove(image_id, before.upload_id)
            image = msgspec.structs.replace(before, upload_id=upload_id)
            self._finish(image, self._take_in(image, body))
        except Exception as error:
            self._give_back(image_id, upload_id)
            if isinstance(error, OSError):
                raise Unavailable(f"The image store cannot take the image: {error.strerror}.") from error
            raise
        finally:
            self._forget(image_id)

    def _begin(
        self, connection: object, image_id: str, upload_id: str, body: Body, disk_format: str | None
    ) -> rows.Image:
        image = rows.get(connection, image_id, lock=True)
        if disk_format is not None and image.status == "queued":
            image = msgspec.structs.replace(image, disk_format=disk_format)
            rows.update(connection, image)
        missing = [name for name in ("disk_format", "container_format") if getattr(image, name) is None]
        if missing:
            raise InvalidInput(f"Properties {', '.join(missing)} must be set prior to saving data.")
        if self.limits.project != quotas.UNLIMITED:
            rows.check_room(connection, image.owner, body.length or 0, most=self.limits.project)
        if not rows.begin_upload(connection, image_id, upload_id, lease_s=self.limits.lease_s):
            raise Conflict(f"Image status transition from {image.status} to saving is not allowed")
        return image

    def _take_in(self, image: rows.Image, body: Body) -> rows.Content:
        """Write, hash and inspect all bytes, while the lease is kept alive."""
        md5, sha512 = hashlib.md5(usedforsecurity=False), hashlib.sha512()
        inspection = Inspection()
        extend_at = time.monotonic() + self.limits.lease_s / 3
        with self._files.create(image.uuid, image.upload_id) as file:
            for chunk in body:
                _write(file, chunk)
                md5.update(chunk)
                sha512.update(chunk)
                inspection.eat(chunk)
                if time.monotonic() > extend_at:
                    # What is on the disk already cannot make the last sync longer than the lease.
                    os.fdatasync(file.fileno())
                    self._extend(image)
                    extend_at = time.monotonic() + self.limits.lease_s / 3
            virtual_size = inspection.finish(image.disk_format, image.container_format)
            if virtual_size > self.limits.virtual:
                raise InvalidInput(
                    f"The disk in the image has {virtual_size} bytes, more than the {self.limits.virtual} that "
                    "[image] max_virtual_size_gb allows."
                )
            self._files.seal(file)
        crash_point("image.upload.sealed")
        return rows.Content(
            size=body.size, virtual_size=virtual_size, checksum=md5.hexdigest(), os_hash_value=sha512.hexdigest()
        )

    def _extend(self, image: rows.Image) -> None:
        ids, lease_s = (image.uuid, image.upload_id), self.limits.lease_s
        if not self._db.write("image.upload.extend", lambda c: rows.extend_upload(c, *ids, lease_s=lease_s)):
            raise _lost(image.uuid)

    def _finish(self, image: rows.Image, content: rows.Content) -> None:
        ids, most = (image.uuid, image.upload_id), self.limits.project
        if not self._db.write("image.upload.finish", lambda c: rows.finish_upload(c, *ids, content, most=most)):
            raise _lost(image.uuid)

    def _give_back(self, image_id: str, upload_id: str) -> None:
        """Undo: the row first, because bytes may go only when it is certain that no row names them."""
        try:
            if self._db.write("image.upload.abandon", lambda c: rows.abandon_upload(c, image_id, upload_id)):
                self._files.remove(image_id, upload_id)
        except (CorenovaError, OSError) as error:
            LOG.warning("What upload %s has left of image %s goes at the next start: %s", upload_id, image_id, error)


def _write(file: object, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _lost(image_id: str) -> Gone:
    return Gone(f"Image {image_id} could not be found after upload. The image may have been deleted during the upload.")
