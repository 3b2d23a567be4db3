"""A weigher in a form that the pipeline can ask: the scalar form is lifted, and no weight is anything but a number.

One that fails, or is switched off, weighs nothing for this decision.
"""

import math
from collections.abc import Callable, Sequence
from itertools import repeat
from time import perf_counter

import numpy as np

from corenova.account import FAULTS, Account
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.plugin_guard import STOPPED, Columns, PartlyError, PluginGuard
from corenova.scheduler.views import Subset


class WeigherGuard(PluginGuard):
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
                raise STOPPED
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
