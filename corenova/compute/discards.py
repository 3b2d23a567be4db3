"""Guests that nobody wants, on their way out: leftovers that the reconciler has found, and work that was given away.

What cannot be destroyed now is destroyed when the reconciler sees it again.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from corenova.coalesce import Mailbox
from corenova.compute.rounds import Rounds
from corenova.contracts.driver import Driver


class Discards:
    """A thread that destroys them.

    :param alone: a context manager on a host and an instance's uuid; false inside when something else has it in hand.
    :param stopping: set when the compute is about to stop.
    :param timeout_s: how long the driver may take for one guest.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        alone: Callable[[str, str], AbstractContextManager[bool]],
        stopping: threading.Event,
        timeout_s: float,
    ):
        self._driver, self._alone, self._stopping = driver, alone, stopping
        self._waiting: Mailbox[tuple[str, str]] = Mailbox()
        self._rounds = Rounds(
            "destroy a guest that nobody wants", self._destroy, timeout_s=timeout_s, host_of=lambda one: one[0]
        )
        self._thread = threading.Thread(target=self._run, name="compute-discards", daemon=True)

    def start(self) -> None:
        """Begin to destroy."""
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        self._waiting.close()

    def put(self, host: str, uuid: str) -> None:
        """Let a guest be destroyed, as soon as nothing else touches it; returns at once."""
        self._waiting.put({f"{host}:{uuid}": (host, uuid)})

    def _run(self) -> None:
        while (guests := self._waiting.take()) is not None:
            self._rounds.all(guests.values())

    def _destroy(self, guest: tuple[str, str]) -> None:
        host, uuid = guest
        with self._alone(host, uuid) as alone:
            if alone and not self._stopping.is_set():
                self._driver.destroy(host, uuid)
