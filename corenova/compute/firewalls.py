"""Security groups on this compute's hosts, level-triggered: what may pass is asked for whole, applied where it differs.

A hint says that something has changed, and makes it quick; each comparison of guests and rows asks again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from corenova.contracts.driver import Driver
from corenova.exceptions import GuestNotFound
from corenova.objects.network import Firewall
from corenova.rpc.conductor import ConductorAPI

LOG = logging.getLogger(__name__)


class Firewalls:
    """Applies what may pass the ports of guests.

    :param alone: a context manager on an instance's uuid; false inside when something else has it in hand.
    """

    def __init__(
        self,
        driver: Driver,
        conductor: ConductorAPI,
        address: str,
        *,
        alone: Callable[[str], AbstractContextManager[bool]],
    ):
        self._driver = driver
        self._conductor = conductor
        self._address = address
        self._alone = alone
        self._applied: dict[str, tuple[Firewall, ...]] = {}
        self._lock = threading.Lock()

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
            for one in told:
                if self._applied.get(one.instance_uuid) != one.firewalls:
                    self._apply(one.host, one.instance_uuid, one.firewalls)

    def _apply(self, host: str, uuid: str, firewalls: tuple[Firewall, ...]) -> None:
        """Apply; what cannot be done now is done with the next look."""
        try:
            with self._alone(uuid) as alone:
                if alone:
                    self._driver.apply_firewall(host, uuid, firewalls)
                    self._applied[uuid] = firewalls
        except GuestNotFound:
            pass  # it is being built, and gets its rules with the order
        except Exception as error:
            LOG.warning("The security groups of %s on %s are not applied yet: %s", uuid, host, error)
