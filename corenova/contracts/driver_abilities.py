"""The verbs of a driver's abilities: one protocol an ability of contracts/driver.py, named for its flag.

As with the required verbs: called from several threads, never two at a time for one instance on one host, idempotent
because a crash may repeat each. All raise GuestNotFound where there is no such guest, DriverError for what the
hypervisor refuses; what that leads to, and what happens to a verb that does not come back, is said in driver.py. What
changes a guest is called for the user's request of that name, and again after a crash in the middle. Questions
(console, diagnostics) are asked while the user waits, by any number of users, and change nothing; they may come at any
time, also while another verb is at work on the same guest. A declared ability whose verb is missing stops the start.
"""

from typing import Protocol

import msgspec

from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova.objects.network import Firewall, Nic


class ConsoleAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a console of a guest listens: on its host, for whoever may reach that.

    :param kind: ``vnc`` or ``serial``.
    :param path: of a unix socket or terminal device, when it is not a port.
    """

    kind: str
    host: str
    port: int | None = None
    path: str | None = None


class Diagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of a guest. Times are nanoseconds, sizes bytes, memory MiB; None where the hypervisor does not know."""

    state: str
    driver: str
    hypervisor: str | None = None
    hypervisor_os: str | None = None
    uptime_s: int | None = None
    config_drive: bool = False
    memory_maximum_mb: int | None = None
    memory_used_mb: int | None = None
    cpu_times_ns: tuple[int | None, ...] = ()
    nics: tuple[dict[str, int | str | None], ...] = ()
    disks: tuple[dict[str, int], ...] = ()


class Pausing(Protocol):
    """``supports_pause``: hold a guest's CPUs, with its memory where it is."""

    def pause(self, host: str, instance_uuid: str) -> None:
        """Stop the CPUs of a running guest; one that is paused is left alone."""
        ...

    def unpause(self, host: str, instance_uuid: str) -> None:
        """Let a paused guest run on; one that runs is left alone."""
        ...


class Suspending(Protocol):
    """``supports_suspend``: put a guest's memory on disk. A suspended guest is in power state SUSPENDED or SHUTDOWN."""

    def suspend(self, host: str, instance_uuid: str) -> None:
        """Save the guest and free its memory; one that is suspended is left alone."""
        ...

    def resume(self, host: str, instance: Instance) -> None:
        """Let a suspended guest run on where it was; one that runs is left alone."""
        ...


class Rescuing(Protocol):
    """``supports_rescue``: boot a guest from another disk, with its own beside it."""

    def rescue(self, host: str, instance: Instance) -> None:
        """Stop the guest and boot it from the image of ``instance.boot``; one that is in rescue is left alone."""
        ...

    def unrescue(self, host: str, instance: Instance) -> None:
        """Boot the guest from its own disk again and remove the rescue disk."""
        ...


class Snapshotting(Protocol):
    """``supports_snapshot``: the root disk as an image."""

    def snapshot(self, host: str, instance: Instance, target: ImageAccess) -> None:
        """Upload the root disk, as it is at one moment, by ``images.send``; the guest is as it was before, whatever
        happens. Nothing of the copy stays on the host."""
        ...


class ConsoleReading(Protocol):
    """``supports_console_output``: what the guest has written to its serial console."""

    def get_console_output(self, host: str, instance_uuid: str, *, most_bytes: int) -> bytes:
        """Return the last ``most_bytes`` of it; empty when there is nothing yet. Also of a guest that is shut down."""
        ...


class RemoteConsole(Protocol):
    """``supports_remote_console``: screen and serial line of a running guest."""

    def get_console(self, host: str, instance_uuid: str, kind: str) -> ConsoleAddress:
        """Return where the console of this kind listens; raises DriverError when the guest has none."""
        ...

    def screenshot(self, host: str, instance_uuid: str) -> tuple[str, bytes]:
        """Return (media type, picture) of what the screen shows."""
        ...


class Plugging(Protocol):
    """``supports_attach_interface``: interfaces come and go while the guest runs, or is shut down."""

    def attach_interface(self, host: str, instance: Instance, nic: Nic) -> None:
        """Plug one more interface; one that is there is left alone. ``instance.nics`` has it already."""
        ...

    def detach_interface(self, host: str, instance: Instance, nic: Nic) -> None:
        """Take an interface away; no error when it is gone. Raises DriverError when the guest keeps it."""
        ...


class Filtering(Protocol):
    """``supports_firewall``: security groups and anti-spoofing."""

    def apply_firewall(self, host: str, instance_uuid: str, firewalls: tuple[Firewall, ...]) -> None:
        """Let pass what ``firewalls`` say and nothing else; ports that are not named keep what they have.

        Called whenever the rules change, and at intervals with what is there already."""
        ...


class Diagnosing(Protocol):
    """``supports_diagnostics``: counters of a running guest."""

    def get_diagnostics(self, host: str, instance_uuid: str) -> Diagnostics:
        """Return what the hypervisor counts of the guest."""
        ...
