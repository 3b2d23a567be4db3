"""Rows of those with whom images are shared: a project is offered an image, and accepts or rejects it."""

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.engine import now
from corenova.db.schema import image_members as _TABLE
from corenova.exceptions import Conflict, NotFound, TooLarge

STATUSES = ("pending", "accepted", "rejected")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A project with which an image is shared; ``status`` is one of STATUSES."""

    image_uuid: str
    member: str
    status: str
    created_at: float
    updated_at: float


_COLUMNS = [_TABLE.c[field] for field in Member.__struct_fields__]


def of_image(connection: sa.Connection, image_uuid: str) -> list[Member]:
    """Return the members of an image, by name."""
    select = sa.select(*_COLUMNS).where(_TABLE.c.image_uuid == image_uuid).order_by(_TABLE.c.member)
    return [Member(**row._mapping) for row in connection.execute(select)]


def get(connection: sa.Connection, image_uuid: str, member: str) -> Member:
    """Return one member; raises NotFound."""
    row = connection.execute(sa.select(*_COLUMNS).where(_is(image_uuid, member))).first()
    if row is None:
        raise NotFound(f"{member} not found in the member list of the image {image_uuid}.")
    return Member(**row._mapping)


def add(connection: sa.Connection, image_uuid: str, member: str, *, most: int) -> None:
    """Offer an image to a project.

    :param most: how many members an image may have; -1 is unlimited.
    :raises Conflict: it is a member already.
    :raises TooLarge: there are ``most`` members.
    """
    if most != -1:
        count = sa.select(sa.func.count()).select_from(_TABLE).where(_TABLE.c.image_uuid == image_uuid)
        if connection.execute(count).scalar() >= most:
            raise TooLarge(f"The limit has been exceeded on the number of allowed image members: {most}.")
    try:
        with connection.begin_nested():
            values = {"image_uuid": image_uuid, "member": member, "status": "pending"}
            connection.execute(sa.insert(_TABLE).values(**values, created_at=now(), updated_at=now()))
    except db_error.DBDuplicateEntry:
        raise Conflict(f"Image member {member} already exists for image {image_uuid}") from None


def answer(connection: sa.Connection, image_uuid: str, member: str, status: str) -> None:
    """Set what a member says to an offer; raises NotFound when it is no member."""
    answered = sa.update(_TABLE).where(_is(image_uuid, member)).values(status=status, updated_at=now())
    if connection.execute(answered).rowcount == 0:
        raise NotFound(f"{member} not found in the member list of the image {image_uuid}.")


def remove(connection: sa.Connection, image_uuid: str, member: str) -> None:
    """Take an offer back; raises NotFound when it is no member."""
    if connection.execute(sa.delete(_TABLE).where(_is(image_uuid, member))).rowcount == 0:
        raise NotFound(f"{member} not found in the member list of the image {image_uuid}.")


def _is(image_uuid: str, member: str) -> sa.ColumnElement[bool]:
    return sa.and_(_TABLE.c.image_uuid == image_uuid, _TABLE.c.member == member)
