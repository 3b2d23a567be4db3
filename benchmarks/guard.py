"""The guard around filters and weighers: containment, time and account, by what they add to one pass of a plug-in.

A pass asks one plug-in about all hosts that are its business at this moment. The same pass is timed with the guard and
bare, in turns, by the CPU time of the thread; a figure is the difference of medians.
"""

import time
from collections.abc import Callable
from itertools import repeat

import numpy as np

from benchmarks import fleet
from benchmarks.figures import Figure, Goal, check, median
from corenova.account import Account
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.weigher_guard import WeigherGuard

_REPEATS = 20
"""So many passes are timed together: the clock of the CPU is not fine enough for one."""


class Plain:
    """A filter and weigher in all forms, with next to no work of its own."""

    def host_passes(self, host_state: object, spec: object) -> bool:
        """Let every host pass."""
        return True

    def mask(self, hosts: object, spec: object) -> np.ndarray:
        """Let hosts with RAM pass."""
        return hosts.free_ram_mb > 0

    def weights(self, hosts: object, spec: object) -> np.ndarray:
        """Weigh by RAM."""
        return hosts.free_ram_mb.astype(np.float64)


class Scalar:
    """The same with the scalar form alone."""

    host_passes = Plain.host_passes


def run(quick: bool) -> list[Figure]:
    """Measure the guard on fleets of 10,000 hosts, and what a single host is when it is all that is asked about."""
    size, rounds = (200, 20) if quick else (10_000, 400)
    (table, _), spec = fleet.in_use(size), fleet.spec(1)
    plain, scalar = Plain(), Scalar()
    account = Account()
    whole, lifted, weigher = FilterGuard("P", plain, account), FilterGuard("P", scalar), WeigherGuard("P", plain, 1.0)
    one = FilterGuard("P", scalar).of_row(table, spec)
    figures = [
        _figure("mask_us", "a mask", rounds, lambda: whole.mask(table, spec), lambda: plain.mask(table, spec)),
        _figure(
            "row_us", "a lone host", rounds, lambda: lifted.ask_row(one, 1),
            lambda: scalar.host_passes(table.states[1], spec),
        ),
        _figure(
            "weights_us", "weights: a copy of them, and a look for NaN", rounds, lambda: weigher.raw(table, spec),
            lambda: plain.weights(table, spec), None,
        ),
        _figure(
            "host_passes_ns_per_host", "host_passes of many: the type of each answer", max(3, rounds // _REPEATS),
            lambda: lifted.mask(table, spec),
            lambda: np.array(list(map(scalar.host_passes, table.states, repeat(spec)))), None, 1000 / size, "CPU ns",
        ),
    ]  # fmt: skip
    check(account.calls > rounds and not account.faults, "the passes were not entered in the account")
    return figures


def _figure(
    key: str,
    text: str,
    rounds: int,
    guarded: Callable[[], object],
    bare: Callable[[], object],
    goal: Goal | None = Goal(2),
    factor: float = 1.0,
    unit: str = "CPU us",
) -> Figure:
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * rounds):
        is_guarded = number % 2 == 0
        ask = guarded if is_guarded else bare
        began = time.thread_time_ns()
        for _ in range(_REPEATS):
            ask()
        times[is_guarded].append((time.thread_time_ns() - began) / _REPEATS / 1000)
    return Figure(f"guard_{key}", (median(times[True]) - median(times[False])) * factor, unit, f"guard: {text}", goal)
