"""The work that this compute has in hand: how long it may believe in it, and what it must let go of.

The conductor's lease is by the database's clock; here only durations count (monotonic clock), measured from before the
question was sent, so this side always gives up first.
"""

import threading
import time

from corenova.objects.work import WorkOrder


class Leases:
    """Orders in hand, by (uuid, generation).

    :param lease_s: how long the conductor believes in us after an extension.
    """

    def __init__(self, lease_s: float):
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], float] = {}

    def add(self, orders: list[WorkOrder], asked_at: float) -> None:
        """Hold these orders; ``asked_at`` is the monotonic time before they were asked for."""
        with self._lock:
            self._held.update({(o.instance.uuid, o.instance.generation): asked_at for o in orders})

    def drop(self, order: WorkOrder) -> None:
        """The order is done with."""
        with self._lock:
            self._held.pop((order.instance.uuid, order.instance.generation), None)

    def held(self) -> list[tuple[str, int]]:
        """Return all that is in hand."""
        with self._lock:
            return list(self._held)

    def extended(self, pairs: list[tuple[str, int]], lost: set[tuple[str, int]], asked_at: float) -> None:
        """The conductor has answered a request to extend ``pairs``."""
        with self._lock:
            for pair in pairs:
                if pair not in self._held:
                    continue
                # What nobody here believes in any more must not come back to life: its work may have been refused.
                if pair in lost or asked_at - self._held[pair] >= self._lease_s:
                    del self._held[pair]
                else:
                    self._held[pair] = asked_at

    def believes(self, order: WorkOrder) -> bool:
        """Tell whether the order is still ours: nobody else can have been given it yet."""
        with self._lock:
            since = self._held.get((order.instance.uuid, order.instance.generation))
        return since is not None and time.monotonic() - since < self._lease_s
