"""The driver contract: few required verbs to run guests on hosts, and abilities that are declared apart.

The verbs of the abilities are in driver_abilities.py; a driver offers those that its ``abilities`` declare.

A driver is registered in ``corenova.compute.drivers`` under a lower-case name and chosen by ``[compute] driver``. One
driver object serves all hosts of its compute process. Verbs are called from several threads at once, though never two
at a time for the same instance on the same host. Every verb may be called again after a crash, so each must be
idempotent: doing it twice leaves what doing it once leaves.

The compute calls a driver through a guard. The errors that are named here are answers: they lead to what is written
here, and count for nothing. Anything else that a verb raises, and an answer that cannot be true (sizes below zero, a
report of another host, guests of somebody else), is a fault: counted, shown to operators with the driver's name, and
taken for a DriverError; of an inventory that is refused, the last good one stays. A host on which build after build
ends in a fault is given none for a while. A verb that does not come back in time (``[compute] driver_timeout_s``; what
moves images or memory has half of ``[conductor] build_deadline_s``) is given up: its request fails or goes to another
host, its thread is left behind. Until it returns, its guest is given no other work, not even a delete; with four such
calls on a host no guest of that host is, and with 16 hosts whose ``inventory`` hangs no host is asked for its inventory
(so with ``list_guests`` and ``apply_firewall``). When it returns after all, what it did is looked at as after a crash,
so a driver sets time limits of its own where it can. A verb must not change the values that it is given, nor keep a
caller waiting for another verb.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from corenova.contracts.image import ImageTransfer
from corenova.objects.host_state import HostReport
from corenova.objects.instance import Guest, Instance

CONTRACT_VERSION = (1, 0)


class DriverContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver is told once, before anything else.

    :param state_path: a directory that the driver may write below; it outlives the process.
    :param deployment_id: the marker to put on every guest, so that nobody else's guest is ever touched.
    :param address: the name of this compute process.
    :param images: moves the bytes of images; None where a driver is tried by itself.
    :param changed: to be called with (host, uuid) when a guest may have changed by itself. A hint: the compute looks,
        and it looks at intervals anyway. Returns at once, may be called from any thread.
    """

    state_path: str
    deployment_id: str
    address: str
    images: ImageTransfer | None = None
    changed: Callable[[str, str], None] = lambda host, uuid: None


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver can do beyond the required verbs. What is False is refused at the API before anything is touched.

    The verbs of each are in driver_abilities.py. Resize, migration and volumes have no verbs yet: no driver can
    declare them, and the API refuses them for all.
    """

    supports_soft_reboot: bool = False
    supports_pause: bool = False
    supports_suspend: bool = False
    supports_rescue: bool = False
    supports_snapshot: bool = False
    supports_console_output: bool = False
    supports_remote_console: bool = False
    supports_attach_interface: bool = False
    supports_firewall: bool = False
    supports_diagnostics: bool = False


class Driver(Protocol):
    """The required verbs. Every verb may raise DriverError for what the hypervisor refuses, with one sentence for the
    operator; Unavailable (of ``context.images``) may pass through. After a failed ``spawn`` the compute calls
    ``destroy``; a driver need not clean up by itself.
    """

    abilities: Abilities

    def start(self, context: DriverContext) -> None:
        """Connect and recover what earlier incarnations left; guests that run must not be touched.

        Called once, before any other verb. ConfigurationError (or any other error) stops the process with one line.
        """
        ...

    def stop(self) -> None:
        """Disconnect; guests go on running. Called once, after a start that has succeeded, perhaps while other verbs
        are under way: they may raise DriverError then."""
        ...

    def hosts(self) -> list[str]:
        """Return the names of the hosts that this process serves, at least one, each once in the whole deployment.

        Called once, after ``start``; what it says holds for the life of the process.
        """
        ...

    def inventory(self, host: str) -> HostReport:
        """Return the facts of ``host``: capacity, traits, hypervisor. Guests are not deducted.

        Called at the start and every ``[DEFAULT] report_interval`` seconds; must be cheap and change nothing. What
        raises at the start leaves that host out until it answers, later the last answer stays.
        """
        ...

    def list_guests(self, host: str) -> list[Guest]:
        """Return every guest on ``host`` that carries our deployment id, whatever its power state, and no other.

        Called at the start and every ``[compute] reconcile_interval_s`` seconds; changes nothing. A guest that is left
        out is taken for gone, one that no row wants is destroyed: rather raise than return half of them.
        """
        ...

    def get_power_state(self, host: str, instance_uuid: str) -> int:
        """Return the guest's power state (corenova.objects.states.PowerState). Called after each verb that changes it,
        and when it seems to differ from the row. Raises GuestNotFound, and only when there is none for certain."""
        ...

    def spawn(self, host: str, instance: Instance) -> None:
        """Create and start the guest of ``instance``; on return it runs. A guest that is already there is kept.

        ``instance.boot`` says where the bytes of its image are, ``instance.nics`` what to plug, ``instance.guest``
        what the guest is told. Called for each build and rebuild, again after a crash in the middle, also when the
        guest runs by then. Raises BuildAbort when no host could build it, InsufficientResources or any other error
        when another might.
        """
        ...

    def destroy(self, host: str, instance_uuid: str) -> None:
        """Stop the guest and remove all that belongs to it. No error when there is none; one that does not carry our
        deployment id must not be touched. Called for a delete, before a rebuild, after a failed build and for guests
        that no row wants; again until it succeeds."""
        ...

    def power_on(self, host: str, instance: Instance) -> None:
        """Start a guest that is shut down; one that runs is left alone. Raises GuestNotFound. Called for a start."""
        ...

    def power_off(self, host: str, instance_uuid: str, *, timeout_s: float) -> None:
        """Shut the guest down, gracefully for ``timeout_s`` seconds, then hard; one that is off is left alone.

        Called for a stop and after the rebuild of a stopped server. Raises GuestNotFound.
        """
        ...

    def reboot(self, host: str, instance: Instance, *, hard: bool) -> None:
        """Restart the guest. A hard reboot starts whatever is there, running or not; a guest that has vanished is
        created anew. A soft reboot raises GuestNotFound for it."""
        ...
