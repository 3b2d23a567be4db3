"""A decision made again: on the recorded picture of the hosts, by the same pipeline or by one of another ini."""

from collections.abc import Iterable, Sequence

import msgspec

from corenova.objects.decision import Decision
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler import records
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.pipeline import Pipeline


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs: what, as it was decided, and as it would be decided."""

    what: str
    then: object
    now: object


def picture(copy: bytes, changes: Iterable[tuple[int, bytes]], revision: int) -> HostTable | None:
    """Return the hosts as they were at ``revision``; None when the records end before, or have a gap."""
    table = records.table_of(copy)
    for begin, part in changes:
        if begin > table.revision:
            return None
        if begin == table.revision:  # a part that was written twice is played once
            records.play(table, part, until=revision)
    return table if table.revision == revision else None


def decide(pipeline: Pipeline, table: HostTable, spec: RequestSpec, then: Decision) -> Decision:
    """Decide again for one instance; changes ``table``."""
    inputs = then.inputs
    spec = msgspec.structs.replace(
        spec,
        instance_group=inputs.instance_group,
        instance_group_uuid=inputs.instance_group and inputs.instance_group.uuid,
        instance_hosts=inputs.instance_hosts,
        image_property_hosts=inputs.image_property_hosts,
    )
    (decision,) = pipeline.place(table, spec, 1)
    return decision


def differences(then: Decision, now: Decision) -> Sequence[Difference]:
    """Return what differs between two decisions: the host, what stages let pass, weights, who came next."""
    found = []
    if then.host != now.host:
        found.append(Difference(what="host", then=then.host, now=now.host))
    # How many hosts lazy filters were asked about depends on what was known already.
    stages = [
        {stage.name: f"{stage.passed} of {stage.asked}" for stage in one.stages if not stage.lazily}
        for one in (then, now)
    ]
    weights = [{name: round(weight, 6) for name, weight in one.weights.items()} for one in (then, now)]
    for kind, (before, after) in (("passed", stages), ("weight", weights)):
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                found.append(Difference(what=f"{kind} {name}", then=before.get(name), now=after.get(name)))
    next_hosts = [[host for host, _ in one.alternates] for one in (then, now)]
    if next_hosts[0] != next_hosts[1]:
        found.append(Difference(what="alternates", then=", ".join(next_hosts[0]), now=", ".join(next_hosts[1])))
    return found
