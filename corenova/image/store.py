"""The embedded image store: what a server may be booted from, and where computes get and put the bytes.

POST /servers asks :meth:`EmbeddedImages.find_image` for every request, so an image is remembered for a second. Every
process that runs a service has one of these; only the API process has the bytes as well (:mod:`corenova.image.app`).
"""

import time
import uuid
from pathlib import Path

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.db import deployment, image_members
from corenova.db import images as rows
from corenova.db.engine import Database
from corenova.exceptions import Conflict, InvalidInput, NotFound, Unavailable
from corenova.image.files import Files
from corenova.image.uploads import Uploads, limits
from corenova.objects import tickets
from corenova.objects.context import RequestContext
from corenova.objects.image import ImageAccess
from corenova.objects.request_spec import ImageMeta

_CACHE_S = 1.0
_CACHE_SIZE = 1024
_SEEDED = "images_seeded"
_TICKET_KEY = "image_ticket_key"
_URL = "image_url"
_FOR_ALL = ("public", "community")


class _Known(msgspec.Struct, frozen=True):
    """An image that is remembered ``until`` (monotonic), with the projects that it is shared with."""

    until: float
    image: rows.Image
    meta: ImageMeta
    members: frozenset[str]


class EmbeddedImages:
    """Implements corenova.contracts.image.ImageBackend over the database and a folder."""

    contract_version = (1, 0)
    db: Database
    files: Files
    uploads: Uploads

    def start(self, db: Database, conf: cfg.ConfigOpts) -> None:
        """Take what belongs to this process; writes nothing."""
        self.db = db
        self.section = conf.image
        self.files = Files(Path(self.section.filesystem_store_datadir or Path(conf.state_path) / "images"))
        self.uploads = Uploads(db, self.files, limits(self.section), self.forget)
        self._cache: dict[str, _Known] = {}
        self._changes = 0
        self._key: str | None = None

    def serve(self, url: str) -> None:
        """Serve the bytes: tell all processes where, share the key of tickets, remove what dead uploads have left.

        :param url: scheme, host and port under which computes reach it.
        """
        url = (self.section.internal_url or url).rstrip("/")

        def tell(connection: sa.Connection) -> str:
            if deployment.settle(connection, _URL, url) != url:
                deployment.put(connection, _URL, url)
            return deployment.settle(connection, _TICKET_KEY, tickets.new_key())

        self._key = self.db.write("image.serve", tell)
        self.files.sweep(lambda: self.db.write("image.sweep", rows.settle_uploads))

    def find_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return what placement and drivers need to know of an image.

        :raises NotFound: there is no such image, or this project may not see it.
        :raises InvalidInput: it is not active.
        """
        known = self._cache.get(image_id)
        if known is None or known.until < time.monotonic():
            known = self._load(image_id)
        _check_visible(known, project_id, is_admin)
        if known.image.status != "active":
            raise InvalidInput(f"Image {image_id} is not active.")
        return known.meta

    def get_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> rows.Image:
        """Return an image in whatever status, as it is now; raises NotFound."""
        known = self._load(image_id)
        _check_visible(known, project_id, is_admin)
        return known.image

    def forget(self, image_id: str) -> None:
        """Do not believe what is remembered of an image: its row has changed."""
        self._changes += 1
        self._cache.pop(image_id, None)

    def _load(self, image_id: str) -> _Known:
        changes = self._changes
        known = self.db.read(lambda connection: _known(connection, image_id))
        if len(self._cache) >= _CACHE_SIZE:
            self._cache = {}
        if changes == self._changes:  # else what was read may be of before the change
            self._cache[image_id] = known
        return known

    # What conductors ask, inside their own transactions.

    def reading(self, connection: sa.Connection, image_id: str) -> ImageAccess | None:
        """Return leave to read an image; None when it is gone or has no bytes.

        One that was deactivated meanwhile can be read: the server was accepted before.
        """
        image = _row(connection, image_id)
        if image is None or not image.has_bytes:
            return None
        return self._access(connection, image, tickets.READ)

    def writing(self, connection: sa.Connection, image_id: str) -> ImageAccess | None:
        """Return leave to write the bytes of a queued image; None when it is gone or has bytes already."""
        image = _row(connection, image_id)
        if image is None or image.status not in ("queued", "saving"):
            return None
        return self._access(connection, image, tickets.WRITE)

    def has_bytes(self, connection: sa.Connection, image_id: str) -> bool:
        """Tell whether an image has all its bytes."""
        image = _row(connection, image_id)
        return image is not None and image.has_bytes

    def new_snapshot(
        self,
        connection: sa.Connection,
        context: RequestContext,
        image_id: str,
        name: str,
        properties: dict[str, str],
        **facts: int,
    ) -> None:
        """Make the queued image that a snapshot will fill; again is harmless.

        :param facts: ``min_disk`` in GiB and ``min_ram`` in MiB.
        :raises Conflict: somebody else has, or had, an image of this id.
        :raises OverQuota: the project may not have more.
        """
        image = rows.Image(
            uuid=image_id,
            name=name,
            owner=context.project_id,
            status="queued",
            visibility="private",
            disk_format=None,
            container_format="bare",
            properties=properties,
            **facts,
        )
        there = _row(connection, image_id)
        if there is None:
            rows.add(connection, image, most=self.section.quota_images)
        elif there.owner != image.owner:
            raise Conflict(f"Image ID {image_id} already exists!")

    def give_up(self, connection: sa.Connection, image_id: str) -> None:
        """Remove the image of a failed snapshot, unless it has all its bytes. No error when it is gone."""
        image = _row(connection, image_id, lock=True)
        if image is not None and not image.has_bytes:
            rows.remove(connection, image_id)
            self.forget(image_id)

    def admits(self, ticket: str, image_id: str, verb: str) -> bool:
        """Tell whether a ticket opens the bytes of this image for ``verb`` now; for the process that serves them."""
        return self._key is not None and tickets.check(self._key, ticket, image_id, verb, now=time.time())

    def _access(self, connection: sa.Connection, image: rows.Image, verb: str) -> ImageAccess:
        url, key = deployment.get(connection, _URL), deployment.get(connection, _TICKET_KEY)
        if url is None or key is None:
            raise Unavailable("No API process has ever been started, so nobody serves the bytes of images.")
        ticket = tickets.make(key, image.uuid, verb, int(time.time()) + self.section.ticket_lifetime_s)
        return ImageAccess(
            image_id=image.uuid,
            url=f"{url}/image/v2/images/{image.uuid}/file",
            headers={tickets.HEADER: ticket},
            size=image.size,
            disk_format=image.disk_format or "raw",
            hash_algo=image.os_hash_algo,
            hash_value=image.os_hash_value,
        )


def meta_of(image: rows.Image) -> ImageMeta:
    """Return the part of an image that travels with a request."""
    return ImageMeta(
        id=image.uuid,
        name=image.name or "",
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        size=image.size,
        virtual_size=image.virtual_size,
        disk_format=image.disk_format or "raw",
        container_format=image.container_format or "bare",
        properties=image.properties,
    )


def _row(connection: sa.Connection, image_id: str, *, lock: bool = False) -> rows.Image | None:
    try:
        return rows.get(connection, image_id, lock=lock)
    except NotFound:
        return None


def _known(connection: sa.Connection, image_id: str) -> _Known:
    image = rows.get(connection, image_id)
    members = image_members.of_image(connection, image_id) if image.visibility == "shared" else ()
    return _Known(
        time.monotonic() + _CACHE_S, image, meta_of(image), frozenset(one.member for one in members)
    )  # whatever a member has answered: an offer that was rejected can still be looked at


def _check_visible(known: _Known, project_id: str, is_admin: bool) -> None:
    image = known.image
    if not (is_admin or image.owner == project_id or image.visibility in _FOR_ALL or project_id in known.members):
        raise NotFound(f"No image found with ID {image.uuid}")


def seed(db: Database, owner: str) -> None:
    """Give a new deployment its first image, ``cirros``. Again, and by two processes at once, is harmless.

    :param owner: id of the project that owns it; the image is public.
    """
    me = str(uuid.uuid4())
    if db.read(lambda connection: deployment.get(connection, _SEEDED)):
        return
    image = rows.Image(
        uuid=me,
        name="cirros",
        owner=owner,
        status="active",
        visibility="public",
        disk_format="qcow2",
        container_format="bare",
        # There are no bytes yet, and this says so; checksum and hash stay empty for the same reason.
        size=0,
    )

    def work(connection: sa.Connection) -> None:
        if deployment.settle(connection, _SEEDED, me) == me:
            rows.add(connection, image)

    db.write("image.seed", work)
