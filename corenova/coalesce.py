"""Coalescing: whoever comes while a batch is under way is served together by the next one.

One pattern serves the whole pipeline: creates share a transaction in the API, hints share a scheduling round in the
conductor, a compute's reports share a call. An idle caller pays nothing (its batch of one runs in its own thread);
under load batches grow by themselves, so the price of a commit or a hop is split among all who waited for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Waiter(Generic[T]):
    __slots__ = ("error", "item", "leads", "outcome", "woken")

    def __init__(self, item: T):
        self.item = item
        self.woken = threading.Event()
        self.leads = False
        self.outcome = None
        self.error: BaseException | None = None


class Coalescer(Generic[T, R]):
    """Turn many concurrent ``submit`` calls into few calls of ``handle``.

    The first submitter leads: its thread handles the batch that its own item heads, then names the next waiting one
    leader. So no thread serves others for longer than one batch, and none is started.

    :param handle: takes 1..max_batch items in order of arrival and returns one outcome an item. An outcome that is
        an Exception is raised to its own submitter alone; an exception raised by ``handle`` goes to all of the batch.
    :param max_batch: the most items one call of ``handle`` sees.
    :param linger_s: how long a leader lets others join while there is much to do (the batch before had company).
    """

    def __init__(
        self, handle: Callable[[list[T]], Sequence[R | Exception]], *, max_batch: int = 256, linger_s: float = 0.0
    ):
        self._linger_s = linger_s
        self._crowded = False
        self._handle = handle
        self._max_batch = max_batch
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter[T]] = deque()
        self._busy = False

    def submit(self, item: T) -> R:
        """Hand in ``item`` and wait for its outcome; raises what ``handle`` decided for it."""
        mine = _Waiter(item)
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._busy
            self._busy = True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.outcome

    def _lead(self) -> None:
        if self._crowded and self._linger_s:
            time.sleep(self._linger_s)
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]
            self._crowded = len(batch) > 1
        try:
            for waiter, outcome in zip(batch, self._handle([w.item for w in batch]), strict=True):
                if isinstance(outcome, Exception):
                    waiter.error = outcome
                else:
                    waiter.outcome = outcome
        except BaseException as error:
            for waiter in batch:
                waiter.error = error
        with self._lock:
            successor = self._waiting[0] if self._waiting else None
            self._busy = successor is not None
        for waiter in batch[1:]:
            waiter.woken.set()
        if successor is not None:
            successor.leads = True
            successor.woken.set()


class Mailbox(Generic[T]):
    """Keyed values for one or more readers that take everything at once; a newer value of a key joins the older.

    The conductor's hints (a key named twice is one key) and a compute's reports (progress of one instance overwrites
    earlier progress) wait here until a worker is free.

    :param merge: ``merge(older, newer)`` for a key that is still waiting; the newer wins by default.
    """

    def __init__(self, merge: Callable[[T, T], T] = lambda older, newer: newer):
        self._merge = merge
        self._condition = threading.Condition()
        self._values: dict[str, T] = {}
        self._closed = False
        self._busy = False

    def put(self, values: dict[str, T]) -> None:
        """Leave ``values`` for a reader."""
        with self._condition:
            for key, value in values.items():
                older = self._values.get(key)
                self._values[key] = value if older is None else self._merge(older, value)
            self._condition.notify()

    def take(self, *, most: int = 1000, linger_s: float = 0.0) -> dict[str, T] | None:
        """Wait for values and return up to ``most`` of them, oldest first; None once closed and empty.

        :param linger_s: how long to let further values join after the first came. Nobody lingers when things are quiet:
            only when the take before found more than one value.
        """
        with self._condition:
            while not self._values and not self._closed:
                self._condition.wait()
            lingering = linger_s > 0 and self._busy and not self._closed
        if lingering:
            time.sleep(linger_s)
        with self._condition:
            if not self._values:
                return None if self._closed else {}
            keys = list(self._values)[:most]
            taken = {key: self._values.pop(key) for key in keys}
            self._busy = len(taken) > 1
            if self._values:
                self._condition.notify()
            return taken

    def close(self) -> None:
        """Let readers drain what is left and then return None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
