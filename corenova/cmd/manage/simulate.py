"""``corenova-manage simulate``: how the configured scheduler would fare on a trace, without services or database."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
from oslo_config import cfg

from corenova.cmd.manage import simulation_plot
from corenova.cmd.manage.output import Output
from corenova.exceptions import InvalidInput
from corenova.scheduler import simulation, timeline, trace
from corenova.scheduler.manager import build_pipeline
from corenova.scheduler.simulation import HostSize, Outcome
from corenova.scheduler.timeline import Timeline
from corenova.scheduler.trace import Workload

_STDOUT = "-"
_POINTS = 200
"""How many moments the course in the JSON has."""
_LABELS = (
    ("hosts", "hosts"),
    ("requests", "requests"),
    ("placed", "placed"),
    ("rejected", "rejected"),
    ("decisions_per_s", "decisions a second"),
    ("decisions_per_cpu_s", "decisions a CPU second"),
    ("hosts_used_peak", "hosts in use at the peak"),
    ("lower_bound_hosts", "lower bound of hosts"),
    ("hosts_over_lower_bound", "hosts / lower bound"),
    ("density_non_empty", "density of hosts in use"),
    ("empty_hosts_share", "share of empty hosts"),
    ("stranded_cpu_share", "share of free vCPUs stranded"),
)
Report = dict[str, object]


def run(conf: cfg.ConfigOpts, output: Output) -> int:
    """Simulate what the command line asks for; the exit code is 0 also when requests were rejected."""
    asked = conf.noun
    size = _check(asked)
    pipeline = build_pipeline(conf, seed=asked.seed)
    workload = trace.read(Path(asked.trace)).draw(asked.seed)

    def play(hosts: int) -> Outcome:
        table = simulation.fleet(hosts, size, zone=conf.default_availability_zone)
        with _progress(f"{hosts} hosts", len(workload.events()[0])) as progress:
            return simulation.run(pipeline, table, workload, all_or_none=asked.find_hosts, progress=progress)

    outcome = simulation.find_hosts(play, workload, size) if asked.find_hosts else play(asked.hosts)
    course = timeline.timeline(workload, outcome.row, hosts=outcome.hosts, vcpus=size.vcpus, ram_mb=size.ram_mb)
    report = summary(workload, outcome, course, size, found=asked.find_hosts) | {"seed": asked.seed}
    if asked.plot is not None:
        simulation_plot.draw(Path(asked.plot), course, hosts=outcome.hosts, size=size)
    if asked.json not in (None, _STDOUT):
        Path(asked.json).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    output = Output(as_json=asked.json == _STDOUT)
    output.json(report)
    output.table(("figure", "value"), [(label, report[key]) for key, label in _LABELS])
    if outcome.reason:
        output.line(f"The first rejection: {outcome.reason}")
    return 0


def _check(asked: object) -> HostSize:
    """Refuse, before the work is done, what could not be carried out; return the size of the hosts."""
    if asked.hosts is None and not asked.find_hosts:
        raise InvalidInput("Say --hosts N, or let --find-hosts find the number.")
    if asked.hosts is not None and asked.hosts < 1:
        raise InvalidInput(f"--hosts {asked.hosts}: at least one is needed.")
    if asked.seed < 0:
        raise InvalidInput(f"--seed {asked.seed}: it must be 0 or more.")
    if asked.plot is not None:
        simulation_plot.check(Path(asked.plot))
    for option, file in (("--json", asked.json), ("--plot", asked.plot)):
        if file not in (None, _STDOUT) and not Path(file).parent.is_dir():
            raise InvalidInput(f"{option} {file}: there is no directory {Path(file).parent}.")
    return _size(asked.host_size)


def _size(text: str) -> HostSize:
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InvalidInput(f"--host-size {text}: three whole numbers are needed, VCPUS:RAM_MB:DISK_GB.")
    size = HostSize(*map(int, parts))
    if not size.vcpus or not size.ram_mb:
        raise InvalidInput(f"--host-size {text}: a host without vCPUs or RAM takes nothing.")
    return size


def summary(workload: Workload, outcome: Outcome, course: Timeline, size: HostSize, *, found: bool) -> Report:
    """Return the figures of a simulation.

    :param found: the number of hosts was searched for: it is what is held against the lower bound then, else the
        most hosts that were in use at once.
    """
    requests = len(outcome.row)
    placed = int(np.count_nonzero(outcome.row != simulation.REJECTED))
    bound = simulation.lower_bound(workload, size)
    used = int(course.busy_hosts.max(initial=0))
    shares = timeline.shares(course, hosts=outcome.hosts, vcpus=size.vcpus)
    start, end = float(workload.arrival_s[0]), float(workload.arrival_s[-1])
    return {
        "hosts": outcome.hosts,
        "requests": requests,
        "placed": placed,
        "rejected": requests - placed,
        "decisions_per_s": round(requests / outcome.wall_s, 1),
        "decisions_per_cpu_s": round(requests / outcome.cpu_s, 1),
        "hosts_used_peak": used,
        "lower_bound_hosts": bound,
        "hosts_over_lower_bound": round((outcome.hosts if found else used) / bound, 4),
        **{key: round(timeline.average(course, values, start, end), 4) for key, values in shares.items()},
        "course": timeline.sampled(course, shares, start, end, _POINTS),
    }


@contextlib.contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on stderr, on a terminal only; yields what is told how much more is done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)
