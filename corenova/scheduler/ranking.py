"""How good each host is: raw weights of all hosts for one class of requests, kept up to date with the journal.

With fixed scales one host's change moves no other's score, so the scores themselves are kept and the best host is
found without looking at all of them (classes.py). Nova's min-max normalisation makes every score depend on who the
candidates are: then the raw weights are kept, and a decision normalises them over its candidates.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

import numpy as np

from corenova.account import FAULTS
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.traced import TracedSpec
from corenova.scheduler.views import Subset
from corenova.scheduler.weigher_guard import WeigherGuard

_FEW = 24
"""Up to so many changed hosts are asked about one by one."""

Term = tuple[str, memoryview, float | np.ndarray, float, float]
"""Name, raw weights, multiplier, low end and span of the scale of one weigher."""
Part = tuple[np.ndarray | float, float | np.ndarray, float, float]
"""Of one weigher: raw weights of the candidates (a number when all have the same), multiplier, ends of the scale."""


class Ranking:
    """The weights of all hosts for requests that are alike in what weighers read.

    :param fixed: normalise by the declared scales where every weigher has one.
    :ivar generation: grows when scores are new although their hosts have not changed.
    """

    def __init__(self, hosts: HostTable, weighers: Sequence[WeigherGuard], spec: RequestSpec, *, fixed: bool):
        self.reads: set[str] = set()
        self.generation = 0
        self._hosts = hosts
        self._fixed = fixed
        self._spec = TracedSpec(spec, self.reads)
        with_multiplier = [(weigher, weigher.multiplier(hosts)) for weigher in weighers]
        self._asked = [pair for pair in with_multiplier if isinstance(pair[1], np.ndarray) or pair[1] != 0.0]
        self._fill()

    def _fill(self) -> None:
        self.revision = self._hosts.revision
        self._reads_usage = [False] * len(self._asked)
        self._is_scaled, self._terms = False, []
        self._raw = np.empty((len(self._asked), len(self._hosts)))
        self._cells = [memoryview(row) for row in self._raw]
        self._ends: list[tuple[float, float] | None] = [None] * len(self._asked)
        self._ask(None)
        self._scales = self._declared()
        self._score_all()

    def _declared(self) -> list[tuple[float, float] | None]:
        return [weigher.scale(self._hosts) if self._fixed else None for weigher, _ in self._asked]

    @property
    def incremental(self) -> bool:
        """Whether the scores are kept: each host has one that no other host's change moves."""
        return self._is_incremental and not self._bad

    # Raw weights.

    def _ask(self, rows: np.ndarray | None) -> None:
        """Ask every weigher about these hosts (None: all), with its vector form where it has one."""
        hosts = self._hosts
        columns = hosts if rows is None else Subset(hosts, rows)
        for k, (weigher, _) in enumerate(self._asked):
            hosts.usage_read = False
            raw = weigher.raw(columns, self._spec)
            self._reads_usage[k] |= hosts.usage_read
            self._raw[k, slice(None) if rows is None else rows] = raw
            self._ends[k] = None
        self._note_bad(set(np.flatnonzero(np.isnan(self._raw.sum(axis=0))).tolist()))

    def _ask_row(self, row: int, *, facts: bool) -> None:
        hosts = self._hosts
        is_bad = False
        for k, (weigher, _) in enumerate(self._asked):
            if not (facts or self._reads_usage[k]):
                is_bad = is_bad or self._cells[k][row] != self._cells[k][row]
                continue
            column = self._columns[k]
            if column is not None:
                raw = weigher.clipped(column[row])
            else:
                hosts.usage_read = False
                raw = weigher.raw_row(hosts, row, self._spec)
                self._reads_usage[k] |= hosts.usage_read
            self._put(k, row, raw)
            is_bad = is_bad or raw != raw
        if is_bad or row in self._bad:
            self._note_bad(self._bad | {row} if is_bad else self._bad - {row})

    def _put(self, k: int, row: int, raw: float) -> None:
        """Write a raw weight, and keep the smallest and largest of all as long as one knows them."""
        before, ends = self._cells[k][row], self._ends[k]
        self._cells[k][row] = raw
        if ends is not None and raw != before:
            low, high = ends
            known = low < before < high and raw == raw  # who leaves an end may have been the only one there
            self._ends[k] = (min(low, raw), max(high, raw)) if known else None

    def _note_bad(self, rows: set[int]) -> None:
        """Note for which hosts a weigher has failed; they are asked about until it does no more."""
        self._bad = rows
        self.generation += 1
        self._plan()

    def _plan(self) -> None:
        """Note who can be asked without ado about a host that a claim has changed: scales need no clipping before."""
        weighers = [weigher for weigher, _ in self._asked]
        self._columns = [w.column and self._hosts.cells_of(w.column) for w in weighers]
        asks = [w.scalar if reads else None for w, reads in zip(weighers, self._reads_usage, strict=True)]
        can = all(asks[k] is not None or not reads for k, reads in enumerate(self._reads_usage))
        useful = {k for k, _ in self._terms}
        can &= all(k in useful or not reads for k, reads in enumerate(self._reads_usage))
        can &= not any(isinstance(multiplier, np.ndarray) for _, multiplier in self._asked)
        is_quick = self._is_scaled and can
        self._quick = [(self._columns[k], *term[1:]) for k, term in self._terms] if is_quick else None
        called = [k for k, _ in self._terms if asks[k] is not None and self._columns[k] is None] if is_quick else []
        self._called = [(asks[k], self._cells[k], weighers[k].account) for k in called]

    def catch_up(self) -> None:
        """Ask again about the hosts that have changed since the last time."""
        hosts = self._hosts
        if self.revision == hosts.revision and not self._bad:
            return
        changes = hosts.changes_since(self.revision)
        if changes is None:
            self._fill()
            return
        self.revision = hosts.revision
        if self._bad:
            changes = {**changes, **dict.fromkeys(self._bad, True)}
        if (
            self._quick is not None
            and len(changes) <= _FEW
            and True not in changes.values()
            and self._asked_quickly(changes)
        ):
            return
        if len(changes) <= _FEW:
            for row, facts in changes.items():
                self._ask_row(row, facts=facts)
        else:
            self._ask(np.fromiter(changes, dtype=np.intp, count=len(changes)))
        if self._fixed and True in changes.values():
            scales = self._declared()
            if scales != self._scales:
                self._scales = scales
                self._score_all()
                return
        if self._is_incremental:
            score, cells = self._score, self.score_cells
            for row in changes:
                cells[row] = score(row)

    def _asked_quickly(self, rows: Iterable[int]) -> bool:
        """The usual case in one loop: claims have changed a few hosts, and no weigher fails. False: it was not so."""
        quick, scores = self._quick, self.score_cells
        if self._called and not self._asked_called(rows):
            return False
        for row in rows:
            total = 0.0
            # Smallest and largest are nobody's business here: all have scales.
            for column, cells, multiplier, low, span in quick:
                if column is None:
                    raw = cells[row]
                else:
                    cells[row] = raw = column[row]
                share = (raw - low) / span
                total += multiplier * (0.0 if share < 0.0 else 1.0 if share > 1.0 else share)
            scores[row] = total
        return True

    def _asked_called(self, rows: Iterable[int]) -> bool:
        """Ask about a few hosts those weighers whose weights claims change and are no column; False: one has failed."""
        states, spec = self._hosts.states, self._spec
        for weigh, cells, account in self._called:
            began = perf_counter()
            try:
                for row in rows:
                    cells[row] = raw = weigh(states[row], spec)
                    if raw - raw:  # neither infinite nor NaN is a weight
                        return False
            except FAULTS:
                return False
            account.enter(perf_counter() - began)
        return True

    # Scores.

    def _score_all(self) -> None:
        """Compute the scores of all hosts, where a host has a score of its own."""
        self.generation += 1
        self._is_scaled = self._fixed and None not in self._scales
        lone = len(self._asked) == 1 and not isinstance(self._asked[0][1], np.ndarray)
        self._is_incremental = self._is_scaled or lone or not self._asked
        if not self._is_incremental:
            return
        self._terms = self._scaled_terms() if self._is_scaled else []
        scores = np.zeros(len(self._hosts))
        if self._is_scaled:
            for k, (_, _, multiplier, low, span) in self._terms:
                scores += multiplier * ((self._raw[k] - low) / span).clip(0.0, 1.0)
        elif lone:
            # Whatever the ends are, normalising keeps the order.
            scores += self._raw[0] * math.copysign(1.0, self._asked[0][1])
        self._score = self._scaled_score if self._is_scaled else self._lone_score
        self.scores, self.score_cells = scores, memoryview(scores)
        self._plan()

    def _scaled_terms(self) -> list[tuple[int, Term]]:
        return [
            (k, (weigher.name, self._cells[k], multiplier, low, high - low))
            for k, ((weigher, multiplier), (low, high)) in enumerate(zip(self._asked, self._scales, strict=True))
            if high > low
        ]

    def _scaled_score(self, row: int) -> float:
        total = 0.0
        for _, (_, cells, multiplier, low, span) in self._terms:
            share = (cells[row] - low) / span
            share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
            total += (multiplier if type(multiplier) is float else float(multiplier[row])) * share
        return total

    def _lone_score(self, row: int) -> float:
        return self._cells[0][row] * math.copysign(1.0, self._asked[0][1]) + 0.0 if self._asked else 0.0

    def weights(self, row: int, rows: Callable[[], np.ndarray | None]) -> dict[str, float]:
        """Return the weights of one host by weigher, when the scores are kept (``incremental``).

        :param rows: tells the rows of the candidates (None: all hosts) when they have to be known.
        """
        if self._is_scaled:
            weights = {}
            for _, (name, cells, multiplier, low, span) in self._terms:
                share = (cells[row] - low) / span
                share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
                weights[name] = (multiplier if type(multiplier) is float else float(multiplier[row])) * share
            return weights
        candidates = rows()
        _, parts = self.total(candidates)
        position = row if candidates is None else int(np.searchsorted(candidates, row))
        return {name: part_of(part, position) for name, part in parts}

    def total(
        self, candidates: np.ndarray | None, more: Sequence[tuple[WeigherGuard, np.ndarray]] = ()
    ) -> tuple[np.ndarray, list[tuple[str, Part]]]:
        """Return the sums of all weights over the candidates, and by weigher what each one's part is made of.

        The sums leave out what is the same for all candidates.

        :param candidates: their rows, or None for all hosts.
        :param more: weighers that look at the single request, with their raw weights of the candidates.
        """
        total = np.zeros(len(self._hosts) if candidates is None else len(candidates))
        if len(total) < 2:  # a lone host weighs nothing, as in Nova
            return total, []
        found = [(weigher.name, self._part(k, candidates)) for k, (weigher, _) in enumerate(self._asked)]
        for weigher, raw in more:
            found.append((weigher.name, _scaled(raw, _among(weigher.multiplier(self._hosts), candidates), weigher)))
        # All alike, or a weigher that has failed for one of them: it has no say.
        parts = [(name, part) for name, part in found if 0.0 < part[3] - part[2] < math.inf]
        if self._bad or more:  # a fixed end does not show that one has failed
            parts = [one for one in parts if isinstance(one[1][0], float) or math.isfinite(one[1][0].sum())]
        for _, (raw, multiplier, low, high) in parts:
            if isinstance(multiplier, np.ndarray):
                total += (raw - low) / (high - low) * multiplier
            elif not isinstance(raw, float):
                # The low end moves all sums alike, and so does a weight that all hosts share.
                total += raw * (multiplier / (high - low))
        return total, parts

    def _part(self, k: int, candidates: np.ndarray | None) -> Part:
        """Return what one weigher's part in the weights of the candidates is made of."""
        weigher, multiplier = self._asked[k][0], _among(self._asked[k][1], candidates)
        raw, scale = self._raw[k], self._scales[k]
        if scale is not None:
            return (raw if candidates is None else raw[candidates]).clip(*scale), multiplier, *scale
        ends = self._ends[k]
        if ends is None:
            ends = self._ends[k] = (float(raw.min()), float(raw.max()))
        if ends[0] == ends[1]:  # the same on all hosts, as most facts and resources are: not to be looked at
            raw = ends[0]
        elif candidates is not None:
            raw, ends = raw[candidates], None
        return _scaled(raw, multiplier, weigher, ends)


def _among(multiplier: float | np.ndarray, candidates: np.ndarray | None) -> float | np.ndarray:
    """Return the multipliers of the candidates, where there is one a host."""
    return multiplier[candidates] if isinstance(multiplier, np.ndarray) and candidates is not None else multiplier


def _scaled(
    raw: np.ndarray | float,
    multiplier: float | np.ndarray,
    weigher: WeigherGuard,
    ends: tuple[float, float] | None = None,
) -> Part:
    """Return raw weights with the ends of Nova's normalisation: those that the class fixes, or smallest and largest."""
    low = weigher.low if weigher.low is not None else ends[0] if ends is not None else float(raw.min())
    high = weigher.high if weigher.high is not None else ends[1] if ends is not None else float(raw.max())
    return raw, multiplier, float(low), float(high)


def part_of(part: Part, position: int) -> float:
    """Return one candidate's weight of one weigher."""
    raw, multiplier, low, high = part
    by = float(multiplier[position]) if isinstance(multiplier, np.ndarray) else multiplier
    return by * (((raw if isinstance(raw, float) else float(raw[position])) - low) / (high - low))
