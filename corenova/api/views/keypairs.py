"""Key pairs as clients see them."""

import sqlalchemy as sa

from corenova.api.views.times import naive


def listed(row: sa.Row, version: int) -> dict[str, object]:
    """Return one key pair of a list."""
    shown = {"name": row.name, "public_key": row.public_key, "fingerprint": row.fingerprint}
    return shown | {"type": row.type} if version >= 2 else shown


def created(row: sa.Row, private_key: str | None, version: int) -> dict[str, object]:
    """Return a new key pair; ``private_key`` when it was made for the client, who can have it only now."""
    shown = listed(row, version) | {"user_id": row.user_id}
    return shown if private_key is None else shown | {"private_key": private_key}


def show(row: sa.Row, version: int) -> dict[str, object]:
    """Return one key pair. It cannot be changed or half deleted; the keys that say so are part of the API."""
    return created(row, None, version) | {
        "id": row.id,
        "created_at": naive(row.created_at),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
