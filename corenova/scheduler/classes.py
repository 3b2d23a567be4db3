"""Which hosts a class of requests may use, and which is best: kept, and caught up with the hosts that have changed.

A *class* are requests that are equal in all fields that the enabled plug-ins read (traced.py). Each class keeps, for
every host, who was the first to refuse it, and a heap with the best of the others. Four of five requests repeat an
earlier one, so a decision usually looks at the one or two hosts that were claimed since the last.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Sequence
from heapq import heapify, heappop, heappush

import numpy as np

from corenova.objects.decision import StageResult
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.askers import Asker, Columns, Weigher
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.ranking import Ranking
from corenova.scheduler.traced import ClassKeys, TracedSpec
from corenova.scheduler.views import Subset

NOBODY = 255
"""In place of a refuser: the host is a candidate. So there may be 255 stages and filters."""
_FEW = 24
_FRONT = 64
_PART = 40
"""The heap has one in so many of all hosts, and at least _FRONT: it is filled anew when these have been used up."""
_MOST_CLASSES = 128
_MOST_RANKINGS = 32

Entry = tuple[float, int]
"""(minus score, row): the smallest entry is the best host, of equals the first."""


class RequestClass:
    """One class of requests on one table.

    :param askers: stages and filters in order, none of them selective.
    :ivar refuser: for each host the position of the first asker that refuses it, or NOBODY.
    :ivar resources: what is claimed for each instance.
    :ivar is_sound: False: an asker has failed, so the answers serve this request and must not be kept.
    """

    def __init__(self, hosts: HostTable, askers: Sequence[Asker], ranking: Ranking, spec: RequestSpec):
        self.reads: set[str] = set()
        self.ranking = ranking
        self._hosts = hosts
        self._askers = askers
        self._spec = TracedSpec(spec, self.reads)
        self.resources: dict[str, int] = self._spec.resources()
        self._reads_usage = [False] * len(askers)
        self._fickle: list[int] = []
        self._owed: set[int] = set()
        self._front = max(_FRONT, len(hosts) // _PART)
        self._passes = [asker.of_row(hosts, self._spec) for asker in askers]
        self.is_sound = True
        self._fill()

    def _fill(self) -> None:
        self.revision = self._hosts.revision
        self.refuser = self._judge(self._hosts)
        self._refuser_cells = memoryview(self.refuser)
        counts = np.bincount(self.refuser, minlength=NOBODY + 1)
        self._refused = counts[: len(self._askers)].tolist()
        self.candidates = int(counts[NOBODY])
        self._results: tuple[StageResult, ...] | None = None
        self._heap: list[Entry] | None = None

    def _judge(self, hosts: Columns) -> np.ndarray:
        refuser = np.full(len(hosts), NOBODY, dtype=np.uint8)
        left = np.ones(len(hosts), dtype=bool)
        for k, asker in enumerate(self._askers):
            self._hosts.usage_read, faults = False, asker.faults
            mask = asker.mask(hosts, self._spec, left)
            self._note_asked(k, faults)
            refuser[left & ~mask] = k
            left &= mask
            if not left.any():
                break
        return refuser

    def results(self) -> tuple[StageResult, ...]:
        """Return how many hosts each asker was asked about, and how many it let pass."""
        if self._results is None:
            results, left = [], len(self._hosts)
            for asker, refused in zip(self._askers, self._refused, strict=True):
                results.append(StageResult(asker.name, left, left - refused))
                left -= refused
                if not left:
                    break
            self._results = tuple(results)
        return self._results

    def rows(self) -> np.ndarray | None:
        """Return the rows of the candidates, or None when all hosts are."""
        return None if self.candidates == len(self._hosts) else np.flatnonzero(self.refuser == NOBODY)

    def catch_up(self, batch: Container[int] = ()) -> None:
        """Look again at the hosts that have changed since the last time.

        :param batch: hosts chosen for the batch that is being placed: who wants to be asked once is not asked again.
        """
        hosts = self._hosts
        self.ranking.catch_up()
        if self.revision == hosts.revision and not self._owed:
            return
        changes = hosts.changes_since(self.revision)
        if changes is None:
            self._owed.clear()
            self._fill()
            return
        self.revision = hosts.revision
        if self._owed:
            changes = {**dict.fromkeys(self._owed, False), **changes}
            self._owed.clear()
        if len(changes) > _FEW and not batch:
            self._judge_many(np.fromiter(changes, dtype=np.intp, count=len(changes)))
            return
        cells, fickle = self._refuser_cells, self._fickle
        passes = [self._passes[k] for k in fickle]
        faults = [self._askers[k].faults for k in fickle]
        for row, facts in changes.items():
            if facts or cells[row] != NOBODY or row in batch:
                self._judge_row(row, facts=facts, lenient=row in batch)
                continue
            # The usual case of _judge_row: a candidate that has been claimed or released.
            for k, may in zip(fickle, passes, strict=True):
                if not may(row):
                    self._move(row, NOBODY, k)
                    break
        self._push_all(changes)
        if faults != [self._askers[k].faults for k in fickle]:
            self.is_sound = False

    def _judge_many(self, rows: np.ndarray) -> None:
        self.refuser[rows] = self._judge(Subset(self._hosts, rows))
        counts = np.bincount(self.refuser, minlength=NOBODY + 1)
        self._refused = counts[: len(self._askers)].tolist()
        self.candidates = int(counts[NOBODY])
        self._results = None
        if self._heap is not None and self.ranking.incremental:
            self._push_all(rows[self.ranking.scores[rows] >= -self._last[0]].tolist())

    def _note_asked(self, k: int, faults: int) -> None:
        """Note whether what an asker has just read is changed by claims, and whether it has failed."""
        if self._hosts.usage_read and not self._reads_usage[k]:
            self._reads_usage[k] = True
            self._fickle = [k for k, reads in enumerate(self._reads_usage) if reads]
        if self._askers[k].faults != faults:
            self.is_sound = False

    def _refuses(self, k: int, row: int) -> bool:
        asker = self._askers[k]
        self._hosts.usage_read, faults = False, asker.faults
        passes = self._passes[k](row)
        self._note_asked(k, faults)
        return not passes

    def _judge_row(self, row: int, *, facts: bool, lenient: bool) -> None:
        """Find the first who refuses a host, asking only those whose answer may be another one than before.

        Whoever stands before the last refuser has let the host pass; unless facts have changed, or what it reads is
        changed by claims (the *fickle*), it would do so again.
        """
        before = self._refuser_cells[row]
        if facts:
            asked: Sequence[int] = range(len(self._askers))
        elif before == NOBODY:
            asked = self._fickle
        elif not self._reads_usage[before]:
            asked = [k for k in self._fickle if k < before]
        else:
            asked = [k for k in range(len(self._askers)) if k >= before or self._reads_usage[k]]
        if lenient:
            once = [k for k in asked if self._askers[k].once and self._reads_usage[k]]
            if once:
                self._owed.add(row)
                asked = [k for k in asked if k not in once]
        for k in asked:
            if self._refuses(k, row):
                now = k
                break
        else:
            now = before if not facts and before != NOBODY and not self._reads_usage[before] else NOBODY
        if now != before:
            self._move(row, before, now)

    def _move(self, row: int, before: int, now: int) -> None:
        self._refuser_cells[row] = now
        self._results = None
        for who, sign in ((before, -1), (now, 1)):
            if who == NOBODY:
                self.candidates += sign
            else:
                self._refused[who] += sign

    # The best first.

    def best(self, wanted: int, passes: Callable[[int], bool] | None = None, *, most: int = 0) -> list[int]:
        """Return up to ``wanted`` candidates, the best first; scores must be kept (ranking.incremental).

        :param passes: asked about each in turn; those it refuses are left out.
        :param most: give up after so many that were refused; 0: never.
        """
        size = self._front
        while True:
            found, refused, is_all = self._from_front(wanted, passes, most)
            if is_all or len(found) == wanted or (most and refused >= most):
                return found
            size *= 4
            self._fill_front(size)

    def _from_front(self, wanted: int, passes: Callable[[int], bool] | None, most: int) -> tuple[list[int], int, bool]:
        """Take from the heap and put back; the last value tells that there are no candidates beyond what was seen."""
        if self._heap is None or self._generation != self.ranking.generation:
            self._fill_front(self._front)
        heap, cells, scores = self._heap, self._refuser_cells, self.ranking.score_cells
        found: list[int] = []
        taken: list[Entry] = []
        refused = 0
        while heap and len(found) < wanted and not (most and refused >= most):
            entry = heappop(heap)
            row = entry[1]
            if cells[row] != NOBODY or scores[row] != -entry[0] or (taken and entry == taken[-1]):
                continue  # the host has changed since, or is here twice
            taken.append(entry)
            if passes is None or passes(row):
                found.append(row)
            else:
                refused += 1
        for entry in taken:
            heappush(heap, entry)
        return found, refused, self._is_whole

    def _fill_front(self, size: int) -> None:
        """Put the ``size`` best candidates into the heap; ``_last`` is the worst of them.

        From then on a host whose score changes enters the heap when it is better than that one. So the heap has all
        candidates that are at least as good, and its best is the best of all.
        """
        self._generation = self.ranking.generation
        rows = self.rows()
        scores = self.ranking.scores if rows is None else self.ranking.scores[rows]
        self._is_whole = len(scores) <= size
        if self._is_whole:
            chosen = np.arange(len(scores))
            self._last: Entry = (math.inf, 0)
        else:
            limit = -np.partition(-scores, size - 1)[size - 1]
            above = np.flatnonzero(scores > limit)
            # Of those that equal the limit the first ones, as everywhere.
            chosen = np.concatenate([above, np.flatnonzero(scores == limit)[: size - len(above)]])
        best = scores[chosen].tolist()
        places = (chosen if rows is None else rows[chosen]).tolist()
        self._heap = [(-score, row) for score, row in zip(best, places, strict=True)]
        if not self._is_whole:
            self._last = max(self._heap)
        heapify(self._heap)
        self._most_entries = 4 * len(self._heap) + 512

    def _push_all(self, rows: Iterable[int]) -> None:
        """Put those of these hosts into the heap that belong there: candidates, as good as its worst."""
        heap, ranking = self._heap, self.ranking
        if heap is None or self._generation != ranking.generation or not ranking.incremental:
            return
        cells, scores, last = self._refuser_cells, ranking.score_cells, self._last
        for row in rows:
            if cells[row] == NOBODY:
                entry = (-scores[row], row)
                if entry <= last:
                    heappush(heap, entry)
        if len(heap) > self._most_entries:
            self._heap = None  # most of it is out of date


class Classes:
    """The classes that are kept for one table, the least recently used ones given up.

    :param askers: stages and filters that may be kept, by the kind of request (see pipeline.py).
    """

    def __init__(
        self, hosts: HostTable, askers: dict[str, Sequence[Asker]], weighers: Sequence[Weigher], *, fixed: bool
    ):
        self.hosts = hosts
        self._askers = askers
        self._weighers = weighers
        self._fixed = fixed
        self._keys = ClassKeys()
        self._ranking_keys = ClassKeys()
        self._forget()

    def _forget(self) -> None:
        self._epoch = self.hosts.epoch
        self._classes: OrderedDict[tuple, RequestClass] = OrderedDict()
        self._rankings: OrderedDict[tuple, Ranking] = OrderedDict()

    def get(self, spec: RequestSpec, kind: str, batch: Container[int] = ()) -> RequestClass:
        """Return the class of a request, up to date; ``batch`` as in RequestClass.catch_up."""
        if self._epoch != self.hosts.epoch:
            self._forget()
        key = (kind, self._keys.of(spec))
        found = self._classes.get(key)
        if found is None:
            return self._made(spec, kind)
        self._classes.move_to_end(key)
        known = len(found.reads) + len(found.ranking.reads)
        found.catch_up(batch)
        if len(found.reads) + len(found.ranking.reads) != known:
            self._learn(found)
        if not found.is_sound:
            self._classes.pop(key, None)
        return found

    def _made(self, spec: RequestSpec, kind: str) -> RequestClass:
        made = RequestClass(self.hosts, self._askers[kind], self._ranking(spec), spec)
        self._learn(made)
        if made.is_sound:
            self._classes[kind, self._keys.of(spec)] = made
            if len(self._classes) > _MOST_CLASSES:
                self._classes.popitem(last=False)
        return made

    def _ranking(self, spec: RequestSpec) -> Ranking:
        key = self._ranking_keys.of(spec)
        found = self._rankings.get(key)
        if found is None:
            found = Ranking(self.hosts, self._weighers, spec, fixed=self._fixed)
            if self._ranking_keys.learn(found.reads):
                self._rankings.clear()
            self._rankings[self._ranking_keys.of(spec)] = found
            if len(self._rankings) > _MOST_RANKINGS:
                self._rankings.popitem(last=False)
        else:
            self._rankings.move_to_end(key)
            found.catch_up()
        return found

    def _learn(self, one: RequestClass) -> None:
        """Take note of fields that were read for the first time: what is kept was told apart without them."""
        if self._ranking_keys.learn(one.ranking.reads):
            self._rankings.clear()
        if self._keys.learn(one.reads | one.ranking.reads):
            self._classes.clear()
