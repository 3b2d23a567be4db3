"""What runs here against what should, at start and at intervals: the compute's half of conductor/tasks/reconcile.py.

Nothing is believed at first sight. An orphan is destroyed when two looks in a row have seen it; a guest that seems to
have vanished is asked for once more.
"""

import logging
import threading
from collections.abc import Callable

from corenova.compute.rounds import Rounds
from corenova.contracts.driver import Driver
from corenova.exceptions import GuestNotFound, Unavailable
from corenova.objects.work import GuestSeen, HostGuests
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)
_SECOND_LOOK_S = 3.0
_NOTICE_S = 0.5


class Reconciler:
    """A thread that compares.

    :param wake: called with the uuids of rows that wait for this compute.
    :param discard: called with (host, uuid) of a guest to destroy as soon as nothing else touches it.
    :param timeout_s: how long a host may take to tell its guests, or of one.
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
        timeout_s: float = 60.0,
    ):
        self._driver = driver
        self._lists = Rounds("tell its guests", self._list, timeout_s=timeout_s)
        self._looks = Rounds("tell of a guest", self._look_again, timeout_s=timeout_s, host_of=lambda doubt: doubt[0])
        self._conductor = conductor
        self._address = address
        self._interval_s = interval_s
        self._wake = wake
        self._discard = discard
        self._suspects: set[tuple[str, str]] = set()
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin with a look at once."""
        self._thread.start()

    def stop(self) -> None:
        """End before the next look."""
        self._stopped.set()
        self._woken.set()

    def notice(self) -> None:
        """Look soon: a guest may have changed by itself. Returns at once."""
        self._woken.set()

    def guests(self) -> list[HostGuests]:
        """Return what runs on the hosts of this process; a host that cannot say is left out, and so not judged."""
        return self._lists.all(self._driver.hosts())

    def _list(self, host: str) -> HostGuests:
        return HostGuests(host=host, guests=tuple(self._driver.list_guests(host)))

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.look()
            except Unavailable as error:
                LOG.warning("Nothing compared: %s", error)
            except Exception:
                LOG.exception("Comparing guests with rows failed; the next look is in %s s", self._interval_s)
            # Suspects are looked at again soon: a leftover of a crash should not wait for a whole interval.
            self._woken.wait(min(_SECOND_LOOK_S, self._interval_s) if self._suspects else self._interval_s)
            if self._woken.is_set():
                self._woken.clear()
                self._stopped.wait(_NOTICE_S)  # events come in swarms

    def look(self) -> None:
        """Compare once."""
        verdicts = self._conductor.reconcile(self._address, self.guests())
        if verdicts.work:
            self._wake(list(verdicts.work))
        # By host and uuid: a leftover may stand beside the guest of the same uuid that is wanted elsewhere.
        orphans = set(verdicts.orphans)
        for host, uuid in orphans & self._suspects:
            LOG.warning("Guest %s on %s belongs to nobody; destroying it", uuid, host)
            self._discard(host, uuid)
        self._suspects = orphans - self._suspects
        seen = self._looks.all([*verdicts.missing, *verdicts.differing])
        if seen:
            self._conductor.settle_guests(self._address, seen)

    def _look_again(self, doubt: tuple[str, str, int]) -> GuestSeen:
        """Ask for one guest now that the row is known: the list may have been older than the row."""
        host, uuid, generation = doubt
        try:
            return GuestSeen(uuid=uuid, generation=generation, power_state=self._driver.get_power_state(host, uuid))
        except GuestNotFound:
            return GuestSeen(uuid=uuid, generation=generation)
