"""A filter in a process of its own (``[plugins] isolate``), beside the same filter in the scheduler's.

Wall time, for whoever asks waits: a whole pass over 1,000 hosts that are known there, a pass over the one host that was
claimed since, and what it costs to get there: the process, and the hosts for the first time.
"""

import time
from collections.abc import Callable

import numpy as np

from benchmarks import fleet
from benchmarks.figures import Figure, check, median
from corenova import loader
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.isolation.proxy import Isolated, isolated
from corenova.scheduler.plugins import load_named

FILTER = "NumInstancesFilter"


def run(quick: bool) -> list[Figure]:
    """Measure; every answer is compared with that of the filter in the process."""
    size, rounds = (100, 20) if quick else (1000, 500)
    conf = fleet.conf()
    conf.set_override("isolate", [FILTER], group="plugins")
    loaded = load_named(conf, loader.FILTERS, FILTER)
    here = FilterGuard(FILTER, loaded.object)
    proxy = isolated(conf, loaded).object
    try:
        return _measured(here, proxy, size, rounds)
    finally:
        proxy.stop()


def _measured(here: FilterGuard, proxy: Isolated, size: int, rounds: int) -> list[Figure]:
    (table, _), spec = fleet.in_use(size), fleet.spec(1)
    there = FilterGuard(FILTER, proxy)
    spawn_s = _seconds(proxy.start)
    start_s = _seconds(lambda: there.mask(HostTable.of([]), spec))
    first_s = _seconds(lambda: there.mask(table, spec))
    check(bool((there.mask(table, spec) == here.mask(table, spec)).all()), "the two do not agree")
    whole = [median(_passes(one, table, spec, rounds)) for one in (there, here)]
    claimed = [median(_passes(one, table, spec, rounds, row=7)) for one in (there, here)]
    check(there.faults == 0, f"it failed: {there.account.last_fault}")
    (process,) = proxy._all
    return [
        Figure("spawn_ms", spawn_s * 1000, "ms", "what the start of the service waits for"),
        Figure("start_ms", start_s * 1000, "ms", "until it has answered for the first time"),
        Figure("first_us", first_s * 1e6, "us", f"the first pass: it is told of {size} hosts"),
        Figure("isolated_us", whole[0], "us", f"a pass over {size} hosts, isolated"),
        Figure("here_us", whole[1], "us", "the same in the scheduler"),
        Figure("isolated_row_us", claimed[0], "us", "a pass over one host that was claimed, isolated"),
        Figure("here_row_us", claimed[1], "us", "the same in the scheduler"),
        Figure("rss_mb", _rss_mb(process.pid), "MB", "resident memory of the process"),
    ]


def _passes(
    guard: FilterGuard, table: HostTable, spec: RequestSpec, rounds: int, *, row: int | None = None
) -> list[float]:
    """Return the us of each pass."""
    passes, claim, times = guard.of_row(table, spec), table.claim_of(spec.resources()), []
    for _ in range(rounds):
        if row is None:
            times.append(_seconds(lambda: guard.mask(table, spec)) * 1e6)
        else:
            table.take(row, claim)
            times.append(_seconds(lambda: passes(row)) * 1e6)
    return times


def _seconds(act: Callable[[], np.ndarray | bool | None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _rss_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        (line,) = (line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000
