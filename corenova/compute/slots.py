"""Which order runs when: a few threads drain what waits, and more join while it goes slowly.

A thread per order would cost more than a quick order itself; one thread for all would let a slow one hold up the rest.
So one worker starts, and the number doubles every few milliseconds as long as orders are waiting. Builds are limited
per host; what is over the limit queues for its host.
"""

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from corenova.objects.states import Step
from corenova.objects.work import WorkOrder

LOG = logging.getLogger(__name__)
_RAMP_S = 0.005


class Slots:
    """Runs orders in the threads of ``pool``.

    :param most: how many of them at the same time.
    :param most_builds: how many builds of one host at the same time.
    :param do: carries out one order.
    """

    def __init__(self, pool: ThreadPoolExecutor, *, most: int, most_builds: int, do: Callable[[WorkOrder], None]):
        self._pool = pool
        self._most = most
        self._most_builds = most_builds
        self._do = do
        self._changed = threading.Condition()
        self._ready: deque[WorkOrder] = deque()
        self._building: dict[str, int] = defaultdict(int)
        self._queued: dict[str, deque[WorkOrder]] = defaultdict(deque)
        self._workers = 0

    @property
    def running(self) -> int:
        """How many threads are at work."""
        return self._workers

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
        if order.step != Step.BUILD:
            self._ready.append(order)
        elif self._building[host] < self._most_builds:
            self._building[host] += 1
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
        done: WorkOrder | None = None
        while True:
            with self._changed:
                if done is not None and done.step == Step.BUILD:
                    self._release(done.instance.host)
                if not self._ready:
                    self._workers -= 1
                    self._changed.notify_all()
                    return
                order = self._ready.popleft()
                if not self._ready:
                    self._changed.notify_all()
            try:
                self._do(order)
            except BaseException:  # a worker that was lost here would be missing for ever
                LOG.exception("%s of %s failed in an unforeseen way", order.step, order.instance.uuid)
            done = order

    def _release(self, host: str) -> None:
        if self._queued[host]:
            self._ready.append(self._queued[host].popleft())
        else:
            self._building[host] -= 1
