"""A build that its host could not do goes to the next alternate, or ends with the reason.

The alternates were chosen by the scheduler; here each is claimed by compare-and-swap like a first choice, and a hard
group policy is checked again, since other members may have been placed meanwhile.
"""

import sqlalchemy as sa
from oslo_db.exception import RetryRequest

from corenova.contracts.backends import Backends
from corenova.db import actions, hosts, instances, membership, services, work

EXHAUSTED = (
    "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance {uuid}."
)


def reschedule(
    connection: sa.Connection,
    row: sa.Row,
    backends: Backends,
    *,
    reason: str,
    public_reason: str,
    max_attempts: int,
    down_time_s: float,
) -> tuple[str, str] | None:
    """Move ``row`` to its next alternate and return (address, host) to wake, or end it and return None.

    :param row: a locked row with step ``build``.
    :param reason: why the last host did not do it, for operators; ``public_reason`` for the user.
    """
    hosts.release(connection, [row.uuid])
    actions.close_stale_events(connection, [row.uuid], reason)
    spec = instances.decode_spec(work.spec_of(connection, row.uuid))
    resources = spec.resources()
    rest = work.alternates_of(row) if row.attempts < max_attempts else []
    known = services.addresses(connection, [host for host, _ in rest], down_time_s=down_time_s)
    for position, (host, zone) in enumerate(rest):
        address, is_up = known.get(host, (None, False))
        if not is_up or not _group_allows(connection, row, host):
            continue
        with connection.begin_nested() as savepoint:
            onward = rest[position + 1 :]
            if work.move(connection, row, to=(host, zone), rest=onward, resources=resources, topology=spec.topology):
                return address, host
            savepoint.rollback()
    message = f"{EXHAUSTED.format(uuid=row.uuid)} Last reason: {public_reason}"
    work.bury(connection, row, backends, message=message, details=reason)
    return None


def _group_allows(connection: sa.Connection, row: sa.Row, host: str) -> bool:
    """Tell whether the row's group lets it move to ``host``; raises RetryRequest when the group changes meanwhile."""
    if row.group_uuid is None:
        return True
    group = membership.load(connection, row.group_uuid, without=row.uuid)
    if group is None or not group.allows(host):
        return group is None
    if not membership.advance(connection, group.uuid, group.generation):
        raise RetryRequest(RuntimeError("somebody else has placed a member of the group"))
    return True
