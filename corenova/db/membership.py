"""Which instances belong to a server group and where they are; the group's generation guards hard policies.

Membership is the instance's own column, so it cannot outlive the instance. A claim for a member raises the group's
generation by compare-and-swap: of two parallel decisions on one group the second fails and is made again.
"""

import msgspec
import sqlalchemy as sa

from corenova.db.engine import execute_many, for_update
from corenova.db.schema import instances, server_groups
from corenova.objects.request_spec import InstanceGroup

_decode_rules = msgspec.json.Decoder(dict[str, int]).decode
_is_it = server_groups.c.uuid == sa.bindparam("of_group")
# Made once: building a statement costs more than running it.
_GROUP = sa.select(server_groups).where(_is_it)
_COUNTS = (
    sa.select(instances.c.host, sa.func.count())
    .where(
        instances.c.group_uuid == sa.bindparam("of_group"),
        instances.c.deleted.is_(False),
        instances.c.host.is_not(None),
        instances.c.uuid != sa.bindparam("without"),
    )
    .group_by(instances.c.host)
)
_ADVANCE = (
    sa.update(server_groups)
    .where(_is_it, server_groups.c.generation == sa.bindparam("of_generation"))
    .values(generation=server_groups.c.generation + 1)
)


def load(connection: sa.Connection, group_uuid: str, *, without: str = "") -> InstanceGroup | None:
    """Return the group with its members per host, or None when it was deleted.

    :param without: the uuid of a member not to count: the one that is about to move.
    """
    row = connection.execute(_GROUP, {"of_group": group_uuid}).first()
    if row is None:
        return None
    counts = connection.execute(_COUNTS, {"of_group": group_uuid, "without": without})
    return InstanceGroup(
        uuid=row.uuid,
        name=row.name,
        policy=row.policy,
        rules=_decode_rules(row.rules),
        generation=row.generation,
        hosts=dict(counts.all()),
    )


def advance(connection: sa.Connection, group_uuid: str, generation: int) -> bool:
    """Raise the group's generation if it is still ``generation``; False when somebody else has placed a member."""
    row = {"of_group": group_uuid, "of_generation": generation}
    return execute_many(connection, _ADVANCE, [row]) == 1


def count(connection: sa.Connection, group_uuid: str) -> int:
    """Return how many instances are members."""
    return connection.execute(
        sa.select(sa.func.count()).where(instances.c.group_uuid == group_uuid, instances.c.deleted.is_(False))
    ).scalar()


def lock(connection: sa.Connection, group_uuid: str) -> bool:
    """Keep the group as it is until the commit, so that its members can be counted; False when it is gone."""
    select = for_update(sa.select(server_groups.c.id).where(server_groups.c.uuid == group_uuid), connection)
    return connection.execute(select).first() is not None
