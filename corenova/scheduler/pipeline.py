"""Which host: the decision itself, values in and values out. No database, no bus, no clock.

    hosts -> built-in stages -> enabled filters -> weighers -> best host, alternates, or the reasons of all

Plug-ins come in two forms (contracts/filter.py); :class:`Asker` lifts the scalar one. Normalisation is Nova's min-max
over the candidates. Equal requests share one pass: after each pick only the chosen host is asked again.
"""

import logging
import math
import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from corenova.loader import Plugin
from corenova.objects.decision import Decision, Rejection, StageResult
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.stages import Capacity

LOG = logging.getLogger(__name__)
_MOST_REJECTIONS = 1000


class Asker:
    """One stage or filter in a form that the pipeline can ask for all hosts; a fault says no (fails closed)."""

    def __init__(self, name: str, plugin: object):
        self.name = name
        self.plugin = plugin
        self.faults = 0
        self._vector = getattr(plugin, "mask", None)
        self._scalar = getattr(plugin, "host_passes", None)

    def mask(self, hosts: HostTable, spec: RequestSpec, among: np.ndarray | None = None) -> np.ndarray:
        """Return where the filter says yes. A scalar filter is asked only about hosts that are still ``among``."""
        if self._vector is not None:
            try:
                answer = np.asarray(self._vector(hosts, spec))
                # Not turned into bool: NaN, for one, would be a yes.
                if answer.shape == (len(hosts),) and answer.dtype == np.bool_:
                    return answer
                raise TypeError(f"mask() returned {answer.dtype} of shape {answer.shape} for {len(hosts)} hosts")
            except Exception as error:
                self._fault(error)
                return np.zeros(len(hosts), dtype=bool)
        passed = np.zeros(len(hosts), dtype=bool)
        for index in range(len(hosts)) if among is None else np.flatnonzero(among):
            try:
                passed[index] = bool(self._scalar(hosts.states[index], spec))
            except Exception as error:
                self._fault(error)
        return passed

    def reason(self, hosts: HostTable, index: int, spec: RequestSpec) -> str:
        """Return the filter's words for a no, or ours."""
        explain = getattr(self.plugin, "reason", None)
        if explain is not None:
            try:
                return str(explain(hosts.states[index], spec))
            except Exception as error:
                self._fault(error)
        return f"{self.name} said no" if not self.faults else f"{self.name} said no, or failed"

    def _fault(self, error: Exception) -> None:
        self.faults += 1
        LOG.error("Filter %s failed and counts as a no: %s: %s", self.name, type(error).__name__, error)


class Weigher:
    """One weigher with its multiplier; a fault weighs nothing."""

    def __init__(self, name: str, plugin: object, multiplier: float):
        self.name = name
        self.faults = 0
        self.option = getattr(plugin, "multiplier_option", None)
        self.sign = -1.0 if getattr(plugin, "negate", False) else 1.0
        self.multiplier = multiplier
        self._low = getattr(plugin, "minval", None)
        self._high = getattr(plugin, "maxval", None)
        self._vector = getattr(plugin, "weights", None)
        self._scalar = getattr(plugin, "weigh", None)

    def weights(self, hosts: HostTable, spec: RequestSpec, candidates: np.ndarray) -> np.ndarray | None:
        """Return the weighted, normalised weights of the ``candidates`` (indices), or None when all are 0."""
        multiplier = hosts.override(self.option, self.multiplier) if self.option else self.multiplier
        per_host = isinstance(multiplier, np.ndarray)
        if not per_host and multiplier == 0.0:
            return None
        raw = self._raw(hosts, spec, candidates)
        if raw is None:
            return None
        low = raw.min() if self._low is None else self._low
        high = raw.max() if self._high is None else self._high
        if not 0.0 < high - low < math.inf:
            return None
        scaled = (raw - low) / (high - low)
        if self._low is not None or self._high is not None:
            scaled = scaled.clip(0.0, 1.0)
        return scaled * (self.sign * (multiplier[candidates] if per_host else multiplier))

    def _raw(self, hosts: HostTable, spec: RequestSpec, candidates: np.ndarray) -> np.ndarray | None:
        try:
            if self._vector is not None:
                everywhere = np.asarray(self._vector(hosts, spec), dtype=np.float64)
                if everywhere.shape != (len(hosts),):
                    raise TypeError(f"weights() returned shape {everywhere.shape} for {len(hosts)} hosts")
                raw = everywhere[candidates]
            else:
                raw = np.array([float(self._scalar(hosts.states[i], spec)) for i in candidates])
            # A sum is finite exactly when all of it is: one pass instead of two.
            if math.isfinite(raw.sum()):
                return raw
            raise ValueError("a weight is not a finite number")
        except Exception as error:
            self.faults += 1
            LOG.error("Weigher %s failed and counts as zero: %s: %s", self.name, type(error).__name__, error)
            return None


