"""``corenova-manage replay``: a decision made again on what it was made on, perhaps with another ini."""

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.cmd.manage import database
from corenova.cmd.manage.explain import find
from corenova.cmd.manage.output import Output
from corenova.db import decisions, fleet_records, instances, work
from corenova.exceptions import NotFound
from corenova.objects.decision import Decision
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler import replay
from corenova.scheduler.manager import build_pipeline

_DIFFERENT = 1


class Recorded(msgspec.Struct, frozen=True):
    """A server's decision with all that it was made on."""

    uuid: str
    name: str
    spec: RequestSpec
    decision: Decision
    copy: bytes
    changes: list[tuple[int, bytes]]


def run(conf: cfg.ConfigOpts, output: Output) -> int:
    """Replay the decision on the server that is named on the command line."""
    with database.reading(conf) as db:
        recorded = db.read(lambda connection: _recorded(connection, conf.noun.server))
    then = recorded.decision
    table = replay.picture(recorded.copy, recorded.changes, then.revision)
    if table is None:
        raise NotFound(
            f"The hosts as they were when {recorded.name} was decided on were not recorded: the scheduler ended before "
            "it could write them, or writes them within the next seconds."
        )
    hosts = len(table)
    now = replay.decide(build_pipeline(conf), table, recorded.spec, then)
    differences = replay.differences(then, now)
    output.json({"uuid": recorded.uuid, "hosts": hosts, "then": then, "now": now, "differences": differences})
    output.line(f"{recorded.name} ({recorded.uuid}), decided on {hosts} hosts at revision {then.revision}")
    if then.inputs.among > 1:
        output.line(
            f"It was chosen at random among the {then.inputs.among} best, because others were claiming the same ones."
        )
    output.line(f"Then: {then.host or then.summary}")
    output.line(f"Now:  {now.host or now.summary}")
    output.line()
    if not differences:
        output.line("Nothing differs.")
    else:
        output.table(("what", "then", "now"), [(one.what, one.then, one.now) for one in differences])
    return _DIFFERENT if then.host != now.host else 0


def _recorded(connection: sa.Connection, name_or_uuid: str) -> Recorded:
    """Gather what was recorded; raises NotFound, and says what is missing and why."""
    row = find(connection, name_or_uuid)
    decision, spec = decisions.get(connection, row.uuid), work.spec_of(connection, row.uuid)
    if decision is None or spec is None:
        raise NotFound(
            f"No decision on {row.display_name} is kept: it is too old, the server is deleted or not placed."
        )
    if decision.inputs is None:
        raise NotFound(
            f"What the decision on {row.display_name} was made on was not recorded ([scheduler] decision_retention)."
        )
    found = fleet_records.before(connection, decision.inputs.picture, decision.revision)
    if found is None:
        raise NotFound(
            f"The hosts as they were when {row.display_name} was decided on are no longer kept; [scheduler] "
            "decision_retention says for how long they are."
        )
    return Recorded(row.uuid, row.display_name, instances.decode_spec(spec), decision, found[0], list(found[1]))
