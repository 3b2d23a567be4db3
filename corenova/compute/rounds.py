"""Asking the driver about one thing after another in such a way that one that hangs holds up itself alone.

A round has a thread that goes through what there is to ask. When it does not come back from the driver in time, it is
left behind with that host, and another thread goes on with the rest. While it hangs, its host is left out of later
rounds, so no more than one thread a host is lost. Nor are more than 16 in all: with so many hosts that hang, a round is
over for the others, too, until one is back.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

LOG = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
_MOST_LEFT = 16


class Rounds(Generic[T, R]):
    """Rounds of one kind.

    :param what: what a host does not do when ``ask`` raises, for the log: "tell its guests".
    :param ask: called with each item; what it raises is logged, and the item has no answer.
    :param host_of: the host that an item is about.
    :param timeout_s: how long one may take.
    """

    def __init__(self, what: str, ask: Callable[[T], R], *, timeout_s: float, host_of: Callable[[T], str] = str):
        self._what, self._ask, self._host_of, self._timeout_s = what, ask, host_of, timeout_s
        self._lock = threading.Lock()
        self._left: set[str] = set()

    def all(self, items: Iterable[T]) -> list[R]:
        """Ask about each of these and return the answers, in order, of those that gave one."""
        waiting = deque(item for item in items if self._host_of(item) not in self._left)
        answers: list[R] = []
        while waiting and len(self._left) < _MOST_LEFT:
            turn = _Turn(waiting)
            threading.Thread(target=self._run, args=(turn,), name=f"rounds-{self._what}", daemon=True).start()
            while not turn.over.wait(self._timeout_s / 4) and not self._leave(turn):
                pass
            answers += turn.answers
        if waiting:
            hosts = len({self._host_of(item) for item in waiting})
            LOG.error("Not asked to %s: %d hosts, as long as %d others hang", self._what, hosts, len(self._left))
        return answers

    def _run(self, turn: "_Turn[T, R]") -> None:
        while turn.waiting:
            item = turn.waiting.popleft()
            turn.at = (item, time.monotonic())
            answer: list[R] = []
            try:
                answer.append(self._ask(item))
            except Exception as error:
                LOG.warning("Host %s does not %s: %s", self._host_of(item), self._what, error)
            with self._lock:
                if turn.is_left:
                    self._left.discard(self._host_of(item))
                    return  # what it says now is of long ago
                turn.at = None
            turn.answers += answer
        turn.over.set()

    def _leave(self, turn: "_Turn[T, R]") -> bool:
        """Leave a turn behind if it is stuck; return whether it is."""
        with self._lock:
            if turn.at is None or time.monotonic() - turn.at[1] < self._timeout_s:
                return False
            host = self._host_of(turn.at[0])
            self._left.add(host)
            turn.is_left = True
        LOG.error("Host %s does not %s: no answer for %.1f s; others go on", host, self._what, self._timeout_s)
        return True


class _Turn(Generic[T, R]):
    """What one thread does of a round: it takes from what waits, until all is done or it is left behind."""

    def __init__(self, waiting: deque[T]):
        self.waiting = waiting
        self.answers: list[R] = []
        self.at: tuple[T, float] | None = None
        self.over = threading.Event()
        self.is_left = False
