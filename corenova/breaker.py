"""Circuit breakers: a plug-in that fails again and again is not called for a while, and an alarm says so.

Closed, calls go through. After some faults within a minute it opens: nobody calls the plug-in. Faults count when
decision after decision has one; a plug-in that fails at odd requests alone harms these alone. Some time later it is on
trial, and the next call decides whether it closes, or opens again for twice as long.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

LOG = logging.getLogger(__name__)
_WITHIN_S = 60.0
_MOST_DOUBLINGS = 5
_LONGEST = 500


class Breakers:
    """The breakers of all plug-ins that one service calls.

    :param faults: so many faults within a minute open a breaker; 0: none ever opens.
    :param open_s: how long it stays open the first time, in seconds.
    :ivar changes: grows whenever a plug-in is called again or no more: what was kept of its answers is useless then.
    :ivar any_open: whether some plug-in is not called now; see :meth:`try_again`.
    :ivar turn: the number of what is being done (a decision): the faults of a plug-in in one turn are one fault.
        Whoever does not count turns (0) has each fault count.
    """

    def __init__(self, faults: int = 0, open_s: float = 60.0, *, clock: Callable[[], float] = time.monotonic):
        self.faults, self.open_s, self.clock = faults, open_s, clock
        self.changes = self.turn = 0
        self.any_open = False
        self.lock = threading.RLock()
        self._all: list[Breaker] = []

    def of(self, plugin: str) -> "Breaker":
        """Return a new breaker for ``plugin``, named as logs and alarms shall name it ("filter ImageFilter")."""
        made = Breaker(plugin, self)
        self._all.append(made)
        return made

    def try_again(self) -> None:
        """Put on trial what has been open for long enough; to be called before a decision while any is open."""
        for breaker in self._all:
            breaker.try_again()

    def alarms(self) -> list[str]:
        """Return one sentence for each plug-in that is switched off, or on trial."""
        return [f"{one.plugin} is switched off after faults: {one.last}" for one in self._all if not one.is_closed]

    def note_change(self) -> None:
        """Note that one has opened, closed, or is on trial."""
        self.any_open = any(breaker.is_open for breaker in self._all)
        self.changes += 1


class Breaker:
    """The breaker of one plug-in.

    :ivar is_closed: calls go through, as ever; neither of the two means that it is on trial.
    :ivar is_open: the plug-in is not to be called.
    :ivar last: what the last fault was.
    """

    def __init__(self, plugin: str, family: Breakers):
        self.plugin = plugin
        self.is_closed, self.is_open = True, False
        self.last = ""
        self._turn = 0
        self._family = family
        self._times: deque[float] = deque(maxlen=family.faults)
        self._openings = 0
        self._until = 0.0

    def fault(self, what: str, *, once: bool = True) -> bool:
        """Note that a call has failed; return whether that is news, and not one more of the same turn.

        :param once: False: it counts even so.
        """
        family = self._family
        with family.lock:
            if once and family.turn and self._turn == family.turn and self.is_closed:
                return False
            # Between the two, decisions were made without a fault: it is the request's, and others must not suffer.
            if once and self._turn and family.turn - self._turn > 1 and self.is_closed:
                self._times.clear()
            self.last, self._turn = " ".join(what[:_LONGEST].split()), family.turn
            if self.is_open or not family.faults:
                return True
            now = family.clock()
            self._times.append(now)
            if not self.is_closed or (len(self._times) == family.faults and now - self._times[0] <= _WITHIN_S):
                self._open(now)
            return True

    def remembered(self) -> None:
        """Note that the last fault was met again without a call: it does not count, but ends no row of faults."""
        with self._family.lock:
            self._turn = self._family.turn

    def _open(self, now: float) -> None:
        seconds = self._family.open_s * 2 ** min(self._openings, _MOST_DOUBLINGS)
        self._until = now + seconds
        self._openings += 1
        self._set(closed=False, open_=True)
        LOG.error(
            "The %s fails too often and is switched off for %.1f s. Its last fault: %s", self.plugin, seconds, self.last
        )

    def try_again(self) -> None:
        """Let the next call through, if it has been open for long enough."""
        with self._family.lock:
            if self.is_open and self._family.clock() >= self._until:
                self._set(closed=False, open_=False)

    def success(self) -> None:
        """Note that a call has succeeded; needed only while it is not closed."""
        with self._family.lock:
            if not self.is_closed and not self.is_open:
                self._openings = 0
                self._times.clear()
                self._set(closed=True, open_=False)
                LOG.error("The %s works again and is called as before", self.plugin)

    def _set(self, *, closed: bool, open_: bool) -> None:
        self.is_closed, self.is_open = closed, open_
        self._family.note_change()
