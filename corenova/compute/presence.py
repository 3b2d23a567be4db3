"""That this compute lives, and what its hosts are: heartbeats and inventories, each from a thread of its own.

An inventory that hangs or is refused stops no heartbeat: the conductor keeps what it was told last of that host. A host
that has told nothing yet is not registered, so nothing is placed there until it does.
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

from corenova.compute.provider_config import Providers
from corenova.compute.rounds import Rounds
from corenova.exceptions import DriverError, Unavailable
from corenova.guards.driver import DriverGuard
from corenova.objects.host_state import HostReport
from corenova.objects.plugin_account import ServiceReport
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Presence:
    """Registers the hosts of one compute and keeps the conductors told.

    :param incarnation: tells this start from earlier ones.
    :param beat_s: seconds between two heartbeats, and between two inventories of a host.
    :param report: returns what heartbeats tell of this process.
    :param stopping: set when the compute is about to stop.
    """

    def __init__(
        self,
        driver: DriverGuard,
        conductor: ConductorAPI,
        address: str,
        incarnation: str,
        *,
        providers: Providers,
        beat_s: float,
        timeout_s: float,
        report: Callable[[], ServiceReport],
        stopping: threading.Event,
    ):
        flags = msgspec.structs.asdict(driver.abilities)
        self._abilities = tuple(name for name, is_offered in flags.items() if is_offered)
        self._driver, self._conductor, self._providers = driver, conductor, providers
        self._who = (address, incarnation)
        self._beat_s, self._report, self._stopping = beat_s, report, stopping
        self._inventories = Rounds("tell of itself", self._inventory, timeout_s=timeout_s)
        self._known: dict[str, HostReport] = {}
        self._threads = [
            threading.Thread(target=self._beat, name="compute-beat", daemon=True),
            threading.Thread(target=self._tell, name="compute-facts", daemon=True),
        ]

    def start(self) -> None:
        """Register the hosts, and go on telling of them.

        :raises DriverError: not a single host tells of itself.
        """
        self._providers.warn_of_strangers(self._driver.hosts())
        self._known = self._ask()
        if not self._known:
            fault = self._driver.plugin.account.last_fault or "the log says why"
            raise DriverError(f"No host of {self._driver.label} tells of itself: {fault}")
        patiently(self._register, self._stopping)
        for thread in self._threads:
            thread.start()

    def _inventory(self, host: str) -> HostReport:
        report = self._providers.add_to(self._driver.inventory(host))
        return msgspec.structs.replace(report, abilities=self._abilities)

    def _ask(self) -> dict[str, HostReport]:
        return {report.host: report for report in self._inventories.all(self._driver.hosts())}

    def _register(self) -> None:
        self._conductor.register_compute(*self._who, list(self._known.values()), self._report())

    def _beat(self) -> None:
        while not self._stopping.wait(self._beat_s):
            try:
                if not self._conductor.heartbeat(*self._who, self._report()):
                    self._register()
            except Exception as error:
                LOG.warning("No heartbeat: %s", error)

    def _tell(self) -> None:
        while not self._stopping.wait(self._beat_s):
            try:
                told = self._ask()
                has_new = not told.keys() <= self._known.keys()
                self._known |= told
                if has_new:
                    self._register()
                self._conductor.report_hosts(self._who[0], list(told.values()))
            except Exception as error:
                LOG.warning("Nothing is told of the hosts: %s", error)


def patiently(ask: Callable[[], T], stopping: threading.Event) -> T:
    """Ask until a conductor answers: services may start in any order. Raises Unavailable when ``stopping`` is set."""
    while True:
        try:
            return ask()
        except Unavailable as error:
            LOG.warning("Waiting for a conductor: %s", error)
            if stopping.wait(1.0):
                raise
