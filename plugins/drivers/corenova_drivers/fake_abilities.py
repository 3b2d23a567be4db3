"""What the fake driver can do beyond the required verbs, so that everything above a driver can be tried without one.

A guest's interfaces, filters and rescue are kept in its journal record; its root disk is a sentence, and its console
says when it started. Nothing is sent anywhere but a snapshot, to the image service.
"""

import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from corenova import exceptions
from corenova.contracts.driver import Abilities, DriverContext
from corenova.contracts.driver_abilities import Diagnostics
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova.objects.network import Firewall, Nic
from corenova.objects.states import PowerState
from corenova_drivers.fake_faults import Faults
from corenova_drivers.fake_options import PREFIX
from corenova_drivers.fake_store import FakeGuest, FakeStore

ABILITIES = Abilities(
    supports_soft_reboot=True,
    supports_pause=True,
    supports_suspend=True,
    supports_rescue=True,
    supports_snapshot=True,
    supports_console_output=True,
    supports_attach_interface=True,
    supports_firewall=True,
    supports_diagnostics=True,
)


def without(lacks: Sequence[str]) -> Abilities:
    """Return what is left of the abilities; those that are taken away are named as in ``[fake] lacks``."""
    return msgspec.structs.replace(ABILITIES, **{PREFIX + name: False for name in lacks})


RUNNING, PAUSED, SUSPENDED = PowerState.RUNNING, PowerState.PAUSED, PowerState.SUSPENDED


class FakeAbilities:
    """The verbs of the abilities, for FakeDriver, which has what is named here without a body."""

    _context: DriverContext | None = None
    _faults: Faults
    _open_store: Callable[[], FakeStore]
    _find: Callable[[str, str], FakeGuest]
    _run: Callable[[FakeGuest], None]
    _power_state: Callable[[FakeGuest], int]

    def pause(self, host: str, instance_uuid: str) -> None:
        """Hold the guest, if it runs."""
        self._move(host, instance_uuid, {RUNNING}, PAUSED)

    def unpause(self, host: str, instance_uuid: str) -> None:
        """Let a paused guest run on."""
        self._move(host, instance_uuid, {PAUSED}, RUNNING)

    def suspend(self, host: str, instance_uuid: str) -> None:
        """Put the guest on disk, if it runs or is paused."""
        self._move(host, instance_uuid, {RUNNING, PAUSED}, SUSPENDED)

    def resume(self, host: str, instance: Instance) -> None:
        """Let a suspended guest run on."""
        self._move(host, instance.uuid, {SUSPENDED, PAUSED}, RUNNING)

    def rescue(self, host: str, instance: Instance) -> None:
        """Start the guest in rescue; one that is there already is left alone."""
        self._change_rescue(host, instance.uuid, rescued=True)

    def unrescue(self, host: str, instance: Instance) -> None:
        """Start the guest out of rescue; one that is there already is left alone."""
        self._change_rescue(host, instance.uuid, rescued=False)

    def snapshot(self, host: str, instance: Instance, target: ImageAccess) -> None:
        """Upload the guest's root disk, which is a line of text."""
        guest = self._find(host, instance.uuid)
        if self._context is None or self._context.images is None:
            raise exceptions.DriverError("A snapshot needs an image service, and this driver was started without one.")
        content = io.BytesIO(f"The root disk of the fake guest {guest.uuid}.\n".encode())
        self._context.images.send(target, content, disk_format="raw")

    def get_console_output(self, host: str, instance_uuid: str, *, most_bytes: int) -> bytes:
        """Return the end of what the guest has said."""
        guest = self._find(host, instance_uuid)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(guest.started_at))
        said = f"{guest.name} started at {since}{' in rescue' if guest.rescued else ''}\n".encode()
        return said[max(0, len(said) - most_bytes) :]

    def attach_interface(self, host: str, instance: Instance, nic: Nic) -> None:
        """Plug one more interface; one that is there is left alone."""
        with self._open_store().changing(instance.uuid):
            guest = self._find(host, instance.uuid)
            if guest.nics.get(nic.port_id) != nic.mac:
                self._open_store().put(guest._replace(nics={**guest.nics, nic.port_id: nic.mac}))

    def detach_interface(self, host: str, instance: Instance, nic: Nic) -> None:
        """Take an interface away, with its filter; no error when it is gone."""
        with self._open_store().changing(instance.uuid):
            guest = self._find(host, instance.uuid)
            if nic.port_id in guest.nics:
                self._open_store().put(
                    guest._replace(
                        nics=_without(guest.nics, nic.port_id), firewalls=_without(guest.firewalls, nic.port_id)
                    )
                )

    def apply_firewall(self, host: str, instance_uuid: str, firewalls: tuple[Firewall, ...]) -> None:
        """Keep the rules, port by port; ports that are not named keep what they have."""
        with self._open_store().changing(instance_uuid):
            guest = self._find(host, instance_uuid)
            rules = {one.port_id: msgspec.to_builtins(one.rules) for one in firewalls if one.port_id in guest.nics}
            if {**guest.firewalls, **rules} != guest.firewalls:
                self._open_store().put(guest._replace(firewalls={**guest.firewalls, **rules}))

    def get_diagnostics(self, host: str, instance_uuid: str) -> Diagnostics:
        """Return what there is to say of a guest of nothing: how long it has run, and its interfaces."""
        guest = self._find(host, instance_uuid)
        return Diagnostics(
            state=PowerState.NAMES[self._power_state(guest)],
            driver="fake",
            hypervisor="fake",
            uptime_s=max(0, int(time.time() - guest.started_at)),
            nics=tuple({"mac_address": mac} for mac in guest.nics.values()),
        )

    def _move(self, host: str, uuid: str, states: set[int], end: int) -> None:
        """Bring the guest from one of ``states`` to ``end``; one that is there already is left alone."""
        self._find(host, uuid)
        self._faults.before_power()
        with self._open_store().changing(uuid):
            guest = self._find(host, uuid)
            now = self._power_state(guest)
            if now == end:
                return
            if now not in states:
                raise exceptions.DriverError(f"The guest is {PowerState.NAMES[now]}: that cannot be done to it now.")
            self._open_store().put(guest._replace(power_state=end))

    def _change_rescue(self, host: str, uuid: str, *, rescued: bool) -> None:
        self._find(host, uuid)
        self._faults.before_power()
        with self._open_store().changing(uuid):
            guest = self._find(host, uuid)
            if guest.rescued != rescued or self._power_state(guest) != RUNNING:
                self._run(guest._replace(rescued=rescued))


def _without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
