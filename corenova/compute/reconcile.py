"""What runs here against what should, at start and at intervals: the compute's half of conductor/tasks/reconcile.py.

Nothing is believed at first sight. An orphan is destroyed when two looks in a row have seen it; a guest that seems to
have vanished is asked for once more.
"""

import logging
import threading
from collections.abc import Callable

from corenova.contracts.driver import Driver
from corenova.exceptions import GuestNotFound, Unavailable
from corenova.objects.work import HostGuests
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)
_SECOND_LOOK_S = 3.0


class Reconciler:
    """A thread that compares.

    :param wake: called with the uuids of rows that wait for this compute.
    :param discard: called with (host, uuid) of a guest to destroy as soon as nothing else touches it.
    """

    def __init__(
        self,
        driver: Driver,
        conductor: ConductorAPI,
        address: str,
        *,
        interval_s: float,
        wake: Callable[[list[str]], None],
        discard: Callable[[str, str], None],
    ):
        self._driver = driver
        self._conductor = conductor
        self._address = address
        self._interval_s = interval_s
        self._wake = wake
        self._discard = discard
        self._suspects: set[tuple[str, str]] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin with a look at once."""
        self._thread.start()

    def stop(self) -> None:
        """End before the next look."""
        self._stopped.set()

    def guests(self) -> list[HostGuests]:
        """Return what runs on all hosts of this process."""
        return [HostGuests(host=h, guests=tuple(self._driver.list_guests(h))) for h in self._driver.hosts()]

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.look()
            except Unavailable as error:
                LOG.warning("Nothing compared: %s", error)
            except Exception:
                LOG.exception("Comparing guests with rows failed; the next look is in %s s", self._interval_s)
            # Suspects are looked at again soon: a leftover of a crash should not wait for a whole interval.
            self._stopped.wait(min(_SECOND_LOOK_S, self._interval_s) if self._suspects else self._interval_s)

    def look(self) -> None:
        """Compare once."""
        told = self.guests()
        verdicts = self._conductor.reconcile(self._address, told)
        # By host and uuid: a leftover may stand beside the guest of the same uuid that is wanted elsewhere.
        orphans = set(verdicts.orphans)
        for host, uuid in orphans & self._suspects:
            LOG.warning("Guest %s on %s belongs to nobody; destroying it", uuid, host)
            self._discard(host, uuid)
        self._suspects = orphans - self._suspects
        lost = [(uuid, generation) for uuid, generation in verdicts.missing if self._has_vanished(uuid)]
        if lost:
            self._conductor.report_lost(self._address, lost)
        if verdicts.work:
            self._wake(list(verdicts.work))

    def _has_vanished(self, uuid: str) -> bool:
        for host in self._driver.hosts():
            try:
                self._driver.get_power_state(host, uuid)
                return False
            except GuestNotFound:
                continue
        return True
