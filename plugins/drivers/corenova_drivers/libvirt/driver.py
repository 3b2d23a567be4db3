"""The libvirt driver: the contract's verbs, each handed to the module that does it.

Read on in build.py (how a guest comes and goes) and domain.py (what it is made of). A verb runs inside
``Connection.steady``, so a libvirtd that dies under it costs a repetition and no error, if it comes back at once.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from corenova.contracts.driver import Abilities, DriverContext
from corenova.contracts.driver_abilities import ConsoleAddress, Diagnostics
from corenova.exceptions import DriverError
from corenova.objects.host_state import HostReport
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Guest, Instance
from corenova.objects.network import Firewall, Nic
from corenova_drivers.libvirt.options import OPTIONS, defaults

# Without libvirt's binding the class is there all the same, because its options are; only using it fails.
_MISSING: ImportError | None = None
try:
    from corenova_drivers.libvirt import (
        build,
        cleanup,
        console,
        diagnostics,
        guests,
        interfaces,
        inventory,
        names,
        power,
        rescue,
        snapshot,
    )
    from corenova_drivers.libvirt.connection import Connection
    from corenova_drivers.libvirt.hypervisor import Hypervisor, is_test, open_hypervisor
except ImportError as error:
    _MISSING = error

P = ParamSpec("P")
T = TypeVar("T")

ALL = Abilities(**dict.fromkeys(Abilities.__struct_fields__, True))
OF_TEST_GUESTS = Abilities(supports_soft_reboot=True, supports_pause=True, supports_suspend=True)


def _verb(
    method: Callable[Concatenate["LibvirtDriver", P], T],
) -> Callable[Concatenate["LibvirtDriver", str, P], T]:
    """Let a verb, written without its host, be called with it: there is one host only, and it is checked."""

    @functools.wraps(method)
    def run(self: "LibvirtDriver", host: str, *args: P.args, **kwargs: P.kwargs) -> T:
        self._check_host(host)
        return self._connection.steady(lambda: method(self, *args, **kwargs))

    return run


class LibvirtDriver:
    """Run guests on the hypervisor behind ``[libvirt] connection_uri``; the process serves that one host."""

    contract_version = (1, 0)
    options = OPTIONS

    def __init__(self) -> None:
        if _MISSING is not None:
            raise _MISSING
        self._started: Hypervisor | None = None
        self._host = ""
        self.configure(defaults())

    def configure(self, section: Any) -> None:
        """Take the section ``[libvirt]``."""
        self._section = section
        self._connection = Connection(section.connection_uri, on_event=self._heard)
        self.abilities = OF_TEST_GUESTS if is_test(section) else ALL

    def start(self, context: DriverContext) -> None:
        """Connect, and remove what earlier incarnations left half made. Raises ConfigurationError."""
        self._host = self._section.host_name or context.address
        self._changed = context.changed
        self._started = open_hypervisor(self._connection, context, self._section)
        self._connection.steady(lambda: cleanup.clean_up(self._hypervisor))

    def stop(self) -> None:
        """Disconnect. Guests go on running."""
        self._connection.close()

    def hosts(self) -> list[str]:
        """Return the one host."""
        return [self._host]

    @_verb
    def inventory(self) -> HostReport:
        """Return the facts of the host, as long as its libvirtd answers."""
        self._connection.get()
        return inventory.report(
            self._host,
            self._hypervisor.facts,
            self._section,
            instances_path=str(self._hypervisor.storage.instances_path),
            abilities=self.abilities,
        )

    @_verb
    def list_guests(self) -> list[Guest]:
        """Return the guests that carry our deployment id."""
        return self._hypervisor.guests.list()

    @_verb
    def get_power_state(self, instance_uuid: str) -> int:
        """Return the guest's power state."""
        return guests.power_state(self._hypervisor.guests.find(instance_uuid))

    @_verb
    def spawn(self, instance: Instance) -> None:
        """Build the guest and start it."""
        build.spawn(self._hypervisor, instance)

    @_verb
    def destroy(self, instance_uuid: str) -> None:
        """Remove the guest with all that belongs to it."""
        build.destroy(self._hypervisor, instance_uuid)

    @_verb
    def power_on(self, instance: Instance) -> None:
        """Start the guest when it does not run."""
        power.power_on(self._hypervisor, instance)

    @_verb
    def power_off(self, instance_uuid: str, *, timeout_s: float) -> None:
        """Shut the guest down."""
        power.power_off(self._hypervisor, instance_uuid, timeout_s=timeout_s)

    @_verb
    def reboot(self, instance: Instance, *, hard: bool) -> None:
        """Restart the guest."""
        power.reboot(self._hypervisor, instance, hard=hard)

    @_verb
    def pause(self, instance_uuid: str) -> None:
        """Hold the guest's CPUs."""
        power.pause(self._hypervisor, instance_uuid)

    @_verb
    def unpause(self, instance_uuid: str) -> None:
        """Let a paused guest run on."""
        power.unpause(self._hypervisor, instance_uuid)

    @_verb
    def suspend(self, instance_uuid: str) -> None:
        """Put the guest's memory on disk."""
        power.suspend(self._hypervisor, instance_uuid)

    @_verb
    def resume(self, instance: Instance) -> None:
        """Let a suspended guest run on."""
        power.resume(self._hypervisor, instance)

    @_verb
    def rescue(self, instance: Instance) -> None:
        """Boot the guest from the image of ``instance.boot``."""
        rescue.rescue(self._hypervisor, instance)

    @_verb
    def unrescue(self, instance: Instance) -> None:
        """Boot the guest from its own disk again."""
        rescue.unrescue(self._hypervisor, instance)

    @_verb
    def snapshot(self, instance: Instance, target: ImageAccess) -> None:
        """Upload the root disk as it is at one moment."""
        snapshot.snapshot(self._hypervisor, instance, target)

    @_verb
    def get_console_output(self, instance_uuid: str, *, most_bytes: int) -> bytes:
        """Return the end of what the guest wrote to its serial line."""
        return console.get_console_output(self._hypervisor, instance_uuid, most_bytes=most_bytes)

    @_verb
    def get_console(self, instance_uuid: str, kind: str) -> ConsoleAddress:
        """Return where a console of the guest listens."""
        return console.get_console(self._hypervisor, instance_uuid, kind)

    @_verb
    def screenshot(self, instance_uuid: str) -> tuple[str, bytes]:
        """Return a picture of the guest's screen."""
        return console.screenshot(self._hypervisor, instance_uuid)

    @_verb
    def attach_interface(self, instance: Instance, nic: Nic) -> None:
        """Plug one more interface."""
        interfaces.attach(self._hypervisor, instance, nic)

    @_verb
    def detach_interface(self, instance: Instance, nic: Nic) -> None:
        """Take an interface away."""
        interfaces.detach(self._hypervisor, instance, nic)

    @_verb
    def apply_firewall(self, instance_uuid: str, firewalls: tuple[Firewall, ...]) -> None:
        """Let pass what ``firewalls`` say and nothing else."""
        mark = guests.marker(self._hypervisor.guests.find(instance_uuid))
        named = {firewall.port_id for firewall in firewalls}
        self._hypervisor.filters.apply([nic for nic in (mark.nics if mark else ()) if nic.port_id in named], firewalls)

    @_verb
    def get_diagnostics(self, instance_uuid: str) -> Diagnostics:
        """Return the counters of the guest."""
        return diagnostics.get_diagnostics(self._hypervisor, instance_uuid)

    @property
    def _hypervisor(self) -> "Hypervisor":
        if self._started is None:
            raise DriverError("The libvirt driver is not started.")
        return self._started

    def _check_host(self, host: str) -> None:
        if host != self._host:
            raise DriverError(f"This process serves no host {host}.")

    def _heard(self, name: str, uuid: str) -> None:
        if name.startswith(names.PREFIX):
            self._changed(self._host, uuid)
