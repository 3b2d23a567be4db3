"""``corenova-manage explain``: why a server is where it is, or nowhere, and how it got there, hop by hop."""

import re
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.cmd.manage import database, decision_view
from corenova.cmd.manage.output import Output
from corenova.db import actions, decisions, instances, schema
from corenova.exceptions import InvalidInput, NotFound
from corenova.objects import states
from corenova.objects.decision import Decision


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: when, in ms since the server was asked for, how long it took, where, and what."""

    at_ms: float
    took_ms: float | None = None
    where: str
    what: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a server's way."""

    uuid: str
    name: str
    project_id: str
    status: str
    vm_state: str
    task_state: str | None
    step: str | None
    host: str | None
    decision: Decision | None
    fault: dict[str, object] | None
    path: list[Hop]


def run(conf: cfg.ConfigOpts, output: Output) -> int:
    """Explain the server that is named on the command line."""
    with database.reading(conf) as db:
        explanation = db.read(lambda connection: explain(connection, conf.noun.server))
    output.json(_described(explanation))
    _show(explanation, output)
    return 0


def explain(connection: sa.Connection, name_or_uuid: str) -> Explanation:
    """Gather what the database knows of a server.

    :raises NotFound: there is none of this uuid or name.
    :raises InvalidInput: several have this name.
    """
    row = find(connection, name_or_uuid)
    fault = {key: getattr(row, f"fault_{key}") for key in ("code", "message", "details")}
    return Explanation(
        uuid=row.uuid,
        name=row.display_name,
        project_id=row.project_id,
        status=states.status(row.vm_state, row.task_state),
        vm_state=row.vm_state,
        task_state=row.task_state,
        step=row.step,
        host=row.host,
        decision=decisions.get(connection, row.uuid),
        fault=None if row.fault_code is None else fault,
        path=sorted(_path(connection, row), key=lambda hop: hop.at_ms),
    )


def find(connection: sa.Connection, name_or_uuid: str) -> sa.Row:
    """Return the row of a server by uuid (a deleted one too) or name.

    :raises NotFound: there is none of this uuid or name.
    :raises InvalidInput: several have this name.
    """
    try:
        return instances.get(connection, name_or_uuid, deleted=True)
    except NotFound:
        named = instances.InstanceQuery(name_regex=f"^{re.escape(name_or_uuid)}$")
        rows = instances.find(connection, named)
    if len(rows) > 1:
        raise InvalidInput(f"{len(rows)} servers are called {name_or_uuid}: {', '.join(r.uuid for r in rows)}.")
    if not rows:
        raise NotFound(f"There is no server {name_or_uuid}; a deleted one is found by its uuid.")
    return rows[0]


def _path(connection: sa.Connection, row: sa.Row) -> Iterator[Hop]:
    def ms(moment: float) -> float:
        return round((moment - row.created_at) * 1000, 1)

    for action in actions.list_actions(connection, row.uuid):
        failed = " (failed)" if action.message else ""
        yield Hop(
            at_ms=ms(action.start_time), where="api", what=f"{action.action} accepted, {action.request_id}{failed}"
        )
    d = schema.decisions.c
    decided_at = connection.execute(sa.select(d.created_at).where(d.instance_uuid == row.uuid)).scalar()
    if decided_at is not None:
        yield Hop(at_ms=ms(decided_at), where="scheduler", what="decided")
    for event in actions.list_events(connection, row.uuid):
        details = f": {event.details}" if event.details else ""
        yield Hop(
            at_ms=ms(event.start_time),
            took_ms=None if event.finish_time is None else round((event.finish_time - event.start_time) * 1000, 1),
            where=event.host or "conductor",
            what=f"{event.event}: {event.result or 'under way'}{details}",
        )
    for moment, what in ((row.launched_at, "launched"), (row.terminated_at, "terminated")):
        if moment is not None:
            yield Hop(at_ms=ms(moment), where="conductor", what=what)


def _described(explanation: Explanation) -> dict[str, object]:
    """Return the explanation for JSON, where the parts of a decision have named fields."""
    described = msgspec.structs.asdict(explanation)
    if explanation.decision is not None:
        described["decision"] = decision_view.described(explanation.decision)
    return described


def _show(explanation: Explanation, output: Output) -> None:
    e = explanation
    output.line(f"{e.name} ({e.uuid}): {e.status}, {f'on {e.host}' if e.host else 'on no host'}")
    if e.step:
        output.line(f"Under way: {e.step} (task_state {e.task_state})")
    if e.fault:
        output.line(f"Fault {e.fault['code']}: {e.fault['message']}")
        if e.fault["details"]:
            output.line(f"  {e.fault['details']}")
    output.line()
    if e.decision is None:
        output.line("No decision is kept: not scheduled yet, deleted, or older than [scheduler] decision_retention.")
    else:
        decision_view.show(e.decision, output)
    output.line()
    output.table(
        ("at ms", "took ms", "where", "what"), [(h.at_ms, h.took_ms, h.where, _first_line(h.what)) for h in e.path]
    )


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else text
