"""Which order runs when: a few threads drain what waits, and more join while it goes slowly.

A thread per order would cost more than a quick order itself; one thread for all would let a slow one hold up the rest.
So one worker starts, and the number doubles every few milliseconds as long as orders are waiting. Each host has so many
at a time; what is over the limit queues for its host. A worker that does not come back is left behind, and another one
may take its place.
"""

import logging
import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from corenova.objects.work import WorkOrder

LOG = logging.getLogger(__name__)
_RAMP_S = 0.005


class Slots:
    """Runs orders in the threads of ``pool``.

    :param most: how many of them at the same time.
    :param most_of_host: how many of one host at the same time.
    :param most_left: how many more may have been left behind.
    :param do: carries out one order.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        *,
        most: int,
        most_of_host: int,
        most_left: int,
        do: Callable[[WorkOrder], None],
    ):
        self._pool = pool
        self._most = most
        self._most_of_host = most_of_host
        self._most_left = most_left
        self._do = do
        self._changed = threading.Condition()
        self._ready: deque[WorkOrder] = deque()
        self._busy: dict[str, int] = defaultdict(int)
        self._queued: dict[str, deque[WorkOrder]] = defaultdict(deque)
        self._running: dict[int, tuple[float, WorkOrder]] = {}
        self._left: dict[int, WorkOrder] = {}
        self._workers = 0

    @property
    def running(self) -> int:
        """How many threads are at work, those that were left behind not counted."""
        return self._workers

    def leave(self, thread: int, since: float) -> WorkOrder | None:
        """Leave the worker behind that runs in ``thread`` (``threading.get_ident``), and go on without it.

        :param since: when the call began in which it hangs (``time.perf_counter``). A worker that took its order later
            has come back meanwhile.
        :returns: its order; None when it is no worker of ours, has come back, is left behind, or too many are.
        """
        with self._changed:
            taken, order = self._running.get(thread, (math.inf, None))
            if order is None or since < taken or len(self._left) >= self._most_left:
                return None
            del self._running[thread]
            self._left[thread] = order
            self._workers -= 1
            self._release(order.instance.host)
        self._hire(1)
        return order

    def submit(self, orders: Sequence[WorkOrder]) -> None:
        """Let these orders be carried out; returns once all are in hand, or every thread is busy."""
        with self._changed:
            for order in orders:
                self._admit(order)
        more = 1
        while self._hire(more):
            with self._changed:
                self._changed.wait_for(lambda: not self._ready, _RAMP_S)
            more *= 2

    def _admit(self, order: WorkOrder) -> None:
        host = order.instance.host
        if self._busy[host] < self._most_of_host:
            self._busy[host] += 1
            self._ready.append(order)
        else:
            self._queued[host].append(order)

    def _hire(self, more: int) -> bool:
        """Start up to ``more`` workers; False when nothing waits or no thread is left."""
        with self._changed:
            more = min(more, len(self._ready), self._most - self._workers)
            self._workers += more
        for _ in range(more):
            try:
                self._pool.submit(self._work)
            except RuntimeError:  # the pool is shut down: leases end, and the next start takes the orders up
                with self._changed:
                    self._workers -= 1
                return False
        return more > 0

    def _work(self) -> None:
        me = threading.get_ident()
        while True:
            with self._changed:
                if self._left.pop(me, None) is not None:
                    return  # another one has its place
                done = self._running.pop(me, None)
                if done is not None:
                    self._release(done[1].instance.host)
                if not self._ready:
                    self._workers -= 1
                    self._changed.notify_all()
                    return
                order = self._ready.popleft()
                self._running[me] = (time.perf_counter(), order)
                if not self._ready:
                    self._changed.notify_all()
            try:
                self._do(order)
            except BaseException:  # a worker that was lost here would be missing for ever
                LOG.exception("%s of %s failed in an unforeseen way", order.step, order.instance.uuid)

    def _release(self, host: str) -> None:
        """A worker is through with an order of this host: the next one of the host is ready."""
        if self._queued[host]:
            self._ready.append(self._queued[host].popleft())
        else:
            self._busy[host] -= 1
