"""What the scheduler decided for an instance and why; kept with the instance, for as long as operators want."""

import math
from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.engine import execute_many, now
from corenova.db.schema import decisions
from corenova.objects.decision import Decision

_decode = msgspec.json.Decoder(Decision).decode


_DROP = sa.delete(decisions).where(decisions.c.instance_uuid.in_(sa.bindparam("of_uuids", expanding=True)))
_DROP_ONE = sa.delete(decisions).where(decisions.c.instance_uuid == sa.bindparam("of_uuid"))
_FEW = 4
_PUT = sa.insert(decisions).values(created_at=now())


def put(connection: sa.Connection, rows: Iterable[tuple[str, Decision]]) -> None:
    """Keep (instance uuid, decision) pairs, each in place of an earlier one."""
    values = [{"instance_uuid": uuid, "decision": msgspec.json.encode(_short(d)).decode()} for uuid, d in rows]
    if values:
        drop(connection, [v["instance_uuid"] for v in values])
        execute_many(connection, _PUT, values)


def _short(decision: Decision) -> Decision:
    """Return the decision with weights of six digits, which people can read and which take a third of the room."""
    weights = {name: round(w, 6) if math.isfinite(w) else 0.0 for name, w in decision.weights.items()}
    return msgspec.structs.replace(decision, weights=weights)


def get(connection: sa.Connection, instance_uuid: str) -> Decision | None:
    """Return the last decision on an instance, or None."""
    text = connection.execute(
        sa.select(decisions.c.decision).where(decisions.c.instance_uuid == instance_uuid)
    ).scalar()
    return None if text is None else _decode(text)


def prune(connection: sa.Connection, *, age_s: float, most: int) -> int:
    """Forget up to ``most`` decisions that are older than ``age_s`` by the database's clock; return how many."""
    is_old = decisions.c.created_at < now() - age_s
    old = connection.execute(sa.select(decisions.c.instance_uuid).where(is_old).limit(most)).scalars().all()
    # One that was decided anew since the look stays.
    connection.execute(sa.delete(decisions).where(decisions.c.instance_uuid.in_(old), is_old))
    return len(old)


def drop(connection: sa.Connection, instance_uuids: Sequence[str]) -> None:
    """Forget the decisions on these instances."""
    if 0 < len(instance_uuids) <= _FEW:
        # A list in a statement is written out by the library each time, which takes longer than the statement.
        execute_many(connection, _DROP_ONE, [{"of_uuid": uuid} for uuid in instance_uuids])
    else:
        connection.execute(_DROP, {"of_uuids": list(instance_uuids)})
