"""A filter in a form that the pipeline can ask: the scalar form is lifted, and whatever it does an answer comes of it.

One that fails says no (it fails closed). One that is switched off refuses every host and is not called.
"""

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

_LONGEST_REASON = 500
_PLAIN = {bool}


class FilterGuard(PluginGuard):
    """One stage or filter.

    :param is_stage: it is ours, and may have ``of_row``: a form that is called without a guard, and without an account.
    :ivar built_in: it is such a stage.
    :ivar once: in a batch of equal instances it is not asked again about a host that was chosen.
    :ivar is_scalar: it has no vector form.
    """

    def __init__(self, name: str, plugin: object, account: Account | None = None, *, is_stage: bool = False):
        super().__init__(name, plugin, account)
        self.once = bool(getattr(plugin, "run_filter_once_per_request", False))
        self.on_rebuild = bool(getattr(plugin, "RUN_ON_REBUILD", False))
        self._vector = getattr(plugin, "mask", None)
        self._scalar = getattr(plugin, "host_passes", None)
        self._of_row = getattr(plugin, "of_row", None) if is_stage else None
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

    def mask(
        self,
        hosts: Columns,
        spec: RequestSpec,
        among: np.ndarray | None = None,
        failures: dict[int, str] | None = None,
    ) -> np.ndarray:
        """Return where the filter says yes. A scalar filter is asked only about hosts that are still ``among``.

        :param failures: takes the faults by the positions of the hosts at which it has failed: their no is ours.
        """
        if self.breaker.is_open:
            return np.zeros(len(hosts), dtype=bool)
        began = perf_counter()
        mask = (
            self._scalar_mask(hosts, spec, among, failures) if self.is_scalar else self._masked(hosts, spec, failures)
        )
        self.account.enter(perf_counter() - began)
        return mask

    def _scalar_mask(
        self, hosts: Columns, spec: RequestSpec, among: np.ndarray | None, failures: dict[int, str] | None
    ) -> np.ndarray:
        failed: dict[int, str] = {}
        passed = np.zeros(len(hosts), dtype=bool)
        rows = np.arange(len(hosts)) if among is None else np.flatnonzero(among)
        if self._vector is not None:
            passed[rows] = self._masked(hosts if len(rows) == len(hosts) else Subset.of(hosts, rows), spec, failed)
        else:
            states = hosts.states
            chosen = states if len(rows) == len(hosts) else [states[row] for row in rows.tolist()]
            passed[rows] = self._lifted(chosen, spec, failed)
        if failures is not None:
            failures.update((int(rows[position]), fault) for position, fault in failed.items())
        return passed

    def _masked(self, hosts: Columns, spec: RequestSpec, failures: dict[int, str] | None = None) -> np.ndarray:
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
            if failures is not None:
                failures.update(error.failures)
            return error.raw
        except FAULTS as error:
            fault = self.fault(error)
            if failures is not None:
                failures.update(dict.fromkeys(range(len(hosts)), fault))
        return np.zeros(len(hosts), dtype=bool)

    def _lifted(self, states: Sequence[HostState], spec: RequestSpec, failures: dict[int, str]) -> Sequence[bool]:
        answers: list[object] = []
        try:
            answers.extend(map(self._scalar, states, repeat(spec)))
            if len(answers) < len(states):
                raise STOPPED
        except FAULTS as error:
            first = len(answers)
            answers.append(self._no(error, failures, first))
            for position in range(first + 1, len(states)):  # the others are judged
                answers.append(self.passes(states[position], spec, failures, position))
        else:
            if states:
                self._went_well()
        if set(map(type, answers)) <= _PLAIN:
            return answers
        return [self._word(answer, failures, position) for position, answer in enumerate(answers)]

    def passes(
        self, state: HostState, spec: RequestSpec, failures: dict[int, str] | None = None, position: int = 0
    ) -> bool:
        """Return the word of the filter's scalar form on one host.

        :param failures: as of :meth:`mask`, in which the host has this ``position``.
        """
        if self.breaker.is_open:
            return False
        try:
            answer = self._scalar(state, spec)
        except FAULTS as error:
            return self._no(error, failures, position)
        if answer is not True and answer is not False:
            return self._word(answer, failures, position)
        if not self.breaker.is_closed:
            self.breaker.success()
        return answer

    def _no(self, error: BaseException, failures: dict[int, str] | None = None, position: int = 0) -> bool:
        """Note a fault; it is a no."""
        fault = self.fault(error)
        if failures is not None:
            failures[position] = fault
        return False

    def _word(self, answer: object, failures: dict[int, str] | None = None, position: int = 0) -> bool:
        """Return what an answer that is no bool means: its truth, as in Nova; but NaN is no yes."""
        try:
            if answer != answer:
                raise ValueError(f"{answer!r} is neither yes nor no")
            return bool(answer)
        except FAULTS as error:
            return self._no(error, failures, position)

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
                return self._no(error)
            return answer if answer is True or answer is False else self._word(answer)

        return passes

    def ask_row(self, passes: Callable[[int], bool], row: int) -> bool:
        """Return what ``passes``, made by :meth:`of_row`, tells of one host, as a pass of its own."""
        began = perf_counter()
        passed = passes(row)
        self.account.enter(perf_counter() - began)
        return passed

    def reason(self, state: HostState, spec: RequestSpec) -> str:
        """Return the filter's words for a no, or ours. It must be its own no: it has not failed at this host."""
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
        return f"{self.name} said no"

    def _effect(self) -> str:
        return f"Filter {self.name} failed and counts as a no"
