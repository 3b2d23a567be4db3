"""Which host: the decision itself, values in and values out. No database, no bus, no clock.

    hosts -> built-in stages -> enabled filters -> weighers -> best host, alternates, or the reasons of all

What stages, filters and weighers say is kept per class of requests (classes.py) and caught up with the hosts that have
changed. Plug-ins that look at the single request (its group, its hints) are asked lazily, the best host first.
"""

import copy
import random
from collections.abc import Sequence
from time import perf_counter

import msgspec
import numpy as np

from corenova.breaker import Breakers
from corenova.loader import Plugin
from corenova.objects.decision import Decision, StageResult
from corenova.objects.plugin_account import PluginAccount
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.classes import Classes, RequestClass
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.isolation.proxy import Isolated
from corenova.scheduler.ranking import Part, part_of
from corenova.scheduler.remedies import remedies
from corenova.scheduler.topologies import Topology, claim_for
from corenova.scheduler.traced import ClassKeys, TracedSpec
from corenova.scheduler.verdicts import Verdicts, ask
from corenova.scheduler.views import Subset
from corenova.scheduler.weigher_guard import WeigherGuard

_LAZY = 16
"""So many hosts refused in a row by those who look at the single request: then all hosts are asked about at once."""
_MOST_NOBODY = 1000
_NORMAL, _FORCED, _REBUILD = "normal", "forced", "rebuild"


