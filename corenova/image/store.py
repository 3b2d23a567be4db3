"""The embedded image store: what a server may be booted from, and which images a project sees.

POST /servers asks :meth:`ImageStore.find_image` for every request, so an image is remembered for a second.
"""

import time
import uuid

from corenova.db import deployment
from corenova.db import images as rows
from corenova.db.engine import Database
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.request_spec import ImageMeta

_CACHE_S = 1.0
_CACHE_SIZE = 1024
_FACT = "images_seeded"
# Shared images would need a table of who may; until there is one, they are as private.
_FOR_ALL = ("public", "community")


class ImageStore:
    """Implements corenova.contracts.image.ImageBackend over the database."""

    def __init__(self, db: Database):
        self.db = db
        self._cache: dict[str, tuple[float, rows.Image, ImageMeta]] = {}

    def find_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> ImageMeta:
        """Return what placement and drivers need to know of an image.

        :raises NotFound: there is no such image, or this project may not see it.
        :raises InvalidInput: it is not active.
        """
        _, image, meta = self._look(image_id, project_id, is_admin)
        if image.status != "active":
            raise InvalidInput(f"Image {image_id} is not active.")
        return meta

    def get_image(self, image_id: str, project_id: str, *, is_admin: bool = False) -> rows.Image:
        """Return an image in whatever status; raises NotFound."""
        return self._look(image_id, project_id, is_admin)[1]

    def _look(self, image_id: str, project_id: str, is_admin: bool) -> tuple[float, rows.Image, ImageMeta]:
        known = self._cache.get(image_id)
        if known is None or known[0] < time.monotonic():
            known = self._load(image_id)
        image = known[1]
        if not (is_admin or image.owner == project_id or image.visibility in _FOR_ALL):
            raise NotFound(f"No image found with ID {image_id}")
        return known

    def _load(self, image_id: str) -> tuple[float, rows.Image, ImageMeta]:
        image = self.db.read(lambda connection: rows.get(connection, image_id))
        known = (time.monotonic() + _CACHE_S, image, meta_of(image))
        if len(self._cache) >= _CACHE_SIZE:
            self._cache = {}
        self._cache[image_id] = known
        return known


def meta_of(image: rows.Image) -> ImageMeta:
    """Return the part of an image that travels with a request."""
    return ImageMeta(
        id=image.uuid,
        name=image.name,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        size=image.size,
        disk_format=image.disk_format,
        container_format=image.container_format,
        properties=image.properties,
    )


def seed(db: Database, owner: str) -> None:
    """Give a new deployment its first image, ``cirros``. Again, and by two processes at once, is harmless.

    :param owner: id of the project that owns it; the image is public.
    """
    me = str(uuid.uuid4())
    if db.read(lambda connection: deployment.get(connection, _FACT)):
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

    def work(connection) -> None:
        if deployment.settle(connection, _FACT, me) == me:
            rows.add(connection, image)

    db.write("image.seed", work)
