"""Server groups as their users see them. Who is a member, and the guard of a group's policy: db/membership.py."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db import quotas
from corenova.db.engine import now
from corenova.db.schema import instances, server_groups
from corenova.exceptions import NotFound, OverQuota


def create(
    connection: sa.Connection,
    *,
    uuid: str,
    project_id: str,
    user_id: str,
    name: str,
    policy: str,
    rules: Mapping[str, int],
    limit: int,
) -> sa.Row:
    """Add a server group and return it.

    :param limit: how many groups the project may have; -1 is unlimited.
    :raises OverQuota: it has as many.
    """
    try:
        quotas.reserve(connection, project_id, {"server_groups": 1}, {"server_groups": limit})
    except OverQuota:
        raise OverQuota("Quota exceeded, too many server groups.") from None
    connection.execute(
        sa.insert(server_groups).values(
            uuid=uuid,
            project_id=project_id,
            user_id=user_id,
            name=name,
            policy=policy,
            rules=msgspec.json.encode(rules).decode(),
            created_at=now(),
        )
    )
    return get(connection, uuid)


def get(connection: sa.Connection, uuid: str, *, project_id: str | None = None) -> sa.Row:
    """Return one group.

    :param project_id: look only among this project's; None looks everywhere.
    :raises NotFound: there is none that may be seen.
    """
    row = connection.execute(sa.select(server_groups).where(server_groups.c.uuid == uuid)).first()
    if row is None or (project_id is not None and row.project_id != project_id):
        raise NotFound(f"Instance group {uuid} could not be found.")
    return row


def list_groups(
    connection: sa.Connection, *, project_id: str | None = None, limit: int | None = None, offset: int = 0
) -> Sequence[sa.Row]:
    """Return the groups of a project (None: of all) in order of insertion."""
    select = sa.select(server_groups).order_by(server_groups.c.id).limit(limit).offset(offset)
    if project_id is not None:
        select = select.where(server_groups.c.project_id == project_id)
    return connection.execute(select).all()


def members(connection: sa.Connection, uuids: Iterable[str]) -> dict[str, list[str]]:
    """Return the uuids of the members of each of these groups, oldest first."""
    found: dict[str, list[str]] = defaultdict(list)
    select = (
        sa.select(instances.c.group_uuid, instances.c.uuid)
        .where(instances.c.group_uuid.in_(list(uuids)), instances.c.deleted.is_(False))
        .order_by(instances.c.id)
    )
    for group_uuid, uuid in connection.execute(select):
        found[group_uuid].append(uuid)
    return found


def delete(connection: sa.Connection, uuid: str, *, project_id: str | None = None) -> None:
    """Remove a group; its members go on without it. Raises NotFound."""
    row = get(connection, uuid, project_id=project_id)
    if connection.execute(sa.delete(server_groups).where(server_groups.c.uuid == uuid)).rowcount:
        quotas.release(connection, row.project_id, {"server_groups": 1})
