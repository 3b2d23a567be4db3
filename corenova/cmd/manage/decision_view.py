"""A decision as commands show it: JSON with named fields, and tables for the eye."""

from collections.abc import Sequence

import msgspec

from corenova.cmd.manage.output import Output
from corenova.objects.decision import Decision, StageResult

_PARTS = ("stages", "refusals", "remedies")
_MOST_NAMES = 4


def described(decision: Decision) -> dict[str, object]:
    """Return the decision for JSON; ``rejections`` has the refusals host by host."""
    shown = msgspec.structs.asdict(decision)
    for key in _PARTS:
        shown[key] = [msgspec.structs.asdict(entry) for entry in shown[key]]
    shown["rejections"] = [msgspec.structs.asdict(entry) for entry in decision.rejections]
    return shown


def show(decision: Decision, output: Output) -> None:
    """Write a decision: where, or why nowhere and what would help, then every count."""
    if decision.host is None:
        output.line(decision.summary)
    else:
        output.line(f"Chosen: {decision.host}, of {decision.candidates} candidates, at revision {decision.revision}")
    if decision.alternates:
        output.line(f"Alternates: {', '.join(f'{host} ({zone})' for host, zone in decision.alternates)}")
    _tables(
        output,
        (
            ("what would help", "change", "on hosts such as"),
            [(r.sentence, r.kind, _some(r.host_names)) for r in decision.remedies],
        ),
    )
    output.line()
    show_stages(decision, output)
    _tables(
        output,
        (("weigher", "weight of the chosen host"), list(decision.weights.items())),
        (
            ("refused by", "reason", "hosts", ""),
            [(r.stage, r.reason, len(r.hosts), _some(r.hosts)) for r in decision.refusals],
        ),
    )


def show_stages(decision: Decision, output: Output) -> None:
    """Write who was asked about how many hosts, and let how many pass."""
    output.table(
        ("stage or filter", "hosts asked", "passed", ""),
        [(s.name, _asked(s), s.passed, output.bar(s.passed, s.asked)) for s in decision.stages],
    )


def _tables(output: Output, *tables: tuple[Sequence[str], list[tuple]]) -> None:
    for columns, rows in tables:
        if rows:
            output.line()
            output.table(columns, rows)


def _asked(stage: StageResult) -> str:
    return f"evaluated on {stage.asked}" if stage.lazily else str(stage.asked)


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
