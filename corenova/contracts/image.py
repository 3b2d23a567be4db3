"""The image contract: what a server may be booted from, and where computes find the bytes.

The embedded service (corenova/image) answers it from the database and a folder; a backend over Glance would ask its
HTTP API. Chosen by ``[image] backend``, an entry point of ``corenova.image.backends``.
"""

from typing import Any, BinaryIO, Protocol

from corenova.objects.context import RequestContext
from corenova.objects.image import ImageAccess
from corenova.objects.request_spec import ImageMeta

CONTRACT_VERSION = (1, 0)


class ImageBackend(Protocol):
    """What the compute side asks of an image service. Called from many threads at once.

    ``connection`` is the open transaction of the database; a backend that lives elsewhere ignores it, and must then be
    prepared for the transaction to be rolled back after the call.
    """

    def start(self, db: Any, conf: Any) -> None:
        """Called once, before anything else.

        :param db: the corenova.db.engine.Database of this process.
        :param conf: its configuration (oslo_config.cfg.ConfigOpts).
        """
        ...

    def find_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return the facts of an image that a server of this project may be booted from.

        Called for every server that is asked for, so an answer may be a second old and must then cost microseconds.
        Raises NotFound when there is no such image or this project may not see it, InvalidInput when it is not
        active, Unavailable when the service behind it cannot be asked.
        """
        ...

    def reading(self, connection: Any, image_id: str) -> ImageAccess | None:
        """Return leave to read an image, for a compute that is to boot a server from it.

        None when there are no bytes: the image is gone, or it is one of the fake cloud's without content.
        """
        ...

    def new_snapshot(
        self,
        connection: Any,
        context: RequestContext,
        image_id: str,
        name: str,
        properties: dict[str, str],
        **facts: Any,
    ) -> None:
        """Make the image that a snapshot of a server will fill; it is ``queued`` and belongs to the caller's project.

        :param facts: ``min_disk`` and ``min_ram`` of the server's flavor and image.
        :raises OverQuota: the project may not have more.
        """
        ...

    def writing(self, connection: Any, image_id: str) -> ImageAccess | None:
        """Return leave to write the bytes of a queued image; None when it is gone or has bytes already."""
        ...

    def has_bytes(self, connection: Any, image_id: str) -> bool:
        """Tell whether an image has all its bytes: a snapshot that was uploaded need not be made again."""
        ...

    def give_up(self, connection: Any, image_id: str) -> None:
        """A snapshot has failed: remove its image, unless it has all its bytes. No error when it is gone."""
        ...


class ImageTransfer(Protocol):
    """What a driver uses to move the bytes of images; the compute hands it over (DriverContext.images)."""

    def fetch(self, access: ImageAccess, file: BinaryIO) -> None:
        """Write all bytes of the image to ``file``, and hold size and hash against what ``access`` says.

        Raises BuildAbort when the image is gone or is not what it should be, Unavailable when it cannot be had now.
        """
        ...

    def send(self, access: ImageAccess, file: BinaryIO, *, disk_format: str) -> None:
        """Upload the bytes of ``file`` (from its position to its end).

        Raises DriverError when they are refused, Unavailable when the image service cannot be reached.
        """
        ...
