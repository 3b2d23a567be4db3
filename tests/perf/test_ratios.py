"""How the cost of a decision grows, as ratios of CPU times taken in turns: no ratio may get worse by more than 15 %.

The figures beside this file (ratios.json) were measured when the code was last made faster or slower on purpose; write
them anew with ``python -m tests.perf.test_ratios`` and say why in the commit. The real benchmark is
benchmarks/scheduler.py.
"""

import itertools
import json
import random
import sys
import time
from pathlib import Path

import pytest

from benchmarks import fleet
from benchmarks.guard import Plain
from benchmarks.scheduler import PlainFilter, pipeline_of
from corenova.scheduler.filter_guard import FilterGuard

KEPT = Path(__file__).with_name("ratios.json")
WORSE = 1.15
TRIES = 4
"""A ratio is the best of so many: neighbours on the machine make it worse, never better."""
ROUNDS, DECISIONS = 40, 25
SMALL, LARGE = 250, 2500


class Load:
    """A fleet in use and a pipeline, decided on in rounds."""

    def __init__(self, size: int, plain: object | None = None, **scheduling: object):
        self._chance, self._asked = random.Random(3), fleet.requests(5)
        self._table, self._servers = fleet.in_use(size)
        self._pipeline = pipeline_of(plain, **scheduling)
        for number in range(fleet.CLASSES):
            self._pipeline.place(self._table, fleet.spec(number), 1)
        self.times: list[int] = []

    def round(self) -> None:
        """Decide a few times."""
        for _ in range(DECISIONS):
            self._table.release(*self._servers.pop(self._chance.randrange(len(self._servers))))
            spec = next(self._asked)
            began = time.thread_time_ns()
            (decision,) = self._pipeline.place(self._table, spec, 1)
            self.times.append(time.thread_time_ns() - began)
            self._servers.append((self._table.index[decision.host], spec.resources()))

    def median(self) -> float:
        """Return the median of all decisions so far."""
        return sorted(self.times)[len(self.times) // 2]


class Passes:
    """One pass of a filter over all hosts, with the guard or bare: its own work is a few microseconds."""

    def __init__(self, *, guarded: bool):
        (self._table, _), self._spec = fleet.in_use(SMALL), fleet.spec(1)
        self._mask = FilterGuard("Plain", Plain()).mask if guarded else Plain().mask
        self.times: list[int] = []

    def round(self) -> None:
        """Ask a few times."""
        for _ in range(DECISIONS):
            began = time.thread_time_ns()
            for _ in range(20):
                self._mask(self._table, self._spec)
            self.times.append(time.thread_time_ns() - began)

    median = Load.median


RATIOS = {
    "fixed scales, ten times the hosts": (
        lambda: Load(LARGE, weight_normalization="fixed"),
        lambda: Load(SMALL, weight_normalization="fixed"),
    ),
    "min-max, ten times the hosts": (lambda: Load(LARGE), lambda: Load(SMALL)),
    "min-max to fixed scales": (lambda: Load(LARGE), lambda: Load(LARGE, weight_normalization="fixed")),
    "one plain filter more": (
        lambda: Load(LARGE, PlainFilter(), weight_normalization="fixed"),
        lambda: Load(LARGE, weight_normalization="fixed"),
    ),
    "a guarded pass to a bare one": (lambda: Passes(guarded=True), lambda: Passes(guarded=False)),
}


def measured(name: str) -> float:
    """Return a ratio of medians, of rounds taken in turns so that both sides meet the same neighbours."""
    above, below = (make() for make in RATIOS[name])
    for _, load in itertools.product(range(ROUNDS), (above, below)):
        load.round()
    return above.median() / below.median()


@pytest.mark.parametrize("name", RATIOS)
def test_no_ratio_has_become_worse(name):
    limit = json.loads(KEPT.read_text())[name] * WORSE
    ratios = []
    for _ in range(TRIES):
        ratios.append(measured(name))
        if ratios[-1] <= limit:
            return
    pytest.fail(f"{name}: at best {min(ratios):.2f}, at most {limit:.2f} is allowed")


if __name__ == "__main__":
    figures = {name: round(sorted(measured(name) for _ in range(5))[2], 3) for name in RATIOS}
    KEPT.write_text(json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(KEPT.read_text())
