"""Plug-ins in a form that the pipeline can ask: the scalar form is lifted; time and faults enter the account.

What is counted and timed is the *pass*: one plug-in asked about all hosts that are its business at this moment, be it
all or the one that was claimed last. Who is asked about hosts one by one times the whole (classes.py, ranking.py).

A filter that fails says no (it fails closed), a weigher that fails weighs nothing for this decision. What failed must
not be kept for other requests, so whoever keeps answers looks at ``faults`` before and after. Who fails at many
requests is switched off by its breaker: the filter refuses every host, the weigher weighs nothing, neither is called.
"""

import logging
import math
from collections.abc import Callable, Sequence
from itertools import repeat
from time import perf_counter

import numpy as np

from corenova.account import FAULTS, Account, words
from corenova.breaker import Breakers
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.views import Subset

LOG = logging.getLogger(__name__)
Columns = HostTable | Subset
_Stopped = RuntimeError("it raised StopIteration")  # which ends a map() without a word
_LONGEST_REASON = 500
_PLAIN = {bool}


class _Asked:
    """What filters and weighers have in common: a name, a breaker, an account.

    :param account: the plug-in's, with the breaker of the pipeline; None (a built-in stage): one that nobody reads.
    """

    def __init__(self, name: str, plugin: object, account: Account | None):
        self.name = name
        self.plugin = plugin
        self.selective = hasattr(plugin, "applies")
        self.account = account or Account()
        self.breaker = self.account.breaker or self.account.guarded_by(Breakers(), name)

    @property
    def faults(self) -> int:
        """How often it has failed."""
        return self.account.faults

    def fault(self, error: BaseException, *, once: bool = True) -> None:
        """Note that a call has failed. In one decision it may fail for many hosts: that is one fault to the breaker."""
        what = str(error) if isinstance(error, ReportedError) else words(error)
        self.account.fault(what)
        if self.breaker.fault(what, once=once):
            LOG.error("%s: %s", self._effect(), what)

    def _effect(self) -> str:
        raise NotImplementedError

    def _went_well(self) -> None:
        if not self.breaker.is_closed:
            self.breaker.success()


