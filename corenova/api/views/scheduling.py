"""A decision of the scheduler as clients see it. FIELDS is the whole truth: a new key is a new row.

Who may not see hosts sees each as the ``hostId`` that servers of the project show, and no words of a host: they may
hold what operators wrote for themselves.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from corenova.api.views.servers import host_id
from corenova.objects.decision import Decision

NameHost = Callable[[str | None], dict[str, object]]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A decision and the eyes that look at it.

    :param name: how the viewer knows a host: ``{"host": name}``, or ``{"hostId": hash}``.
    """

    decision: Decision
    with_hosts: bool
    name: NameHost


class Field(NamedTuple):
    """One key, its value, and whether only those see it who may see hosts."""

    key: str
    value: Callable[[Seen], object]
    hosts_only: bool = False


FIELDS: tuple[Field, ...] = (
    Field("summary", lambda seen: seen.decision.summary),
    Field("candidates", lambda seen: seen.decision.candidates),
    Field("revision", lambda seen: seen.decision.revision, hosts_only=True),
    Field("stages", lambda seen: _fields(seen.decision.stages)),
    Field("weights", lambda seen: seen.decision.weights),
    Field("alternates", lambda seen: [seen.name(h) | {"availability_zone": z} for h, z in seen.decision.alternates]),
    Field("remedies", lambda seen: list(_remedies(seen))),
    Field("rejections", lambda seen: list(_rejections(seen))),
)


def show(decision: Decision, project_id: str, *, with_hosts: bool) -> dict[str, object]:
    """Return a decision on a server of ``project_id``."""
    name: NameHost = lambda host: {"host": host} if with_hosts else {"hostId": host_id(project_id, host)}  # noqa: E731
    seen = Seen(decision=decision, with_hosts=with_hosts, name=name)
    shown = {field.key: field.value(seen) for field in FIELDS if with_hosts or not field.hosts_only}
    return name(decision.host) | shown


def _fields(structs: Iterable[msgspec.Struct]) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(struct) for struct in structs]


def _remedies(seen: Seen) -> Iterable[dict[str, object]]:
    """Those that are the viewer's to choose; fields that say nothing are left out."""
    for remedy in seen.decision.remedies:
        if seen.with_hosts:
            yield msgspec.to_builtins(remedy)
        elif not remedy.for_operators:
            yield msgspec.to_builtins(msgspec.structs.replace(remedy, host_names=()))


def _rejections(seen: Seen) -> Iterable[dict[str, object]]:
    for rejection in seen.decision.rejections:
        shown = seen.name(rejection.host) | {"stage": rejection.stage}
        yield shown | {"reason": rejection.reason} if seen.with_hosts else shown
