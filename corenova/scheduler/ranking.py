"""How good each host is: raw weights of all hosts for one class of requests, kept up to date with the journal.

With fixed scales one host's change moves no other's score, so the scores themselves are kept and the best host is
found without looking at all of them (classes.py). Nova's min-max normalisation makes every score depend on who the
candidates are: then the raw weights are kept, and a decision normalises them over its candidates.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.askers import Weigher
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.traced import TracedSpec
from corenova.scheduler.views import Subset

_FEW = 24
"""Up to so many changed hosts are asked about one by one."""

Part = tuple[np.ndarray, float | np.ndarray, float, float]
"""Raw weights, multiplier, and the ends of the scale of one weigher."""


class Ranking:
    """The weights of all hosts for requests that are alike in what weighers read.

    :param fixed: normalise by the declared scales where every weigher has one.
    :ivar generation: grows when all scores are new.
    """

    def __init__(self, hosts: HostTable, weighers: Sequence[Weigher], spec: RequestSpec, *, fixed: bool):
        self.reads: set[str] = set()
        self.generation = 0
        self._hosts = hosts
        self._fixed = fixed
        self._spec = TracedSpec(spec, self.reads)
        self._weighers, self._multipliers = [], []
        for weigher in weighers:
            multiplier = weigher.multiplier(hosts)
            if isinstance(multiplier, np.ndarray) or multiplier != 0.0:
                self._weighers.append(weigher)
                self._multipliers.append(multiplier)
        self._fill()

    def _fill(self) -> None:
        hosts, asked = self._hosts, range(len(self._weighers))
        self.revision = hosts.revision
        self._reads_usage = [False] * len(self._weighers)
        self._raw = np.empty((len(self._weighers), len(hosts)))
        self._cells = [memoryview(row) for row in self._raw]
        self._bad: list[set[int]] = [set() for _ in asked]
        for k in asked:
            self._ask(k, None)
        self._scales = [weigher.scale(hosts) for weigher in self._weighers] if self._fixed else []
        self._score_all()

    def _ask(self, k: int, rows: np.ndarray | None) -> None:
        hosts = self._hosts
        hosts.usage_read = False
        raw = self._weighers[k].raw(hosts if rows is None else Subset(hosts, rows), self._spec)
        self._reads_usage[k] |= hosts.usage_read
        if rows is None:
            self._raw[k] = raw
            self._bad[k] = set(np.flatnonzero(np.isnan(raw)).tolist())
        else:
            self._raw[k][rows] = raw
            self._bad[k] -= set(rows.tolist())
            self._bad[k] |= set(rows[np.isnan(raw)].tolist())

    @property
    def incremental(self) -> bool:
        """Whether the scores are kept: each host has one that no other host's change moves."""
        return self._is_incremental and not any(self._bad)

    def _score_all(self) -> None:
        """Compute the scores of all hosts, where a host has a score of its own."""
        self.generation += 1
        scaled = self._fixed and None not in self._scales
        lone = len(self._weighers) == 1 and not isinstance(self._multipliers[0], np.ndarray)
        self._is_incremental = scaled or lone or not self._weighers
        self._is_scaled = scaled
        if not self._is_incremental:
            return
        scores = np.zeros(len(self._hosts))
        if scaled:
            useful = [k for k, (low, high) in enumerate(self._scales) if high > low]
            ends = [(self._scales[k][0], self._scales[k][1] - self._scales[k][0]) for k in useful]
            self._terms = [(self._cells[k], self._multipliers[k], *end) for k, end in zip(useful, ends, strict=True)]
            self._names = [self._weighers[k].name for k in useful]
            for k, (low, span) in zip(useful, ends, strict=True):
                scores += self._multipliers[k] * ((self._raw[k] - low) / span).clip(0.0, 1.0)
        elif lone:
            # Whatever the ends are, normalising keeps the order.
            scores += self._raw[0] * math.copysign(1.0, self._multipliers[0])
        self.scores = scores
        self.score_cells = memoryview(scores)

    def _score(self, row: int) -> float:
        if not self._is_scaled:
            return self._cells[0][row] * math.copysign(1.0, self._multipliers[0]) + 0.0 if self._weighers else 0.0
        return sum(self._scaled_parts(row), 0.0)

    def _scaled_parts(self, row: int) -> list[float]:
        parts = []
        for cells, multiplier, low, span in self._terms:
            share = (cells[row] - low) / span
            share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
            parts.append((multiplier if type(multiplier) is float else float(multiplier[row])) * share)
        return parts

    def catch_up(self) -> None:
        """Ask again about the hosts that have changed since the last time."""
        hosts = self._hosts
        bad = set().union(*self._bad)
        if self.revision == hosts.revision and not bad:
            return
        changes = hosts.changes_since(self.revision)
        if changes is None:
            self._fill()
            return
        self.revision = hosts.revision
        if bad:
            changes = {**changes, **dict.fromkeys(bad, True)}
        if len(changes) <= _FEW:
            for row, facts in changes.items():
                self._ask_row(row, facts=facts)
        else:
            rows = np.fromiter(changes, dtype=np.intp, count=len(changes))
            for k in range(len(self._weighers)):
                self._ask(k, rows)
        if self._fixed and True in changes.values():
            scales = [weigher.scale(hosts) for weigher in self._weighers]
            if scales != self._scales:
                self._scales = scales
                self._score_all()
                return
        if self._is_incremental:
            for row in changes:
                self.score_cells[row] = self._score(row)

    def _ask_row(self, row: int, *, facts: bool) -> None:
        hosts = self._hosts
        for k, weigher in enumerate(self._weighers):
            if not (facts or self._reads_usage[k]):
                continue
            hosts.usage_read = False
            raw = self._cells[k][row] = weigher.raw_row(hosts, row, self._spec)
            self._reads_usage[k] |= hosts.usage_read
            if raw != raw:
                self._bad[k].add(row)
            elif self._bad[k]:
                self._bad[k].discard(row)

    def total(
        self, candidates: np.ndarray | None, more: Sequence[tuple[Weigher, np.ndarray]] = ()
    ) -> tuple[np.ndarray, list[tuple[str, Part]]]:
        """Return the sums of all weights over the candidates, and by weigher what each one's part is made of.

        The sums leave out what is the same for all candidates.

        :param candidates: their rows, or None for all hosts.
        :param more: weighers that look at the single request, with their raw weights of the candidates.
        """
        pick = (lambda column: column) if candidates is None else (lambda column: column[candidates])
        total = np.zeros(len(self._hosts) if candidates is None else len(candidates))
        parts: list[tuple[str, Part]] = []
        if len(total) < 2:  # a lone host weighs nothing, as in Nova
            return total, parts
        everybody = [
            (weigher, pick(raw), multiplier)
            for weigher, raw, multiplier in zip(self._weighers, self._raw, self._multipliers, strict=True)
        ]
        everybody += [(weigher, raw, weigher.multiplier(self._hosts)) for weigher, raw in more]
        for k, (weigher, raw, multiplier) in enumerate(everybody):
            scale = self._scales[k] if k < len(self._scales) else None
            low, high = scale or (weigher.low, weigher.high)
            low = raw.min() if low is None else low
            high = raw.max() if high is None else high
            if not 0.0 < high - low < math.inf:  # all alike, or a weigher that has failed for one of them
                continue
            if scale is not None:
                raw = raw.clip(low, high)
            multiplier = pick(multiplier) if isinstance(multiplier, np.ndarray) else multiplier
            # Per-host multipliers make the ends count; without them the low end moves all sums alike.
            if isinstance(multiplier, np.ndarray):
                total += (raw - low) / (high - low) * multiplier
            else:
                total += raw * (multiplier / (high - low))
            parts.append((weigher.name, (raw, multiplier, float(low), float(high))))
        return total, parts

    def weights(self, row: int, rows: Callable[[], np.ndarray | None]) -> dict[str, float]:
        """Return the weights of one host by weigher, when the scores are kept (``incremental``).

        :param rows: tells the rows of the candidates (None: all hosts) when they have to be known.
        """
        if self._is_scaled:
            return dict(zip(self._names, self._scaled_parts(row), strict=True))
        candidates = rows()
        _, parts = self.total(candidates)
        position = row if candidates is None else int(np.searchsorted(candidates, row))
        return {name: part_of(part, position) for name, part in parts}


def part_of(part: Part, position: int) -> float:
    """Return one candidate's weight of one weigher."""
    raw, multiplier, low, high = part
    by = float(multiplier[position]) if isinstance(multiplier, np.ndarray) else multiplier
    return by * ((float(raw[position]) - low) / (high - low))
