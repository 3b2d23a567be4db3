"""What schedulers keep of their pictures of the hosts for replay: copies, and the changes between them.

A picture is one scheduler's, from one start to the next; its revisions count its changes. The bytes are the scheduler's
business (scheduler/records.py).
"""

from collections.abc import Sequence

import sqlalchemy as sa

from corenova.db.engine import now
from corenova.db.schema import fleet_records

_c = fleet_records.c
_PUT = sa.insert(fleet_records).values(created_at=now())


Record = tuple[int, bool, bytes]
"""A revision; whether this is a copy of the picture there, or else the changes that begin there; and the bytes."""


def put(connection: sa.Connection, picture: str, kept: Sequence[Record]) -> None:
    """Keep records of a picture, in the order in which they came about."""
    for revision, is_copy, data in kept:
        connection.execute(_PUT, {"picture": picture, "revision": revision, "is_copy": is_copy, "data": data})


def before(connection: sa.Connection, picture: str, revision: int) -> tuple[bytes, Sequence[tuple[int, bytes]]] | None:
    """Return the last copy of a picture at or before ``revision``, and the changes from it up to there, in order.

    Each part of the changes comes with the revision at which it begins.

    None when there is no such copy, or none any more.
    """
    up_to = (_c.picture == picture, _c.revision <= revision)
    newest = sa.select(_c.id, _c.revision, _c.data).where(*up_to, _c.is_copy.is_(True)).order_by(_c.id.desc()).limit(1)
    copy = connection.execute(newest).first()
    if copy is None:
        return None
    after = sa.select(_c.revision, _c.data).where(*up_to, _c.is_copy.is_(False), _c.id > copy.id).order_by(_c.id)
    return copy.data, [(row.revision, row.data) for row in connection.execute(after)]


def forget(connection: sa.Connection, *, older_than_s: float, most: int) -> int:
    """Remove up to ``most`` records that are older; return how many."""
    old = sa.select(_c.id).where(_c.created_at < now() - older_than_s).order_by(_c.id).limit(most)
    ids = connection.execute(old).scalars().all()
    if ids:
        connection.execute(sa.delete(fleet_records).where(_c.id.in_(ids)))
    return len(ids)