class Asker(_Asked):
    """One stage or filter.

    :ivar once: in a batch of equal instances it is not asked again about a host that was chosen.
    :ivar is_scalar: it has no vector form.
    :ivar built_in: it is a stage with ``of_row``, the form that no plug-in has.
    """

    def __init__(self, name: str, plugin: object, account: Account | None = None):
        super().__init__(name, plugin, account)
        self.once = bool(getattr(plugin, "run_filter_once_per_request", False))
        self.on_rebuild = bool(getattr(plugin, "RUN_ON_REBUILD", False))
        self._vector = getattr(plugin, "mask", None)
        self._scalar = getattr(plugin, "host_passes", None)
        self._of_row = getattr(plugin, "of_row", None)
        self.built_in = self._of_row is not None
        self.is_scalar = bool(getattr(plugin, "is_scalar", self._vector is None))  # one that is isolated says so

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a selective filter has a say on this request; one that fails to tell, or is off, has."""
        if self.breaker.is_open:
            return True
        began = perf_counter()
        try:
            return bool(self.plugin.applies(spec))
        except FAULTS as error:
            self.fault(error)
            return True
        finally:
            self.account.seconds += perf_counter() - began

    def mask(self, hosts: Columns, spec: RequestSpec, among: np.ndarray | None = None) -> np.ndarray:
        """Return where the filter says yes. A scalar filter is asked only about hosts that are still ``among``."""
        if self.breaker.is_open:
            return np.zeros(len(hosts), dtype=bool)
        began = perf_counter()
        mask = self._scalar_mask(hosts, spec, among) if self.is_scalar else self._masked(hosts, spec)
        self.account.enter(perf_counter() - began)
        return mask

    def _scalar_mask(self, hosts: Columns, spec: RequestSpec, among: np.ndarray | None) -> np.ndarray:
        passed = np.zeros(len(hosts), dtype=bool)
        rows = np.arange(len(hosts)) if among is None else np.flatnonzero(among)
        if self._vector is not None:
            passed[rows] = self._masked(hosts if len(rows) == len(hosts) else Subset.of(hosts, rows), spec)
            return passed
        states = hosts.states
        chosen = states if len(rows) == len(hosts) else [states[row] for row in rows.tolist()]
        passed[rows] = self._lifted(chosen, spec)
        return passed

    def _masked(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        try:
            if not self.breaker.is_open:
                answer = np.asarray(self._vector(hosts, spec))
                # Not turned into bool: NaN, for one, would be a yes.
                if answer.shape != (len(hosts),) or answer.dtype != np.bool_:
                    raise TypeError(f"mask() returned {answer.dtype} of shape {answer.shape} for {len(hosts)} hosts")
                self._went_well()
                return answer
        except PartlyError as error:
            self.fault(error.first)
            return error.raw
        except FAULTS as error:
            self.fault(error)
        return np.zeros(len(hosts), dtype=bool)

    def _lifted(self, states: Sequence[HostState], spec: RequestSpec) -> Sequence[bool]:
        answers: list[object] = []
        try:
            answers.extend(map(self._scalar, states, repeat(spec)))
            if len(answers) < len(states):
                raise _Stopped
        except FAULTS as error:
            self.fault(error)
            answers.append(False)
            answers += [self.passes(state, spec) for state in states[len(answers) :]]  # the others are judged
        else:
            if states:
                self._went_well()
        return answers if set(map(type, answers)) <= _PLAIN else [self._word(answer) for answer in answers]

    def passes(self, state: HostState, spec: RequestSpec) -> bool:
        """Return the word of the filter's scalar form on one host."""
        if self.breaker.is_open:
            return False
        try:
            answer = self._scalar(state, spec)
        except FAULTS as error:
            self.fault(error)
            return False
        if answer is not True and answer is not False:
            return self._word(answer)
        if not self.breaker.is_closed:
            self.breaker.success()
        return answer

    def _word(self, answer: object) -> bool:
        """Return what an answer that is no bool means: its truth, as in Nova; but NaN is no yes."""
        try:
            if answer != answer:
                raise ValueError(f"{answer!r} is neither yes nor no")
            return bool(answer)
        except FAULTS as error:
            self.fault(error)
            return False

    def of_row(self, hosts: HostTable, spec: RequestSpec) -> Callable[[int], bool]:
        """Return what tells the word on one host by its row, by whatever form there is."""
        if self._of_row is not None:
            return self._of_row(hosts, spec)
        if self._scalar is not None:
            return self._scalar_of_row(hosts, spec)
        return lambda row: bool(self._masked(Subset(hosts, np.array([row])), spec)[0])

    def _scalar_of_row(self, hosts: HostTable, spec: RequestSpec) -> Callable[[int], bool]:
        """Return :meth:`passes` by row, without a call in between when all is well."""
        states, scalar = hosts.states, self._scalar
        if not self.breaker.is_closed:  # when that changes, all that is kept is given up, and this with it
            return lambda row: self.passes(states[row], spec)

        def passes(row: int) -> bool:
            try:
                answer = scalar(states[row], spec)
            except FAULTS as error:
                self.fault(error)
                return False
            return answer if answer is True or answer is False else self._word(answer)

        return passes

    def ask_row(self, passes: Callable[[int], bool], row: int) -> bool:
        """Return what ``passes``, made by :meth:`of_row`, tells of one host, as a pass of its own."""
        began = perf_counter()
        passed = passes(row)
        self.account.enter(perf_counter() - began)
        return passed

    def reason(self, state: HostState, spec: RequestSpec) -> str:
        """Return the filter's words for a no, or ours."""
        if self.breaker.is_open:
            return f"{self.name} is switched off after faults, the last was {self.breaker.last}"[:_LONGEST_REASON]
        explain = getattr(self.plugin, "reason", None)
        if explain is not None:
            try:
                words = explain(state, spec)
                if isinstance(words, str) and words:
                    return words[:_LONGEST_REASON]
                raise TypeError(f"reason() returned {type(words).__name__} where words are expected")
            except FAULTS as error:
                self.fault(error)
        return f"{self.name} said no" if not self.faults else f"{self.name} said no, or failed"

    def _effect(self) -> str:
        return f"Filter {self.name} failed and counts as a no"


