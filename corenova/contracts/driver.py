"""The driver contract: few required verbs to run guests on hosts, and abilities that are declared apart.

A driver is registered in ``corenova.compute.drivers`` under a lower-case name and chosen by ``[compute] driver``. One
driver object serves all hosts of its compute process. Verbs are called from several threads at once, though never two
at a time for the same instance. Every verb may be called again after a crash, so each must be idempotent: doing it
twice leaves what doing it once leaves.
"""

from typing import Protocol

import msgspec

from corenova.objects.host_state import HostReport
from corenova.objects.instance import Guest, Instance


class DriverContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver is told once, before anything else.

    :param state_path: a directory that the driver may write below; it outlives the process.
    :param deployment_id: the marker to put on every guest, so that nobody else's guest is ever touched.
    :param address: the name of this compute process.
    """

    state_path: str
    deployment_id: str
    address: str


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver can do beyond the required verbs. An ability that is False is refused at the API, with 501."""

    supports_soft_reboot: bool = False


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

        Raises BuildAbort when no host could build it, InsufficientResources or any other error when another might.
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
