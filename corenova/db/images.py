"""Rows of the embedded image service. Which images a project sees in a list is decided here, in the query.

An upload holds a lease on its row (``upload_id``, ``upload_until``). A lease that is over is no lease: whoever reads
such a row sees ``queued``, so an uploader that died needs nobody to clean up after it.
"""

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db import pages, quotas, schema
from corenova.db.engine import for_update, now
from corenova.exceptions import Conflict, NotFound, OverQuota

_TABLE = schema.images
_MEMBERS = schema.image_members
_GONE = "deleted"


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image. ``checksum`` and the hash are None when there are no bytes.

    :param upload_id: of the upload that the bytes are of, or of the one under way.
    """

    uuid: str
    name: str | None
    owner: str
    status: str
    visibility: str
    disk_format: str | None
    container_format: str | None
    size: int | None = None
    virtual_size: int | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    os_hidden: bool = False
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    properties: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    upload_id: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def has_bytes(self) -> bool:
        """Whether all its bytes are in the store; an image of the fake cloud is active without any."""
        return self.status in ("active", "deactivated") and self.upload_id is not None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload has found out about its bytes; under the names of the columns."""

    size: int
    virtual_size: int
    checksum: str
    os_hash_value: str
    os_hash_algo: str = "sha512"


class ImageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which images, in which order.

    :param project_id: who looks; ``is_admin`` sees the images of all projects.
    :param visibility: one kind, ``all`` for community images too, or None for what a project usually wants to see.
    :param member_status: of the images that others share with the project: those that it has ``accepted``, or ``all``.
    :param one_of: for a column the values of which an image must have one.
    :param properties: properties that an image must have with these values.
    :param tags: tags that an image must have, all of them.
    :param sort: columns of SORT_KEYS, each with whether it descends; the newest comes first among equals.
    :param marker: the last image of the page before.
    """

    project_id: str
    is_admin: bool = False
    visibility: str | None = None
    member_status: str = "accepted"
    one_of: dict[str, tuple[object, ...]] = {}
    properties: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    size_min: int | None = None
    size_max: int | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    marker: str | None = None
    limit: int = 25


SORT_KEYS = (
    "id", "name", "owner", "status", "visibility", "disk_format", "container_format", "size", "min_disk", "min_ram",
    "created_at", "updated_at",
)  # fmt: skip
_IS_STALE = sa.and_(_TABLE.c.status == "saving", _TABLE.c.upload_until < now())
_STATUS = sa.case((_IS_STALE, "queued"), else_=_TABLE.c.status).label("status")
_COLUMNS = [_STATUS if field == "status" else _TABLE.c[field] for field in Image.__struct_fields__]
_BY_NAME = {"id": _TABLE.c.uuid, **{column.name: column for column in _COLUMNS}, "status": _STATUS.element}
# Databases disagree on where NULL sorts, and a page after NULL cannot be asked for.
_BY_SORT_KEY = {
    **_BY_NAME,
    "size": sa.func.coalesce(_TABLE.c.size, -1),
    **{name: sa.func.coalesce(_TABLE.c[name], "") for name in ("name", "disk_format", "container_format")},
}
_EDITABLE = (
    "name", "owner", "visibility", "disk_format", "container_format", "min_disk", "min_ram", "protected", "os_hidden",
    "properties", "tags",
)  # fmt: skip
_SELECT = sa.select(*_COLUMNS).where(_TABLE.c.uuid == sa.bindparam("of_uuid"), _TABLE.c.status != _GONE)


def get(connection: sa.Connection, uuid: str, *, lock: bool = False) -> Image:
    """Return an image, whoever owns it; raises NotFound.

    :param lock: keep others from changing it until the commit.
    """
    select = for_update(_SELECT, connection) if lock else _SELECT
    row = connection.execute(select, {"of_uuid": uuid}).first()
    if row is None:
        raise NotFound(f"No image found with ID {uuid}")
    return _image(row)


def add(connection: sa.Connection, image: Image, *, most: int = quotas.UNLIMITED) -> None:
    """Insert an image; its times are those of the database.

    :param most: how many images its owner may have.
    :raises Conflict: there is, or was, an image of this id.
    :raises OverQuota: the owner has ``most`` images already.
    """
    if most != quotas.UNLIMITED:
        used, _ = _usage(connection, image.owner)
        if used >= most:
            raise OverQuota(f"Quota exceeded for images: the project has {used} of {most}. Delete one first.")
    values = {**_values(image, Image.__struct_fields__), "created_at": now(), "updated_at": now()}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(_TABLE).values(**values))
    except db_error.DBDuplicateEntry:
        raise Conflict(f"Image ID {image.uuid} already exists!") from None


def update(connection: sa.Connection, image: Image) -> None:
    """Write what a user may change of an image that :func:`get` has locked."""
    values = {**_values(image, _EDITABLE), "updated_at": now()}
    connection.execute(sa.update(_TABLE).where(_TABLE.c.uuid == image.uuid).values(**values))


def move(connection: sa.Connection, uuid: str, before: str, after: str) -> bool:
    """Change the status from ``before`` to ``after``; tells whether it was ``before``."""
    moved = sa.update(_TABLE).where(_TABLE.c.uuid == uuid, _TABLE.c.status == before)
    return connection.execute(moved.values(status=after, updated_at=now())).rowcount == 1


def remove(connection: sa.Connection, uuid: str) -> None:
    """Delete an image, with its members; no error when it is gone. Nobody gets its id again."""
    connection.execute(sa.delete(_MEMBERS).where(_MEMBERS.c.image_uuid == uuid))
    emptied = {"properties": "{}", "tags": None, "upload_id": None, "upload_until": None}
    gone = sa.update(_TABLE).where(_TABLE.c.uuid == uuid, _TABLE.c.status != _GONE)
    connection.execute(gone.values(status=_GONE, updated_at=now(), **emptied))


def begin_upload(connection: sa.Connection, uuid: str, upload_id: str, *, lease_s: float) -> bool:
    """Give a queued image, or one whose uploader has died, to an upload; tells whether it was to be had."""
    is_free = sa.or_(_TABLE.c.status == "queued", _IS_STALE)
    taken = sa.update(_TABLE).where(_TABLE.c.uuid == uuid, is_free)
    values = {"status": "saving", "upload_id": upload_id, "upload_until": now() + lease_s, "updated_at": now()}
    return connection.execute(taken.values(**values)).rowcount == 1


def extend_upload(connection: sa.Connection, uuid: str, upload_id: str, *, lease_s: float) -> bool:
    """Prolong the lease of an upload; False when it has lost its image."""
    extended = _of_upload(uuid, upload_id, "saving").values(upload_until=now() + lease_s)
    return connection.execute(extended).rowcount == 1


def finish_upload(
    connection: sa.Connection, uuid: str, upload_id: str, content: Content, *, most: int = quotas.UNLIMITED
) -> bool:
    """Make an image active, with what its upload has found; False when the upload has lost it.

    :param most: bytes that the owner's images may have together.
    :raises OverQuota: they would have more.
    """
    if most != quotas.UNLIMITED:
        check_room(connection, get(connection, uuid).owner, content.size, most=most)
    values = {"status": "active", "upload_until": None, "updated_at": now(), **msgspec.structs.asdict(content)}
    # Active as well: the transaction is run again when the answer to its commit was lost.
    return connection.execute(_of_upload(uuid, upload_id, "saving", "active").values(**values)).rowcount == 1


def abandon_upload(connection: sa.Connection, uuid: str, upload_id: str) -> bool:
    """Make an image queued again whose upload has failed; False when its bytes are in use after all."""
    values = {"status": "queued", "upload_id": None, "upload_until": None, "updated_at": now()}
    connection.execute(_of_upload(uuid, upload_id, "saving").values(**values))
    is_used = (_TABLE.c.uuid == uuid, _TABLE.c.upload_id == upload_id)
    return connection.execute(sa.select(_TABLE.c.id).where(*is_used)).first() is None


def settle_uploads(connection: sa.Connection) -> set[tuple[str, str]]:
    """Make the images of dead uploaders queued; return ``(uuid, upload_id)`` of all bytes that somebody still needs."""
    freed = {"status": "queued", "upload_id": None, "upload_until": None, "updated_at": now()}
    connection.execute(sa.update(_TABLE).where(_IS_STALE).values(**freed))
    needed = sa.select(_TABLE.c.uuid, _TABLE.c.upload_id).where(_TABLE.c.upload_id.is_not(None))
    return {(uuid, upload_id) for uuid, upload_id in connection.execute(needed)}


def check_room(connection: sa.Connection, owner: str, size: int, *, most: int) -> None:
    """Raise OverQuota unless ``size`` more bytes fit into the ``most`` that a project may have."""
    _, used = _usage(connection, owner)
    if used + size > most:
        raise OverQuota(f"Quota exceeded for the size of images: {used} bytes of {most} are used, {size} do not fit.")


def _usage(connection: sa.Connection, owner: str) -> tuple[int, int]:
    """Return how many images a project has and how many bytes; no other can ask, or change it, until the commit."""
    quotas.lock(connection, owner)
    total = sa.func.coalesce(sa.func.sum(_TABLE.c.size), 0)
    is_own = sa.and_(_TABLE.c.owner == owner, _TABLE.c.status != _GONE)
    count, used = connection.execute(sa.select(sa.func.count(), total).where(is_own)).one()
    return count, int(used)


def _of_upload(uuid: str, upload_id: str, *statuses: str) -> sa.Update:
    is_held = (_TABLE.c.uuid == uuid, _TABLE.c.upload_id == upload_id, _TABLE.c.status.in_(statuses))
    return sa.update(_TABLE).where(*is_held)


def page(connection: sa.Connection, query: ImageQuery) -> list[Image]:
    """Return one page of images; raises NotFound when there is no such marker."""
    keys = [(_BY_SORT_KEY[name], descends) for name, descends in query.sort] + [(_TABLE.c.id, True)]
    wanted = [_TABLE.c.status != _GONE, _visible(query)]
    wanted += [_BY_NAME[name].in_(values) for name, values in query.one_of.items()]
    # The text is JSON as _json writes it, so a pair stands in it in exactly one way.
    pairs = [_json({name: value})[1:-1] for name, value in query.properties.items()]
    wanted += [_TABLE.c.properties.contains(pair, autoescape=True) for pair in pairs]
    wanted += [_TABLE.c.tags.contains(_json(tag), autoescape=True) for tag in query.tags]
    if query.size_min is not None:
        wanted.append(_TABLE.c.size >= query.size_min)
    if query.size_max is not None:
        wanted.append(_TABLE.c.size <= query.size_max)
    if query.marker is not None:
        wanted.append(_after(connection, keys, query.marker))
    order = [key.desc() if descends else key.asc() for key, descends in keys]
    select = sa.select(*_COLUMNS).where(*wanted).order_by(*order).limit(query.limit)
    return [_image(row) for row in connection.execute(select)]


def _visible(query: ImageQuery) -> sa.ColumnElement[bool]:
    is_own, visibility = _TABLE.c.owner == query.project_id, _TABLE.c.visibility
    open_to_all = visibility.in_(("public", "community") if query.visibility in ("community", "all") else ("public",))
    allowed = sa.true() if query.is_admin else sa.or_(is_own, open_to_all, _is_shared(query))
    return allowed if query.visibility in (None, "all") else sa.and_(allowed, visibility == query.visibility)


def _is_shared(query: ImageQuery) -> sa.ColumnElement[bool]:
    shared = sa.select(_MEMBERS.c.image_uuid).where(_MEMBERS.c.member == query.project_id)
    if query.member_status != "all":
        shared = shared.where(_MEMBERS.c.status == query.member_status)
    return sa.and_(_TABLE.c.visibility == "shared", _TABLE.c.uuid.in_(shared))


def _after(connection: sa.Connection, keys: list[tuple[sa.ColumnElement, bool]], marker: str) -> sa.ColumnElement[bool]:
    """The condition for rows behind the marker in this order, which is lexicographic over the keys."""
    row = connection.execute(sa.select(*(key for key, _ in keys)).where(_TABLE.c.uuid == marker)).first()
    if row is None:
        raise NotFound(f"No image found with ID {marker}")
    return pages.behind(keys, row)


def _image(row: sa.Row) -> Image:
    values = dict(row._mapping)
    values["properties"] = msgspec.json.decode(values["properties"])
    values["tags"] = tuple(msgspec.json.decode(values["tags"] or "[]"))
    return Image(**values)


def _values(image: Image, names: tuple[str, ...]) -> dict[str, object]:
    values = {name: getattr(image, name) for name in names}
    return values | {name: _json(values[name]) for name in ("properties", "tags")}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
