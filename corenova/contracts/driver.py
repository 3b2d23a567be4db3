"""The driver contract: few required verbs to run guests on hosts, and abilities that are declared apart.

The verbs of the abilities are in driver_abilities.py; a driver offers those that its ``abilities`` declare.

A driver is registered in ``corenova.compute.drivers`` under a lower-case name and chosen by ``[compute] driver``. One
driver object serves all hosts of its compute process. Verbs are called from several threads at once, though never two
at a time for the same instance. Every verb may be called again after a crash, so each must be idempotent: doing it
twice leaves what doing it once leaves.
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
    """The required verbs. Errors: DriverError and its children; anything else counts as DriverError.

    After a failed ``spawn`` the compute calls ``destroy``; a driver need not clean up by itself.
    """

    abilities: Abilities

    def start(self, context: DriverContext) -> None:
        """Connect and recover what earlier incarnations left. Called once; ConfigurationError stops the start."""
        ...

    def stop(self) -> None:
        """Disconnect. Guests go on running. Called once, also after a failed start."""
        ...

    def hosts(self) -> list[str]:
        """Return the names of the hosts that this process serves; the same at every call of one process."""
        ...

    def inventory(self, host: str) -> HostReport:
        """Return the facts of ``host``: capacity, traits, hypervisor. Called at intervals; must be cheap."""
        ...

    def list_guests(self, host: str) -> list[Guest]:
        """Return every guest on ``host`` that carries our deployment id, whatever its power state."""
        ...

    def get_power_state(self, host: str, instance_uuid: str) -> int:
        """Return the guest's power state (corenova.objects.states.PowerState); raises GuestNotFound."""
        ...

    def spawn(self, host: str, instance: Instance) -> None:
        """Create and start the guest of ``instance``; on return it runs. A guest that is already there is kept.

        ``instance.boot`` says where the bytes of its image are, ``instance.nics`` what to plug, ``instance.guest``
        what the guest is told. Raises BuildAbort when no host could build it, InsufficientResources or any other error
        when another might.
        """
        ...

    def destroy(self, host: str, instance_uuid: str) -> None:
        """Stop the guest and remove all that belongs to it. No error when there is none."""
        ...

    def power_on(self, host: str, instance: Instance) -> None:
        """Start a guest that is shut down; one that runs is left alone. Raises GuestNotFound."""
        ...

    def power_off(self, host: str, instance_uuid: str, *, timeout_s: float) -> None:
        """Shut the guest down, gracefully for ``timeout_s``, then hard. Raises GuestNotFound."""
        ...

    def reboot(self, host: str, instance: Instance, *, hard: bool) -> None:
        """Restart the guest. A hard reboot starts whatever is there, running or not; a guest that has vanished is
        created anew. A soft reboot raises GuestNotFound for it."""
        ...