class Pipeline:
    """The enabled stages, filters and weighers, in order. One thread at a time.

    :param stages: built-in stages.
    :param alternates: how many further hosts a decision names.
    :param subset: choose at random among this many best hosts.
    :param shuffle: choose at random among hosts of equal, best weight.
    :param fixed: normalise weights by the scales that weighers declare, not over the candidates.
    :param breakers: switch off the filters and weighers that fail too often; None: nothing is ever switched off.
    :param left_out: accounts of filters and weighers that could not be loaded and are optional.
    :ivar plugins: the filters and weighers, with their accounts.
    """

    def __init__(
        self,
        stages: Sequence[object],
        filters: Sequence[Plugin],
        weighers: Sequence[tuple[Plugin, float]],
        *,
        alternates: int = 2,
        subset: int = 1,
        shuffle: bool = False,
        fixed: bool = False,
        seed: int | None = None,
        breakers: Breakers | None = None,
        left_out: Sequence[PluginAccount] = (),
    ):
        self.breakers = breakers or Breakers()
        self.plugins = [*filters, *(one for one, _ in weighers)]
        self.left_out = left_out
        self._seen_changes = 0
        for noun, ones in (("filter", filters), ("weigher", (one for one, _ in weighers))):
            for one in ones:
                one.account.guarded_by(self.breakers, f"{noun} {one.name}")
        # Guarded, though they are ours: a request that breaks one must not stop all.
        self.stages = [FilterGuard(stage.name, stage, is_stage=True) for stage in stages]
        self.filters = [FilterGuard(one.name, one.object, one.account) for one in filters]
        self.weighers = [WeigherGuard(one.name, one.object, by, one.account) for one, by in weighers]
        self._alternates = alternates
        self._subset = subset
        self._shuffle = shuffle
        self.fixed = fixed
        self._random = random.Random(seed)
        # After the filters: a refusal is told under the name of the one that the ini enables.
        last = [FilterGuard(Topology.name, Topology())]
        # Whoever forces a host has decided; Nova asks no filter then, and the built-in stages all the same.
        self._asked = {
            _NORMAL: [*self.stages, *self.filters, *last],
            _FORCED: [*self.stages, *last],
            _REBUILD: [
                *(guard for guard in self.stages if getattr(guard.plugin, "RUN_ON_REBUILD", True)),
                *(guard for guard in self.filters if guard.on_rebuild),
                *last,
            ],
        }
        self._selective = {kind: [a for a in guards if a.selective] for kind, guards in self._asked.items()}
        self._selective_weighers = [weigher for weigher in self.weighers if weigher.selective]
        self._classes: Classes | None = None
        self._forget_nobody()
        self._explained: tuple[tuple, Decision] | None = None

    def start(self) -> None:
        """Start the processes of isolated plug-ins, in the background; without it they start when they are asked."""
        for one in self._isolated():
            one.start()

    def stop(self) -> None:
        """End the processes of isolated plug-ins. Who is asked after that fails."""
        for one in self._isolated():
            one.stop()

    def _isolated(self) -> list[Isolated]:
        return [one.object for one in self.plugins if isinstance(one.object, Isolated)]

    def twin(self) -> "Pipeline":
        """Return a pipeline of the same plug-ins, which has decided nothing yet; for another thread."""
        other = copy.copy(self)
        other._random = random.Random()
        other._classes = None
        other._forget_nobody()
        return other

    def counted_properties(self, spec: RequestSpec) -> tuple[str, ...]:
        """Return the image's properties that an enabled weigher wants counted by host.

        It names them in ``counted_image_properties``; an empty one means all.
        """
        found: set[str] = set()
        for weigher in self.weighers if spec.image is not None else ():
            wanted = getattr(weigher.plugin, "counted_image_properties", None)
            if wanted is not None and weigher.default_multiplier:
                found.update(name for name in spec.image.properties if not wanted or name in wanted)
        return tuple(sorted(found))

    def _mind_breakers(self) -> None:
        """Forget what is kept when a plug-in was switched off or on: it was not asked, or will be no more."""
        if self.breakers.any_open:
            self.breakers.try_again()
        if self._seen_changes != self.breakers.changes:
            self._seen_changes = self.breakers.changes
            self._classes = self._explained = None
            self._forget_nobody()

    def _forget_nobody(self) -> None:
        self._about_keys = ClassKeys()
        self._about_nobody: set[tuple[str, tuple[bool, bytes]]] = set()

    def _kept(self, hosts: HostTable) -> Classes:
        if self._classes is None or self._classes.hosts is not hosts:
            kept = {kind: [a for a in guards if not a.selective] for kind, guards in self._asked.items()}
            weighers = [weigher for weigher in self.weighers if not weigher.selective]
            self._classes = Classes(hosts, kept, weighers, fixed=self.fixed)
        return self._classes

    def place(self, hosts: HostTable, spec: RequestSpec, count: int, *, among: int = 1) -> list[Decision]:
        """Decide for ``count`` equal instances, one after the other, and enter each choice in ``hosts``.

        :param among: choose at random among this many best hosts, if that is more than usual: after a conflict.
        :return: ``count`` decisions; from the first that finds no host on, all say why.
        """
        self.breakers.turn += 1
        if self.breakers.changes != self._seen_changes or self.breakers.any_open:
            self._mind_breakers()
        kind = _kind(spec)
        kept = self._kept(hosts).get(spec, kind)
        chosen: set[int] = set()
        decisions: list[Decision] = []
        while len(decisions) < count:
            found = self._choose(hosts, spec, kind, kept, max(among, self._subset))
            if found is None:
                nothing = self.explain(hosts, spec, batch=(len(decisions), count))
                decisions += [nothing] * (count - len(decisions))
                break
            decision, row = found
            decisions.append(decision)
            # Before the resources: the view of the host is live.
            topology = None if spec.topology is None else claim_for(hosts.states[row], spec)
            hosts.take(row, kept.claim)
            if topology is not None:
                hosts.take_topology(row, topology)
            if len(decisions) == count:
                break  # nobody will ask who is left
            chosen.add(row)
            if spec.instance_group is not None:
                group = spec.instance_group.with_member(hosts.names[row])
                spec = msgspec.structs.replace(spec, instance_group=group)
            kept = self._kept(hosts).get(spec, kind, chosen)
        return decisions

    def refusal(self, hosts: HostTable, spec: RequestSpec, host: str) -> str | None:
        """Return why this one host may not run what is asked, by whoever refuses first; None when it may.

        The user is told this: who has failed, but not how.
        """
        self.breakers.turn += 1
        self._mind_breakers()
        row = hosts.index.get(host)
        if row is None:
            return f"There is no host {host}."
        one = Subset(hosts, np.array([row]))
        for guard in self._asked[_kind(spec)]:
            verdict = ask(guard, one, spec)
            if not verdict.mask[0]:
                return f"{guard.name}: {'it failed' if verdict.failures else guard.reason(hosts.states[row], spec)}"
        return None

    def pick(self, hosts: HostTable, spec: RequestSpec) -> int | None:
        """Place one instance as :meth:`place` would, without a word on why; for the simulator.

        :return: the row of its host, or None when nothing fits.
        """
        kind = _kind(spec)
        kept = self._kept(hosts).get(spec, kind)
        guards, weighers = self._about(spec, kind)
        if not kept.candidates:
            row = None
        elif guards or weighers or self._subset > 1:
            found = self._choose(hosts, spec, kind, kept, self._subset)
            row = None if found is None else found[1]
        elif kept.ranking.incremental and not self._shuffle:
            (row,) = kept.best(1)
        else:
            rows = kept.rows()
            best = self._pick(kept.ranking.total(rows)[0], 1)
            row = best if rows is None else int(rows[best])
        if row is not None:
            hosts.take(row, kept.claim)
        return row

    def _about(self, spec: RequestSpec, kind: str) -> tuple[Sequence[FilterGuard], Sequence[WeigherGuard]]:
        """Return the filters and weighers that have a say on this single request; usually there are none.

        What they looked at to say so is noted, and a request that is equal in it is none of their business either.
        """
        key = (kind, self._about_keys.of(spec))
        if key in self._about_nobody:
            return (), ()
        reads: set[str] = set()
        traced, faults = TracedSpec(spec, reads), self._faults_about()
        guards = [guard for guard in self._selective[kind] if guard.applies(traced)]
        weighers = [weigher for weigher in self._selective_weighers if weigher.applies(traced)]
        if self._about_keys.learn(reads) or len(self._about_nobody) > _MOST_NOBODY:
            self._about_nobody.clear()
        if not guards and not weighers and faults == self._faults_about():
            self._about_nobody.add((kind, self._about_keys.of(spec)))
        return guards, weighers

    def _faults_about(self) -> int:
        return sum(one.faults for one in (*self._selective[_NORMAL], *self._selective_weighers))

    def _choose(
        self, hosts: HostTable, spec: RequestSpec, kind: str, kept: RequestClass, subset: int
    ) -> tuple[Decision, int] | None:
        if not kept.candidates:
            return None
        asked, weighing = self._about(spec, kind)
        lazy = _Lazy(hosts, spec, asked) if asked else None
        if kept.ranking.incremental and not weighing and not self._shuffle:
            wanted = subset + self._alternates
            found = kept.best(wanted, lazy and lazy.passes, most=_LAZY if lazy else 0)
            if lazy is not None:
                lazy.settle()
            if lazy is None or len(found) == wanted:
                return self._nearest(hosts, kept, found, lazy, subset)
        rows = kept.rows()
        if lazy is not None:
            rows = lazy.left(rows)
        if rows is not None and not len(rows):
            return None
        return self._weighed(hosts, spec, kept, rows, weighing, lazy, subset)

    def _nearest(
        self, hosts: HostTable, kept: RequestClass, found: list[int], lazy: "_Lazy | None", subset: int
    ) -> tuple[Decision, int]:
        """Choose among the best hosts that are known without looking at the others."""
        if subset == 1:
            row, others = found[0], found[1:]
        else:
            row = self._random.choice(found[:subset])
            others = [other for other in found if other != row]
        weights = kept.ranking.weights(row, kept.rows) if kept.candidates > 1 else {}
        return self._decided(hosts, kept, lazy, row, weights, others), row

    def _weighed(
        self,
        hosts: HostTable,
        spec: RequestSpec,
        kept: RequestClass,
        rows: np.ndarray | None,
        weighing: Sequence[WeigherGuard],
        lazy: "_Lazy | None",
        subset: int,
    ) -> tuple[Decision, int]:
        """Choose by weights that are normalised over these candidates (None: all hosts)."""
        raw = [weigher.raw(hosts, spec) for weigher in weighing]
        more = [(w, r if rows is None else r[rows]) for w, r in zip(weighing, raw, strict=True)]
        total, parts = kept.ranking.total(rows, more)
        best = self._pick(total, subset)
        others = _best(total, self._alternates, without=best)
        at = (lambda place: place) if rows is None else (lambda place: int(rows[place]))
        return (
            self._decided(hosts, kept, lazy, at(best), _weights(parts, best), [at(other) for other in others]),
            at(best),
        )

    def _pick(self, total: np.ndarray, subset: int) -> int:
        if subset > 1:
            return self._random.choice(_best(total, subset))
        best = int(total.argmax())
        if self._shuffle:
            return int(self._random.choice(np.flatnonzero(total == total[best])))
        return best

    def _decided(
        self,
        hosts: HostTable,
        kept: RequestClass,
        lazy: "_Lazy | None",
        row: int,
        weights: dict[str, float],
        others: Sequence[int],
    ) -> Decision:
        weights["total"] = sum(weights.values())
        places, results = hosts.places, kept.results()
        return Decision(
            host=hosts.names[row],
            stages=results if lazy is None else results + lazy.results(),
            weights=weights,
            alternates=tuple([places[other] for other in others[: self._alternates]]),
            candidates=kept.candidates,
            revision=hosts.revision,
        )

    # Why nothing fits.

    def explain(self, hosts: HostTable, spec: RequestSpec, *, batch: tuple[int, int] = (0, 1)) -> Decision:
        """Say why nothing fits, and what would: every stage and filter over all hosts, each host's first refusal.

        :param batch: how many instances of the batch have found a host before, of how many.
        """
        # Of equal requests that fit nowhere, one after the other, only the first is looked into.
        key = (hosts, hosts.epoch, hosts.revision, spec, batch)
        if self._explained is None or self._explained[0] != key:
            faults = self._faults()
            made = self._explain(hosts, spec, batch)
            if self._faults() != faults or self._about(spec, _kind(spec))[0]:  # these may say something else next time
                return made
            self._explained = (key, made)
        return self._explained[1]

    def _faults(self) -> int:
        return sum(guard.faults for guard in (*self.stages, *self.filters))

    def _explain(self, hosts: HostTable, spec: RequestSpec, batch: tuple[int, int]) -> Decision:
        verdicts = Verdicts(hosts, lambda asked: self._asked[_kind(asked)], spec)
        return Decision(
            host=None,
            stages=verdicts.results(),
            refusals=verdicts.refusals(),
            remedies=remedies(verdicts, batch=batch),
            summary=verdicts.summary(),
            revision=hosts.revision,
        )