class Weigher(_Asked):
    """One weigher with its multiplier.

    :ivar sign: -1.0 for a weigher that is applied negatively.
    :ivar low, high: ends of the normalisation that the class fixes, or None.
    :ivar column: the name of the column that the raw weights are, or None.
    :ivar default_multiplier: the multiplier where no aggregate says another, without the sign.
    """

    def __init__(self, name: str, plugin: object, multiplier: float, account: Account | None = None):
        super().__init__(name, plugin, account)
        self.low: float | None = getattr(plugin, "minval", None)
        self.high: float | None = getattr(plugin, "maxval", None)
        self._option = getattr(plugin, "multiplier_option", None)
        self._sign = -1.0 if getattr(plugin, "negate", False) else 1.0
        self.default_multiplier = multiplier
        self._vector = getattr(plugin, "weights", None)
        self.column: str | None = getattr(plugin, "raw_column", None)
        self.scalar: Callable[[HostState, RequestSpec], float] | None = getattr(plugin, "weigh", None)

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a selective weigher tells hosts apart for this request."""
        if self.breaker.is_open:
            return False
        began = perf_counter()
        try:
            return bool(self.plugin.applies(spec))
        except FAULTS as error:
            self.fault(error)
            return False
        finally:
            self.account.seconds += perf_counter() - began

    def multiplier(self, hosts: HostTable) -> np.ndarray | float:
        """Return the multiplier with its sign: one number, or one a host where aggregates say another."""
        if self.breaker.is_open:
            return 0.0
        option = self._option
        return self._sign * (hosts.override(option, self.default_multiplier) if option else self.default_multiplier)

    def scale(self, hosts: HostTable) -> tuple[float, float] | None:
        """Return the declared range of the raw weights, or None when there is none (or it is no range)."""
        if self.low is not None and self.high is not None:
            return float(self.low), float(self.high)
        if not hasattr(self.plugin, "scale"):
            return None
        began = perf_counter()
        try:
            low, high = (float(end) for end in self.plugin.scale(hosts))
            if not np.isfinite(high - low):
                raise ValueError(f"scale() returned {low} to {high}")
            return low, high
        except FAULTS as error:
            self.fault(error)
            return 0.0, 0.0
        finally:
            self.account.seconds += perf_counter() - began

    def raw(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """Return the raw weights (float64) within the fixed ends; NaN where the weigher has failed."""
        raw = np.full(len(hosts), np.nan)
        if self.breaker.is_open:
            return raw
        began = perf_counter()
        try:
            raw = self._asked(hosts, spec)
            # A sum is finite exactly when all of it is: one pass instead of two.
            if not math.isfinite(raw.sum()):
                raw = np.where(np.isfinite(raw), raw, np.nan)
                if np.isnan(raw).any():
                    raise ValueError("a weight is not a finite number")
            self._went_well()
        except PartlyError as error:
            self.fault(error.first)
            raw = error.raw
        except FAULTS as error:
            self.fault(error)
        self.account.enter(perf_counter() - began)
        return raw if self.low is None and self.high is None else np.clip(raw, self.low, self.high)

    def _asked(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        if self._vector is None:
            return self._lifted(hosts.states, spec)
        raw = np.array(self._vector(hosts, spec), dtype=np.float64)
        if raw.shape != (len(hosts),):
            raise TypeError(f"weights() returned shape {raw.shape} for {len(hosts)} hosts")
        return raw

    def _lifted(self, states: Sequence[HostState], spec: RequestSpec) -> np.ndarray:
        raw: list[float] = []
        try:
            raw.extend(map(float, map(self.scalar, states, repeat(spec))))
            if len(raw) < len(states):
                raise _Stopped
            return np.array(raw, dtype=np.float64)
        except FAULTS as error:
            first = error
        raw.append(math.nan)
        for state in states[len(raw) :]:
            try:
                raw.append(float(self.scalar(state, spec)))
            except FAULTS:
                raw.append(math.nan)
        raise PartlyError(np.array(raw), first)

    def raw_row(self, hosts: HostTable, row: int, spec: RequestSpec) -> float:
        """Return the raw weight of one host, by whatever form there is; NaN when the weigher has failed."""
        if self.scalar is None:
            return float(self.raw(Subset(hosts, np.array([row])), spec)[0])
        if self.breaker.is_open:
            return math.nan
        began = perf_counter()
        try:
            weight = float(self.scalar(hosts.states[row], spec))
            if weight - weight != 0.0:
                raise ValueError("a weight is not a finite number")
        except FAULTS as error:
            self.fault(error)
            return math.nan
        finally:
            self.account.enter(perf_counter() - began)
        if not self.breaker.is_closed:
            self.breaker.success()
        return self.clipped(weight)

    def clipped(self, weight: float) -> float:
        """Return a raw weight within the fixed ends."""
        if self.low is not None and weight < self.low:
            return float(self.low)
        return float(self.high) if self.high is not None and weight > self.high else weight

    def _effect(self) -> str:
        return f"Weigher {self.name} failed and counts as zero"


class ReportedError(Exception):
    """A fault of a plug-in that runs elsewhere, in the words that came from there."""


class PartlyError(Exception):
    """Some hosts have an answer, others (NaN, or False) have none; ``first`` says why."""

    def __init__(self, raw: np.ndarray, first: BaseException):
        super().__init__(str(first))
        self.raw, self.first = raw, first