class Pipeline:
    """The enabled stages, filters and weighers, in order.

    :param stages: built-in stages; Capacity must be the last of them.
    :param alternates: how many further hosts a decision names.
    :param subset: choose at random among this many best hosts.
    :param shuffle: choose at random among hosts of equal, best weight.
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
        seed: int | None = None,
    ):
        self.stages = [Asker(stage.name, stage) for stage in stages]
        self.filters = [Asker(plugin.name, plugin.object) for plugin in filters]
        self.weighers = [Weigher(plugin.name, plugin.object, multiplier) for plugin, multiplier in weighers]
        self._capacity = next(stage for stage in stages if isinstance(stage, Capacity))
        self._alternates = alternates
        self._subset = subset
        self._shuffle = shuffle
        self._random = random.Random(seed)

    def place(self, hosts: HostTable, spec: RequestSpec, count: int) -> list[Decision]:
        """Decide for ``count`` equal instances, one after the other, and enter each choice in ``hosts``.

        :return: ``count`` decisions; from the first that finds no host on, all say why.
        """
        resources = spec.resources()
        mask, results = self._candidates(hosts, spec)
        decisions: list[Decision] = []
        while len(decisions) < count:
            candidates = np.flatnonzero(mask)
            if not len(candidates):
                nothing = self.explain(hosts, spec)
                decisions += [nothing] * (count - len(decisions))
                break
            decision, index = self._choose(hosts, spec, candidates, results)
            decisions.append(decision)
            hosts.consume(index, resources)
            if len(decisions) == count:
                break  # nobody will ask who is left
            if spec.instance_group is not None:
                group = spec.instance_group.with_member(hosts.names[index])
                spec = msgspec.structs.replace(spec, instance_group=group)
                mask, results = self._candidates(hosts, spec)
            else:
                mask[index] = self._still(hosts, index, spec, resources)
        return decisions

    def _asked(self, spec: RequestSpec) -> list[Asker]:
        # Whoever forces a host has decided; Nova asks no filter then, and capacity all the same.
        return self.stages if spec.force_hosts or spec.force_nodes else [*self.stages, *self.filters]

    def _candidates(self, hosts: HostTable, spec: RequestSpec) -> tuple[np.ndarray, tuple[StageResult, ...]]:
        mask = np.ones(len(hosts), dtype=bool)
        results, left = [], len(hosts)
        for asker in self._asked(spec):
            asked = left
            mask = mask & asker.mask(hosts, spec, mask)
            left = int(np.count_nonzero(mask))
            results.append(StageResult(asker.name, asked, left))
            if not left:
                break
        return mask, tuple(results)

    def _still(self, hosts: HostTable, index: int, spec: RequestSpec, resources: dict[str, int]) -> bool:
        """Tell whether the host that was just chosen would be a candidate again."""
        if not self._capacity.fits(hosts, index, resources):
            return False
        for asker in self._asked(spec)[len(self.stages) :]:
            if getattr(asker.plugin, "run_filter_once_per_request", False):
                continue
            only = np.zeros(len(hosts), dtype=bool)
            only[index] = True
            if not asker.mask(hosts, spec, only)[index]:
                return False
        return True

    def _choose(
        self, hosts: HostTable, spec: RequestSpec, candidates: np.ndarray, results: tuple[StageResult, ...]
    ) -> tuple[Decision, int]:
        total = np.zeros(len(candidates))
        parts: dict[str, np.ndarray] = {}
        if len(candidates) > 1:  # a lone host weighs nothing, as in Nova
            for weigher in self.weighers:
                part = weigher.weights(hosts, spec, candidates)
                if part is not None:
                    parts[weigher.name] = part
                    total += part
        best = self._pick(total)
        weights = {name: round(float(part[best]), 6) for name, part in parts.items()}
        weights["total"] = round(float(total[best]), 6)
        decision = Decision(
            host=hosts.names[candidates[best]],
            stages=results,
            weights=weights,
            alternates=tuple((hosts.names[i], hosts.zones[i]) for i in candidates[self._next_best(total, best)]),
        )
        return decision, int(candidates[best])

    def _pick(self, total: np.ndarray) -> int:
        best = int(total.argmax())
        if self._subset > 1:
            return int(self._random.choice(np.argsort(-total, kind="stable")[: self._subset]))
        if self._shuffle:
            return int(self._random.choice(np.flatnonzero(total == total[best])))
        return best

    def _next_best(self, total: np.ndarray, best: int) -> np.ndarray:
        wanted = self._alternates + 1
        if len(total) > 8 * wanted:
            top = np.argpartition(-total, wanted - 1)[:wanted]
            top = top[np.argsort(-total[top], kind="stable")]
        else:
            top = np.argsort(-total, kind="stable")[:wanted]
        return top[top != best][: self._alternates]

    def explain(self, hosts: HostTable, spec: RequestSpec) -> Decision:
        """Say why nothing fits: every stage and filter over all hosts, and each host's first refusal."""
        blamed: dict[int, Asker] = {}
        results = []
        for asker in self._asked(spec):
            mask = asker.mask(hosts, spec)
            results.append(StageResult(asker.name, len(hosts), int(np.count_nonzero(mask))))
            for index in np.flatnonzero(~mask):
                blamed.setdefault(int(index), asker)
        rejections = tuple(
            Rejection(hosts.names[index], asker.name, asker.reason(hosts, index, spec))
            for index, asker in sorted(blamed.items())[:_MOST_REJECTIONS]
        )
        return Decision(
            host=None, stages=tuple(results), rejections=rejections, summary=self._summary(hosts, spec, blamed)
        )

    def _summary(self, hosts: HostTable, spec: RequestSpec, blamed: dict[int, Asker]) -> str:
        """The sentence for the user: who refused how many, and what is short, without naming a host."""
        start = "No valid host was found."
        if not len(hosts):
            return f"{start} There are no hosts."
        counts = Counter(asker.name for asker in blamed.values())
        said = ", ".join(f"{name} refused {number}" for name, number in counts.most_common())
        sentence = f"{start} Of {len(hosts)} host{'s' if len(hosts) > 1 else ''}, {said}."
        for name, amount in spec.resources().items() if self._capacity.name in counts else ():
            most = max((int(hosts.free[name][i]) for i in blamed), default=0) if name in hosts.free else 0
            if most < amount:
                sentence += f" {name}: {amount} asked, at most {max(most, 0)} free on any one host."
        return sentence
