"""Breakers side by side, one a name: of each host of a driver, of each verb of a backend.

They count faults in a row: a call that is answered in between shows that the fault was the request's, and others must
not suffer for it. Open, calls are refused; then one call is the trial, and the others are refused until it has ended.
A trial that shows nothing (it was cut off, say) leaves the next call to be it. A breaker is made with the first fault
of its name, so what is well costs one look into an empty dict.
"""

import threading
import time
from collections.abc import Callable

from corenova.breaker import Breaker, Breakers


class BreakerSet:
    """The breakers of one plug-in; its Account takes the set for its breaker.

    :param label: how logs and alarms call the breaker of a name; ``{}`` stands for it.
    :param faults, open_s: see Breakers.
    :ivar known: what has failed before, by name; empty as long as all is well.
    """

    def __init__(self, label: str, *, faults: int, open_s: float, clock: Callable[[], float] = time.monotonic):
        self._label = label
        self._family = lambda: Breakers(faults, open_s, clock=clock)
        self.known: dict[str, _Named] = {}
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether all calls go through, as ever."""
        return all(one.breaker.is_closed for one in list(self.known.values()))

    @property
    def is_open(self) -> bool:
        """Whether calls of some name are refused."""
        return any(one.breaker.is_open for one in list(self.known.values()))

    def admits(self, name: str) -> bool:
        """Tell whether this thread may make a call now; :meth:`ended` or :meth:`let_go` must follow, whatever comes."""
        named = self.known.get(name)
        if named is None or named.breaker.is_closed:
            return True
        with self._lock:
            named.family.try_again()
            if named.breaker.is_open or named.trial:
                return named.breaker.is_closed
            named.trial = threading.get_ident()
            return True

    def ended(self, name: str, *, fault: str | None = None) -> None:
        """Note how a call has ended: ``fault`` says what went wrong, None that it was answered."""
        if fault is None and name not in self.known:
            return
        with self._lock:
            named = self.known.get(name)
            if named is None:
                family = self._family()
                named = self.known[name] = _Named(family, family.of(self._label.format(name)))
            named.family.turn += 1
            if fault is not None:
                named.breaker.fault(fault)
            elif not named.breaker.is_open:
                named.breaker.success()
            if named.breaker.is_open or named.breaker.is_closed:
                named.trial = 0

    def let_go(self, name: str) -> None:
        """Note that a call of this thread is over, however it ended; alone, it says nothing for or against the name."""
        named = self.known.get(name)
        if named is not None and named.trial == threading.get_ident():
            named.trial = 0

    def alarms(self) -> list[str]:
        """Return one sentence for each that is open, or on trial."""
        return [alarm for one in list(self.known.values()) for alarm in one.family.alarms()]


class _Named:
    """The breaker of one name, alone in its family; ``trial``: the thread of the one call that decides, or 0."""

    __slots__ = ("breaker", "family", "trial")

    def __init__(self, family: Breakers, breaker: Breaker):
        self.family, self.breaker, self.trial = family, breaker, 0