class _Lazy:
    """Those who look at the single request, asked one host at a time, with a count of what they were asked."""

    def __init__(self, hosts: HostTable, spec: RequestSpec, guards: Sequence[FilterGuard]):
        self._hosts = hosts
        self._spec = spec
        self._guards = guards
        self._passes = [guard.of_row(hosts, spec) for guard in guards]
        self._seconds = [0.0] * len(guards)
        self._said: dict[int, bool] = {}
        self._asked = [0] * len(guards)
        self._passed = [0] * len(guards)

    def passes(self, row: int) -> bool:
        """Ask about one host; again is answered as before."""
        if row not in self._said:
            self._said[row] = self._asked_about(row)
        return self._said[row]

    def _asked_about(self, row: int) -> bool:
        now = perf_counter()
        for k, passes in enumerate(self._passes):
            self._asked[k] += 1
            passed = passes(row)
            began, now = now, perf_counter()
            self._seconds[k] += now - began
            if not passed:
                return False
            self._passed[k] += 1
        return True

    def settle(self) -> None:
        """Enter in the accounts what was asked about single hosts: one pass of each who was asked."""
        for guard, asked, seconds in zip(self._guards, self._asked, self._seconds, strict=True):
            if asked:
                guard.account.enter(seconds)

    def left(self, rows: np.ndarray | None) -> np.ndarray:
        """Ask about all candidates (None: all hosts) at once and return the rows of those that are left."""
        left = np.ones(len(self._hosts), dtype=bool)
        if rows is not None:
            left[:] = False
            left[rows] = True
        for k, guard in enumerate(self._guards):
            self._asked[k] = int(np.count_nonzero(left))
            left &= guard.mask(self._hosts, self._spec, left)
            self._passed[k] = int(np.count_nonzero(left))
        return np.flatnonzero(left)

    def results(self) -> tuple[StageResult, ...]:
        """Return on how many hosts each was evaluated."""
        return tuple(
            StageResult(guard.name, asked, passed, True)
            for guard, asked, passed in zip(self._guards, self._asked, self._passed, strict=True)
        )


def _kind(spec: RequestSpec) -> str:
    if spec.is_rebuild:  # before all: a server that was forced onto its host was not forced to run any image
        return _REBUILD
    return _FORCED if spec.force_hosts or spec.force_nodes else _NORMAL


def _weights(parts: Sequence[tuple[str, Part]], position: int) -> dict[str, float]:
    return {name: part_of(part, position) for name, part in parts}


def _best(total: np.ndarray, wanted: int, *, without: int | None = None) -> list[int]:
    """Return the positions of the ``wanted`` largest values, the first of equals first."""
    more = wanted + (without is not None)
    if more <= 4 and len(total) > 64:
        # A few passes cost less than a partition.
        left, found = total.copy(), []
        if without is not None:
            left[without] = -np.inf
        for _ in range(min(wanted, len(total) - (without is not None))):
            found.append(int(left.argmax()))
            left[found[-1]] = -np.inf
        return found
    order = np.argsort(-total, kind="stable")[:more].tolist()
    return [place for place in order if place != without][:wanted]
