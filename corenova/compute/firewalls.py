"""Security groups on this compute's hosts, level-triggered: what may pass is asked for whole, applied where it differs.

A hint says that something has changed, and makes it quick; each comparison of guests and rows asks again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from corenova.coalesce import Mailbox
from corenova.compute.rounds import Rounds
from corenova.contracts.driver import Driver
from corenova.exceptions import GuestNotFound
from corenova.objects.network import Firewall, InstanceFirewall
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)


class Firewalls:
    """Applies what may pass the ports of guests, in threads for hints and for looks at intervals.

    :param interval_s: seconds between two looks.
    :param alone: a context manager on a host and an instance's uuid; false inside when something else has it in hand.
    :param stopping: set when the compute is about to stop.
    :param timeout_s: how long the driver may take for one guest.
    """

    def __init__(
        self,
        driver: Driver,
        conductor: ConductorAPI,
        address: str,
        *,
        interval_s: float,
        alone: Callable[[str, str], AbstractContextManager[bool]],
        stopping: threading.Event,
        timeout_s: float,
    ):
        self._driver = driver
        self._conductor = conductor
        self._address = address
        self._alone = alone
        self._interval_s, self._stopping = interval_s, stopping
        self._hints: Mailbox[bool] = Mailbox()
        self._applied: dict[str, tuple[Firewall, ...]] = {}
        self._lock = threading.Lock()
        # What cannot be done now is done with the next look.
        self._apply = Rounds(
            "apply security groups yet", self._apply_one, timeout_s=timeout_s, host_of=lambda one: one.host
        )

    def start(self) -> None:
        """Take hints, and look at intervals."""
        threading.Thread(target=self._take_hints, name="compute-firewall-hints", daemon=True).start()
        threading.Thread(target=self._keep, name="compute-firewalls", daemon=True).start()

    def close(self) -> None:
        """Take no more hints."""
        self._hints.close()

    def hint(self, instance_uuids: Sequence[str]) -> None:
        """What may pass the ports of these instances has changed; returns at once."""
        self._hints.put(dict.fromkeys(instance_uuids, True))

    def forget(self, instance_uuid: str) -> None:
        """A guest was given the rules of its order, which may be older than the last that were applied: apply again."""
        self._applied.pop(instance_uuid, None)

    def refresh(self, instance_uuids: Sequence[str] | None = None) -> None:
        """Ask for what may pass the ports of these instances (None: of all) and apply what differs.

        :raises Unavailable: no conductor answers.
        """
        if not self._driver.abilities.supports_firewall:
            return
        with self._lock:  # else what was asked for first might be applied last
            told = self._conductor.firewalls(self._address, instance_uuids)
            if instance_uuids is None:
                for uuid in self._applied.keys() - {one.instance_uuid for one in told}:
                    self.forget(uuid)
            self._apply.all([one for one in told if self._applied.get(one.instance_uuid) != one.firewalls])

    def _apply_one(self, one: InstanceFirewall) -> None:
        try:
            with self._alone(one.host, one.instance_uuid) as alone:
                if alone:
                    self._driver.apply_firewall(one.host, one.instance_uuid, one.firewalls)
                    self._applied[one.instance_uuid] = one.firewalls
        except GuestNotFound:
            pass  # it is being built, and gets its rules with the order

    def _take_hints(self) -> None:
        while (uuids := self._hints.take()) is not None:
            try:
                self.refresh(list(uuids))
            except Exception as error:
                LOG.warning("%d security groups are left to the next comparison: %s", len(uuids), error)

    def _keep(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.refresh()
            except Exception as error:
                LOG.warning("Security groups are not compared: %s", error)
