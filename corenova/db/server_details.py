"""What the API shows of some servers only and other queries leave out, because it is large: user data, pinned zones.

Both answer for a whole page of a list at once.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.schema import instances

_CHUNK = 500  # below every database's limit of bound values in one statement


class _Zone(msgspec.Struct):
    availability_zone: str | None = None


_decode_zone = msgspec.json.Decoder(_Zone).decode
_NAMED = instances.c.uuid.in_(sa.bindparam("uuids", expanding=True))
_USER_DATA = sa.select(instances.c.uuid, instances.c.user_data).where(_NAMED, instances.c.user_data.is_not(None))
# A spec is written without defaults: only one that asks for a zone has the key.
_PINNED = sa.select(instances.c.uuid, instances.c.spec).where(
    _NAMED, instances.c.spec.contains('"availability_zone":"')
)


def user_data(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, str]:
    """Return the user data of those of the instances that have any."""
    return dict(_of(connection, _USER_DATA, list(uuids)))


def pinned_zones(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, str]:
    """Return the zone that those of the instances that asked for one asked for."""
    found = ((uuid, _decode_zone(spec).availability_zone) for uuid, spec in _of(connection, _PINNED, list(uuids)))
    return {uuid: zone for uuid, zone in found if zone is not None}


def _of(connection: sa.Connection, select: sa.Select, uuids: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(uuids), _CHUNK):
        yield from connection.execute(select, {"uuids": uuids[start : start + _CHUNK]})
