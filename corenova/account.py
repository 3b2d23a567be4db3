"""The running account of one plug-in in this process: how often it was called, for how long, what went wrong.

The loader opens one for each plug-in; whoever calls the plug-in enters what happens; heartbeats and the admin API read
it. Entries are plain additions without a lock: a count that two threads raise at once may lose one, a call costs less.
"""

from corenova.breaker import Breaker, Breakers

FAULTS = (Exception, SystemExit, GeneratorExit)
"""What a plug-in may raise without harm to others."""
_LONGEST = 500


def words(error: BaseException) -> str:
    """Return class and message of what a plug-in raised; never raises, whatever its ``__str__`` does."""
    try:
        return f"{type(error).__name__}: {error}"
    except FAULTS:
        return type(error).__name__


class Account:
    """Calls, time and faults of a plug-in, and the breaker that switches it off.

    :ivar calls: how often it was called.
    :ivar seconds: the time of all calls together.
    :ivar faults: how many of them failed.
    :ivar breaker: None for what is never switched off.
    """

    __slots__ = ("_last", "breaker", "calls", "faults", "seconds")

    def __init__(self) -> None:
        self.calls = self.faults = 0
        self.seconds = 0.0
        self.breaker: Breaker | None = None
        self._last = ""

    def guarded_by(self, breakers: Breakers, label: str) -> Breaker:
        """Put the plug-in under a new breaker of this family, named ``label`` in logs and alarms; return it."""
        self.breaker = breakers.of(label)
        return self.breaker

    def enter(self, seconds: float) -> None:
        """Note one call that took so many seconds."""
        self.calls += 1
        self.seconds += seconds

    def fault(self, error: BaseException | str) -> None:
        """Note that a call has failed. The breaker is told by whoever knows what counts as one failure."""
        self.faults += 1
        text = error if isinstance(error, str) else words(error)
        self._last = " ".join(text[:_LONGEST].split())

    @property
    def last_fault(self) -> str:
        """What the last fault was; empty when there was none."""
        return self._last

    @property
    def state(self) -> str:
        """The state of the breaker: ``closed``, ``open`` or ``on trial``."""
        if self.breaker is None or self.breaker.is_closed:
            return "closed"
        return "open" if self.breaker.is_open else "on trial"
