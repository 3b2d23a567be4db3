"""Key pairs: the public keys that a user may have put into servers. They belong to users, not to projects.

A server keeps a copy of the public key, so nothing here looks at servers.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.engine import for_update, now
from corenova.db.quotas import UNLIMITED
from corenova.db.schema import keypairs
from corenova.exceptions import Conflict, InvalidInput, NotFound, OverQuota

_OF_USER = keypairs.c.user_id == sa.bindparam("of_user")
_BY_NAME = sa.select(keypairs).where(_OF_USER, keypairs.c.name == sa.bindparam("of_name"))
_IDS = sa.select(keypairs.c.id).where(_OF_USER).order_by(keypairs.c.id)
_COUNT = sa.select(sa.func.count()).select_from(keypairs).where(_OF_USER)


def create(
    connection: sa.Connection,
    *,
    user_id: str,
    name: str,
    kind: str,
    public_key: str,
    fingerprint: str,
    limit: int,
    again: bool = False,
) -> sa.Row:
    """Add a key pair and return it.

    :param kind: ``ssh`` or ``x509``.
    :param limit: how many the user may have; -1 is unlimited.
    :param again: the transaction is run again: what is there may be what the first run wrote.
    :raises OverQuota: the user has as many.
    :raises Conflict: the user has one of this name.
    """
    found = _find(connection, user_id, name) if again else None
    if found is not None and found.public_key == public_key:
        return found
    _check_room(connection, user_id, limit)
    row = {"user_id": user_id, "name": name, "type": kind, "fingerprint": fingerprint, "public_key": public_key}
    try:
        connection.execute(sa.insert(keypairs).values(created_at=now(), **row))
    except db_error.DBDuplicateEntry:
        raise Conflict(f"Key pair '{name}' already exists.") from None
    return get(connection, user_id, name)


def _check_room(connection: sa.Connection, user_id: str, limit: int) -> None:
    if limit == UNLIMITED:
        return
    # The keys that there are get locked, so two requests for the last place come one after the other; what the first
    # wrote only a new statement sees. A user without any key has nothing to lock: two first keys at the same moment
    # may both pass a limit of one.
    connection.execute(for_update(_IDS, connection), {"of_user": user_id}).all()
    if connection.execute(_COUNT, {"of_user": user_id}).scalar_one() >= limit:
        raise OverQuota("Quota exceeded, too many key pairs.")


def _find(connection: sa.Connection, user_id: str, name: str) -> sa.Row | None:
    return connection.execute(_BY_NAME, {"of_user": user_id, "of_name": name}).first()


def get(connection: sa.Connection, user_id: str, name: str) -> sa.Row:
    """Return one key pair; raises NotFound when the user has none of this name."""
    row = _find(connection, user_id, name)
    if row is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}")
    return row


def list_keypairs(
    connection: sa.Connection, user_id: str, *, limit: int | None = None, marker: str | None = None
) -> Sequence[sa.Row]:
    """Return the key pairs of a user, sorted by name.

    :param marker: the name of the last one of the page before.
    :raises InvalidInput: the user has none of that name.
    """
    select = sa.select(keypairs).where(_OF_USER).order_by(keypairs.c.name).limit(limit)
    if marker is not None:
        if _find(connection, user_id, marker) is None:
            raise InvalidInput(f"Marker {marker} could not be found.")
        select = select.where(keypairs.c.name > marker)
    return connection.execute(select, {"of_user": user_id}).all()


def delete(connection: sa.Connection, user_id: str, name: str) -> None:
    """Remove a key pair; servers keep their copy. Raises NotFound."""
    if connection.execute(sa.delete(keypairs).where(keypairs.c.id == get(connection, user_id, name).id)).rowcount == 0:
        raise NotFound(f"Keypair {name} not found for user {user_id}")
