"""Which hosts a class of requests may use, and which is best: kept, and caught up with the hosts that have changed.

A *class* are requests that are equal in all fields that the enabled plug-ins read (traced.py). Each class keeps, for
every host, who was the first to refuse it, and a front with the best of the others. Four of five requests repeat an
earlier one, so a decision usually looks at the one or two hosts that were claimed since the last.
"""

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Sequence
from time import perf_counter

import numpy as np

from corenova.account import Account
from corenova.objects.decision import StageResult
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.front import NOBODY, Front
from corenova.scheduler.hosts import Claim, HostTable
from corenova.scheduler.plugin_guard import Columns
from corenova.scheduler.ranking import Ranking
from corenova.scheduler.traced import ClassKeys, TracedSpec
from corenova.scheduler.views import Subset
from corenova.scheduler.weigher_guard import WeigherGuard

_FEW = 24
_FRONT = 64
_PART = 40
"""The front has one in so many of all hosts, and at least _FRONT: it is filled anew when these have been used up."""
_MOST_CLASSES = 128
_MOST_RANKINGS = 32


class RequestClass:
    """One class of requests on one table.

    :param guards: stages and filters in order, none of them selective.
    :ivar refuser: for each host the position of the first guard that refuses it, or NOBODY.
    :ivar claim: what is taken for each instance.
    :ivar is_sound: False: a filter has failed, so the answers serve this request and must not be kept.
    """

    def __init__(self, hosts: HostTable, guards: Sequence[FilterGuard], ranking: Ranking, spec: RequestSpec):
        self.reads: set[str] = set()
        self.known_reads = 0
        self.ranking = ranking
        self._hosts = hosts
        self._guards = guards
        self._spec = TracedSpec(spec, self.reads)
        resources = self._spec.resources()
        # Of a resource class that no host has nobody can claim: then there is never a candidate.
        self.claim = hosts.claim_of(resources) if resources.keys() <= hosts.cells.keys() else Claim({}, ())
        self._reads_usage = [False] * len(guards)
        self._fickle: list[int] = []
        self._fickle_passes: list[tuple[int, Callable[[int], bool], Account | None]] = []
        self._owed: set[int] = set()
        self._size = max(_FRONT, len(hosts) // _PART)
        self._passes = [guard.of_row(hosts, self._spec) for guard in guards]
        self.is_sound = True
        self._fill()

    def _fill(self) -> None:
        self.revision = self._hosts.revision
        self.refuser = self._judge(self._hosts)
        self._refuser_cells = memoryview(self.refuser)
        counts = np.bincount(self.refuser, minlength=NOBODY + 1)
        self._refused = counts[: len(self._guards)].tolist()
        self.candidates = int(counts[NOBODY])
        self._results: tuple[StageResult, ...] | None = None
        self._front: Front | None = None

    def _judge(self, hosts: Columns) -> np.ndarray:
        refuser = np.full(len(hosts), NOBODY, dtype=np.uint8)
        left = np.ones(len(hosts), dtype=bool)
        for k, guard in enumerate(self._guards):
            self._hosts.usage_read, faults = False, guard.faults
            mask = guard.mask(hosts, self._spec, left)
            self._note_asked(k, faults)
            refuser[left & ~mask] = k
            left &= mask
            if not left.any():
                break
        return refuser

    def results(self) -> tuple[StageResult, ...]:
        """Return how many hosts each guard was asked about, and how many it let pass."""
        if self._results is None:
            results, left = [], len(self._hosts)
            for guard, refused in zip(self._guards, self._refused, strict=True):
                results.append(StageResult(guard.name, left, left - refused))
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
        cells = self._refuser_cells
        usual = []  # candidates that have been claimed or released
        for row, facts in changes.items():
            if facts or cells[row] != NOBODY or row in batch:
                self._judge_row(row, facts=facts, lenient=row in batch)
            else:
                usual.append(row)
        for k, passes, account in self._fickle_passes if usual else ():
            if account is not None:
                faults, began = account.faults, perf_counter()
            has_refused = False
            for row in usual:
                if not passes(row):
                    self._move(row, NOBODY, k)
                    has_refused = True
            if account is not None:
                account.calls += 1
                account.seconds += perf_counter() - began
                if account.faults != faults:
                    self.is_sound = False
            if has_refused:  # the next is not asked about those
                usual = [row for row in usual if cells[row] == NOBODY]
                if not usual:
                    break
        self._offer(changes)

    def _judge_many(self, rows: np.ndarray) -> None:
        self.refuser[rows] = self._judge(Subset(self._hosts, rows))
        counts = np.bincount(self.refuser, minlength=NOBODY + 1)
        self._refused = counts[: len(self._guards)].tolist()
        self.candidates = int(counts[NOBODY])
        self._results = None
        if self._front is not None and self.ranking.incremental:
            self._offer(rows[self.ranking.scores[rows] >= self._front.lowest].tolist())

    def _note_asked(self, k: int, faults: int) -> None:
        """Note whether what a filter has just read is changed by claims, and whether it has failed."""
        if self._hosts.usage_read and not self._reads_usage[k]:
            self._reads_usage[k] = True
            self._fickle = [k for k, reads in enumerate(self._reads_usage) if reads]
            fickle = [(k, self._guards[k]) for k in self._fickle]
            # Nobody reads the account of a built-in stage.
            self._fickle_passes = [(k, self._passes[k], None if a.built_in else a.account) for k, a in fickle]
        if self._guards[k].faults != faults:
            self.is_sound = False

    def _refuses(self, k: int, row: int) -> bool:
        guard = self._guards[k]
        self._hosts.usage_read, faults = False, guard.faults
        passes = guard.ask_row(self._passes[k], row)
        self._note_asked(k, faults)
        return not passes

    def _judge_row(self, row: int, *, facts: bool, lenient: bool) -> None:
        """Find the first who refuses a host, asking only those whose answer may be another one than before.

        Whoever stands before the last refuser has let the host pass; unless facts have changed, or what it reads is
        changed by claims (the *fickle*), it would do so again.
        """
        before = self._refuser_cells[row]
        if facts:
            asked: Sequence[int] = range(len(self._guards))
        elif before == NOBODY:
            asked = self._fickle
        elif not self._reads_usage[before]:
            asked = [k for k in self._fickle if k < before]
        else:
            asked = [k for k in range(len(self._guards)) if k >= before or self._reads_usage[k]]
        if lenient:
            once = [k for k in asked if self._guards[k].once and self._reads_usage[k]]
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
        ranking = self.ranking
        if self._front is None or self._generation != ranking.generation:
            self._fill_front(self._size)
        size = self._size
        while True:
            found, refused = self._front.best(wanted, self._refuser_cells, ranking.score_cells, passes, most)
            if len(found) == wanted or self._front.is_whole or (most and refused == most):
                return found
            self._fill_front(size)  # it was used up; only when it is too small even when full, make it larger
            size *= 4

    def _fill_front(self, size: int) -> None:
        self._generation = self.ranking.generation
        self._front = Front(self.ranking.scores, self.rows(), size)

    def _offer(self, rows: Iterable[int]) -> None:
        """Let hosts that have changed into the front, if there is one that is worth it."""
        ranking = self.ranking
        if self._front is None or self._generation != ranking.generation or not ranking.incremental:
            return
        if not self._front.offer(rows, self._refuser_cells, ranking.score_cells):
            self._front = None


class Classes:
    """The classes that are kept for one table, the least recently used ones given up.

    :param guards: stages and filters that may be kept, by the kind of request (see pipeline.py).
    """

    def __init__(
        self,
        hosts: HostTable,
        guards: dict[str, Sequence[FilterGuard]],
        weighers: Sequence[WeigherGuard],
        *,
        fixed: bool,
    ):
        self.hosts = hosts
        self._guards = guards
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
        found.catch_up(batch)
        if len(found.reads) + len(found.ranking.reads) != found.known_reads and self._learn(found):
            return self._made(spec, kind)  # it was judged with what the request says that has made the class
        if not found.is_sound:
            self._classes.pop(key, None)
        return found

    def _made(self, spec: RequestSpec, kind: str) -> RequestClass:
        made = RequestClass(self.hosts, self._guards[kind], self._ranking(spec), spec)
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
            if self._ranking_keys.learn(found.reads):
                self._rankings.clear()
                return self._ranking(spec)
        return found

    def _learn(self, one: RequestClass) -> bool:
        """Take note of fields that were read for the first time: what is kept was told apart without them."""
        one.known_reads = len(one.reads) + len(one.ranking.reads)
        if self._ranking_keys.learn(one.ranking.reads):
            self._rankings.clear()
        news = self._keys.learn(one.reads | one.ranking.reads)
        if news:
            self._classes.clear()
        return news
