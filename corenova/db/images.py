"""Rows of the embedded image service. Which images a project sees in a list is decided here, in the query."""

import msgspec
import sqlalchemy as sa

from corenova.db import schema
from corenova.db.engine import now
from corenova.exceptions import NotFound

_TABLE = schema.images


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image. ``checksum`` and the hash are None when there are no bytes."""

    uuid: str
    name: str
    owner: str
    status: str
    visibility: str
    disk_format: str
    container_format: str
    size: int | None = None
    min_disk: int = 0
    min_ram: int = 0
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    properties: dict[str, str] = {}
    created_at: float = 0.0
    updated_at: float = 0.0


class ImageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which images, in which order.

    :param project_id: who looks; ``is_admin`` sees the images of all projects.
    :param visibility: one kind, ``all`` for community images too, or None for what a project usually wants to see.
    :param one_of: for a column the values of which an image must have one.
    :param properties: properties that an image must have with these values.
    :param sort: columns of SORT_KEYS, each with whether it descends; the newest comes first among equals.
    :param marker: the last image of the page before.
    """

    project_id: str
    is_admin: bool = False
    visibility: str | None = None
    one_of: dict[str, tuple[object, ...]] = {}
    properties: dict[str, str] = {}
    size_min: int | None = None
    size_max: int | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    marker: str | None = None
    limit: int = 25


SORT_KEYS = (
    "id", "name", "owner", "status", "visibility", "disk_format", "container_format", "size", "min_disk", "min_ram",
    "created_at", "updated_at",
)  # fmt: skip
_COLUMNS = [_TABLE.c[field] for field in Image.__struct_fields__]
_BY_NAME = {"id": _TABLE.c.uuid, **{column.name: column for column in _COLUMNS}}
# Databases disagree on where NULL sorts, and a page after NULL cannot be asked for.
_BY_SORT_KEY = {**_BY_NAME, "size": sa.func.coalesce(_TABLE.c.size, -1)}


def get(connection: sa.Connection, uuid: str) -> Image:
    """Return an image, whoever owns it; raises NotFound."""
    row = connection.execute(sa.select(*_COLUMNS).where(_TABLE.c.uuid == uuid)).first()
    if row is None:
        raise NotFound(f"No image found with ID {uuid}")
    return _image(row)


def add(connection: sa.Connection, image: Image) -> None:
    """Insert an image; its times are those of the database."""
    values = msgspec.structs.asdict(image)
    values |= {"properties": _json(image.properties), "created_at": now(), "updated_at": now()}
    connection.execute(sa.insert(_TABLE).values(**values))


def page(connection: sa.Connection, query: ImageQuery) -> list[Image]:
    """Return one page of images; raises NotFound when there is no such marker."""
    keys = [(_BY_SORT_KEY[name], descends) for name, descends in query.sort] + [(_TABLE.c.id, True)]
    wanted = [_visible(query), *(_BY_NAME[name].in_(values) for name, values in query.one_of.items())]
    # The text is JSON as _json writes it, so a pair stands in it in exactly one way.
    pairs = [_json({name: value})[1:-1] for name, value in query.properties.items()]
    wanted += [_TABLE.c.properties.contains(pair, autoescape=True) for pair in pairs]
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
    allowed = sa.true() if query.is_admin else sa.or_(is_own, open_to_all)
    return allowed if query.visibility in (None, "all") else sa.and_(allowed, visibility == query.visibility)


def _after(connection: sa.Connection, keys: list[tuple[sa.ColumnElement, bool]], marker: str) -> sa.ColumnElement[bool]:
    """The condition for rows behind the marker in this order, which is lexicographic over the keys."""
    row = connection.execute(sa.select(*(key for key, _ in keys)).where(_TABLE.c.uuid == marker)).first()
    if row is None:
        raise NotFound(f"No image found with ID {marker}")
    condition: sa.ColumnElement[bool] = sa.false()
    for (key, descends), value in reversed(list(zip(keys, row, strict=True))):
        beyond = key < value if descends else key > value
        condition = sa.or_(beyond, sa.and_(key == value, condition))
    return condition


def _image(row: sa.Row) -> Image:
    values = dict(row._mapping)
    values["properties"] = msgspec.json.decode(values["properties"])
    return Image(**values)


def _json(properties: dict[str, str]) -> str:
    return msgspec.json.encode(properties).decode()
