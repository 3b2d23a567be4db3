"""What every stage and filter says about every host: asked when nothing fits, to say why and what would help.

A plug-in is asked once about all hosts; what it read of the request is noted. So when another request differs in a few
fields, only those who read these fields are asked again, and only about hosts that all the others let pass.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corenova.objects.decision import Refusal, StageResult
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.plugin_guard import Columns
from corenova.scheduler.traced import TracedSpec
from corenova.scheduler.views import Subset

_MOST_HOSTS = 1000
"""Of how many hosts the reasons are kept, shared evenly among those who refused any."""

_MOST_ASKED = 2000
"""About how many hosts a scalar filter is asked again for each change: a fit to NUMA cells takes 50 us a host."""


class Verdict(NamedTuple):
    """One stage's or filter's answer on all hosts, and which fields of the request it comes from.

    :param applies: False: a selective filter that has no say on this request.
    :param failed: the plug-in raised, for one host at least, or when it was to tell whether it applies.
    :param failures: the faults, by the positions of the hosts that are refused because of them.
    """

    mask: np.ndarray
    reads: frozenset[str]
    applies: bool = True
    failed: bool = False
    failures: dict[int, str] = {}

    def reason(self, guard: FilterGuard, position: int, state: HostState, spec: RequestSpec) -> str:
        """Return why the host at this position was refused, for operators."""
        fault = self.failures.get(position)
        return guard.reason(state, spec) if fault is None else f"failed: {fault}"


def ask(guard: FilterGuard, hosts: Columns, spec: RequestSpec, among: np.ndarray | None = None) -> Verdict:
    """Ask one stage or filter about all of these hosts."""
    reads: set[str] = set()
    traced = TracedSpec(spec, reads)
    if guard.selective and not guard.applies(traced):
        return Verdict(np.ones(len(hosts), dtype=bool), frozenset(reads), applies=False)
    faults, failures = guard.faults, {}
    mask = guard.mask(hosts, traced, among, failures)
    # Who has failed is not asked again for what would help: he has read nothing, so no change concerns him.
    failed = guard.faults != faults
    return Verdict(mask, frozenset() if failed else frozenset(reads), failed=failed, failures=failures)


class Verdicts:
    """All verdicts on one request.

    :param guards_of: which stages and filters have to be asked for a request.
    :ivar partial: the last answer of :meth:`fitting` is about some hosts only.
    """

    def __init__(self, hosts: HostTable, guards_of: Callable[[RequestSpec], Sequence[FilterGuard]], spec: RequestSpec):
        self.hosts = hosts
        self.spec = spec
        self.guards_of = guards_of
        self.partial = False
        self.kept = {guard: ask(guard, hosts, spec) for guard in guards_of(spec)}

    def results(self) -> tuple[StageResult, ...]:
        """Return how many hosts each lets pass; each was asked about all."""
        number = len(self.hosts)
        return tuple(
            StageResult(guard.name, number, int(np.count_nonzero(verdict.mask)))
            for guard, verdict in self.kept.items()
            if verdict.applies
        )

    def blamed(self) -> dict[FilterGuard, np.ndarray]:
        """Return, of each who was the first to refuse some host, the rows of these hosts."""
        left = np.ones(len(self.hosts), dtype=bool)
        found = {}
        for guard, verdict in self.kept.items():
            refused = left & ~verdict.mask
            if refused.any():
                found[guard] = np.flatnonzero(refused)
                left &= verdict.mask
        return found

    def alone(self) -> dict[FilterGuard, np.ndarray]:
        """Return where each is the only one who refuses (bool masks)."""
        refusals = np.zeros(len(self.hosts), dtype=np.int32)
        for verdict in self.kept.values():
            refusals += ~verdict.mask
        return {guard: ~verdict.mask & (refusals == 1) for guard, verdict in self.kept.items()}

    def refusals(self) -> tuple[Refusal, ...]:
        """Return the reasons, equal ones together."""
        blamed = self.blamed()
        share = _MOST_HOSTS // len(blamed) if blamed else 0
        together: dict[tuple[str, str], list[str]] = {}
        for guard, rows in blamed.items():
            for row in rows[:share].tolist():
                reason = self.kept[guard].reason(guard, row, self.hosts.states[row], self.spec)
                together.setdefault((guard.name, reason), []).append(self.hosts.names[row])
        return tuple(Refusal(stage, reason, tuple(names)) for (stage, reason), names in together.items())

    def summary(self) -> str:
        """Return the sentence for the user: who refused how many, and what is short; no host is named, and no fault."""
        hosts, start = self.hosts, "No valid host was found."
        if not len(hosts):
            return f"{start} There are no hosts."
        blamed = self.blamed()
        counts: Counter[str] = Counter()
        for guard, rows in blamed.items():
            failed = len(self.kept[guard].failures.keys() & set(rows.tolist()))
            counts += Counter({f"{guard.name} refused": len(rows) - failed, f"{guard.name} failed on": failed})
        said = ", ".join(f"{what} {number}" for what, number in counts.most_common())
        sentence = f"{start} Of {len(hosts)} host{'s' if len(hosts) > 1 else ''}, {said}."
        for name, amount in self.spec.resources().items() if "Capacity" in {guard.name for guard in blamed} else ():
            most = max(int(np.minimum(hosts.free(name), hosts.limits(name)[1]).max()), 0)
            if most < amount:
                sentence += f" {name}: {amount} asked, at most {most} free on any one host."
        return sentence

    # Another request.

    def untouched(self, spec: RequestSpec, changed: frozenset[str]) -> np.ndarray:
        """Return where all those let pass who do not read the ``changed`` fields, in which ``spec`` differs."""
        left = np.ones(len(self.hosts), dtype=bool)
        for guard in self.guards_of(spec):
            kept = self.kept.get(guard)
            if kept is not None and not kept.reads & changed:
                left &= kept.mask
        return left

    def fitting(self, spec: RequestSpec, changed: frozenset[str], among: np.ndarray | None = None) -> np.ndarray:
        """Return where ``spec`` fits, which differs from the request in the ``changed`` fields and in no other.

        Who has the scalar form alone is asked about _MOST_ASKED hosts, evenly spread: then it may fit on more.
        """
        self.partial = False
        left = self.untouched(spec, changed)
        rows = np.flatnonzero(left if among is None else left & among)
        for guard in self.guards_of(spec):
            kept = self.kept.get(guard)
            if (kept is None or kept.reads & changed) and len(rows):
                if guard.is_scalar and len(rows) > _MOST_ASKED:
                    self.partial = True
                    rows = rows[:: -(-len(rows) // _MOST_ASKED)]
                rows = rows[ask(guard, Subset(self.hosts, rows), spec).mask]
        fits = np.zeros(len(self.hosts), dtype=bool)
        fits[rows] = True
        return fits
