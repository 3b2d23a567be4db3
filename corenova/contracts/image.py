"""The image contract: what a server may be booted from, and where computes find the bytes.

The embedded service (corenova/image) answers it from the database and a folder; a backend over Glance would ask its
HTTP API. Chosen by ``[image] backend``, an entry point of ``corenova.image.backends``.

A backend is called through a guard. The errors that are named here, whatever else of corenova.exceptions, and errors of
the database are answers. Anything else that a verb raises, or returns in another type, is a fault: the request gets 503
and its transaction is rolled back; the log and the backend's account have the details. A verb that fails call after
call is refused at once for a while. **A verb that hangs holds its transaction and cannot be ended from outside**; an
alarm tells of it after ``[plugins] plugin_timeout_s``, so a backend sets time limits of its own for whatever it asks.
"""

from typing import Any, BinaryIO, Protocol

from corenova.objects.context import RequestContext
from corenova.objects.image import ImageAccess
from corenova.objects.request_spec import ImageMeta

CONTRACT_VERSION = (1, 0)


class ImageBackend(Protocol):
    """What the compute side asks of an image service. Called from many threads at once.

    ``connection`` is the open transaction of the database; a backend must neither commit it nor keep it. One that lives
    elsewhere ignores it, and must then be prepared for the transaction to be rolled back after the call. A transaction
    that fails is tried again, so every verb may be called twice with the same arguments; the second time does no harm.
    """

    def start(self, db: Any, conf: Any) -> None:
        """Called once in each process with a database, before anything else; writes nothing. Any error stops the start.

        :param db: the corenova.db.engine.Database of this process.
        :param conf: its configuration (oslo_config.cfg.ConfigOpts).
        """
        ...

    def find_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return the facts of an image that a server of this project may be booted from.

        Called in the API for every server that is asked for, outside of a transaction, so an answer may be a second old
        and must then cost microseconds.
        Raises NotFound when there is no such image or this project may not see it, InvalidInput when it is not
        active, Unavailable when the service behind it cannot be asked.
        """
        ...

    def reading(self, connection: Any, image_id: str) -> ImageAccess | None:
        """Return leave to read an image, for a compute that is to boot a server from it; called by a conductor with the
        order for it. While Unavailable is raised, the order waits.

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
        Called in the API, in the transaction of the request. Again, with the same ``image_id``, is harmless.

        :param facts: ``min_disk`` and ``min_ram`` of the server's flavor and image.
        :raises OverQuota: the project may not have more.
        """
        ...

    def writing(self, connection: Any, image_id: str) -> ImageAccess | None:
        """Return leave to write the bytes of a queued image; None when it is gone or has bytes already. Called by a
        conductor with the order for a snapshot, again when that is given out again."""
        ...

    def has_bytes(self, connection: Any, image_id: str) -> bool:
        """Tell whether an image has all its bytes: a snapshot that was uploaded need not be made again. Called
        where ``writing`` returned None."""
        ...

    def give_up(self, connection: Any, image_id: str) -> None:
        """A snapshot has failed, or its server is deleted: remove its image, unless it has all its bytes. No error when
        it is gone. Called in the transaction that ends the snapshot."""
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
