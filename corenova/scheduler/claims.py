"""Decisions become true: one transaction writes claims, hosts and reasons, or nothing at all.

The claim, the host on the row, the allocation and the group's generation stand or fall together, so a scheduler that
dies leaves no half of them.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from corenova.db import decisions, membership, work
from corenova.db.engine import Database
from corenova.db.work import Placement
from corenova.objects.decision import Decision
from corenova.objects.request_spec import InstanceGroup


class _ChangedError(Exception):
    """Something that a decision relied on is no longer so; the transaction is rolled back."""


def claim(db: Database, placements: Sequence[Placement], groups: Sequence[InstanceGroup] = ()) -> bool:
    """Make these decisions true together.

    :param groups: the server groups they rely on, as they were seen; a group that has changed since refuses all.
    :return: False when the database knows better than the picture that was decided on; then nothing was written.
    """

    def write(connection: sa.Connection) -> None:
        for group in groups:
            if not membership.advance(connection, group.uuid, group.generation):
                raise _ChangedError
        if not work.place(connection, placements):
            raise _ChangedError

    try:
        db.write("scheduler.claim", write)
    except _ChangedError:
        return False
    return True


def keep_reasons(db: Database, reasons: Sequence[tuple[tuple[str, int], Decision]]) -> None:
    """Keep why nothing fits: ((instance uuid, generation), decision), of rows that still wait for it."""

    def write(connection: sa.Connection) -> None:
        waiting = work.current(connection, [one for one, _ in reasons])
        decisions.put(connection, [(one[0], decision) for one, decision in reasons if one in waiting])

    if reasons:
        db.write("scheduler.reasons", write)
