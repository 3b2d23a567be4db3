"""The fake driver: a whole fleet of hosts in one compute process, with real guests of nothing.

It stands at the end of the chain where libvirt would stand, and the rest of corenova cannot tell the difference:
guests outlive the process, verbs are idempotent, spawns take time and fail. What goes wrong is configuration
(``fake_options``, ``fake_faults``); the hosts are made in ``fake_fleet``, guests are kept in ``fake_store``, and what
else can be done to them is in ``fake_abilities``.
"""

import time
from typing import Any

import msgspec

from corenova import exceptions
from corenova.contracts.driver import DriverContext
from corenova.objects.host_state import HostReport
from corenova.objects.instance import Guest, Instance
from corenova.objects.states import PowerState
from corenova_drivers import fake_fleet
from corenova_drivers.fake_abilities import ABILITIES, FakeAbilities, without
from corenova_drivers.fake_faults import Faults
from corenova_drivers.fake_options import OPTIONS, defaults
from corenova_drivers.fake_store import FakeGuest, FakeStore, folder_of


class FakeDriver(FakeAbilities):
    """Run guests that exist only in a journal, on the hosts that ``[fake]`` or its file describes."""

    contract_version = (1, 0)
    options = OPTIONS
    abilities = ABILITIES

    def __init__(self) -> None:
        self._store: FakeStore | None = None
        self._owner = ""
        self.configure(defaults())

    def configure(self, section: Any) -> None:
        """Take the section ``[fake]``: from it follow the hosts, their inventories and what goes wrong."""
        self._section = section
        self.abilities = without(section.lacks)
        self._faults = Faults(section)
        self._reports = fake_fleet.reports(section)

    def start(self, context: DriverContext) -> None:
        """Find the guests that earlier processes left. Raises ConfigurationError when another process has them."""
        self._context = context
        self._owner = context.deployment_id
        self._store = FakeStore(folder_of(context.state_path))
        self._store.open(power_cut=self._section.power_cut, keep_history=self._section.keep_history)

    def stop(self) -> None:
        """Wake what hangs and let go of the store. Guests go on running."""
        self._faults.stop()
        if self._store is not None:
            self._store.close()

    def hosts(self) -> list[str]:
        """Return the names of the hosts, in order."""
        return list(self._reports)

    def inventory(self, host: str) -> HostReport:
        """Return the facts of ``host``."""
        self._check_host(host)
        return self._reports[host]

    def list_guests(self, host: str) -> list[Guest]:
        """Return the guests on ``host`` that carry our deployment id."""
        self._check_host(host)
        return [
            Guest(uuid=guest.uuid, name=guest.name, power_state=self._power_state(guest), owner=guest.owner)
            for guest in self._open_store().on_host(host)
            if guest.owner == self._owner
        ]

    def get_power_state(self, host: str, instance_uuid: str) -> int:
        """Return the guest's power state at this moment."""
        return self._power_state(self._find(host, instance_uuid))

    def spawn(self, host: str, instance: Instance) -> None:
        """Create and start the guest; one that is there is kept, and started if it does not run."""
        self._check_host(host)
        store = self._open_store()
        if store.get(host, instance.uuid) is None:
            # Not under the lock of the uuid: this may take long, and a destroy must not wait for it.
            self._faults.before_spawn(host, instance.display_name)
        with store.changing(instance.uuid):
            self._start_or_create(host, instance)

    def destroy(self, host: str, instance_uuid: str) -> None:
        """Remove the guest; no error when there is none. A guest that is not ours is none."""
        store = self._open_store()
        with store.changing(instance_uuid):
            guest = store.get(host, instance_uuid)
            if guest is not None and guest.owner == self._owner:
                store.remove(host, instance_uuid)

    def power_on(self, host: str, instance: Instance) -> None:
        """Start the guest when it does not run."""
        self._find(host, instance.uuid)
        self._faults.before_power()
        with self._open_store().changing(instance.uuid):
            guest = self._find(host, instance.uuid)
            if self._power_state(guest) != PowerState.RUNNING:
                self._run(guest)

    def power_off(self, host: str, instance_uuid: str, *, timeout_s: float) -> None:
        """Shut the guest down. It obeys at once, so ``timeout_s`` is never used up."""
        self._find(host, instance_uuid)
        self._faults.before_power()
        with self._open_store().changing(instance_uuid):
            guest = self._find(host, instance_uuid)
            if guest.power_state != PowerState.SHUTDOWN:
                self._open_store().put(guest._replace(power_state=PowerState.SHUTDOWN))

    def reboot(self, host: str, instance: Instance, *, hard: bool) -> None:
        """Restart the guest, whatever state it is in; a hard reboot creates one that has vanished."""
        self._check_host(host)
        if not hard:
            self._find(host, instance.uuid)
        self._faults.before_power()
        with self._open_store().changing(instance.uuid):
            if hard and self._open_store().get(host, instance.uuid) is None:
                self._create(host, instance)
            else:
                self._run(self._find(host, instance.uuid))

    def plant(self, host: str, guest: Guest) -> None:
        """Put a guest on ``host`` behind the control plane's back, for tests: a foreign one, or an orphan of ours."""
        self._check_host(host)
        self._open_store().put(FakeGuest(host, guest.uuid, guest.name, guest.owner, guest.power_state, time.time()))

    def _start_or_create(self, host: str, instance: Instance) -> None:
        guest = self._open_store().get(host, instance.uuid)
        if guest is None:
            self._create(host, instance)
        elif guest.owner != self._owner:
            raise exceptions.DriverError(f"A guest {instance.uuid} that is not ours is in the way.")
        elif self._power_state(guest) != PowerState.RUNNING:
            self._run(guest)

    def _create(self, host: str, instance: Instance) -> None:
        guest = FakeGuest(host, instance.uuid, instance.display_name, self._owner, PowerState.NOSTATE)
        if instance.nics:
            guest = guest._replace(
                nics={nic.port_id: nic.mac for nic in instance.nics},
                firewalls={one.port_id: msgspec.to_builtins(one.rules) for one in instance.firewalls},
            )
        self._run(guest, op="spawn")

    def _run(self, guest: FakeGuest, *, op: str = "put") -> None:
        """Write down that the guest starts now, or that it crashes in the attempt."""
        power_state = PowerState.CRASHED if self._faults.crashes(guest.name) else PowerState.RUNNING
        self._open_store().put(guest._replace(power_state=power_state, started_at=time.time()), op=op)

    def _power_state(self, guest: FakeGuest) -> int:
        """Return what the guest is in now. Dying by itself is a matter of looking at the clock, so no thread is needed
        and a guest also dies while no process looks after it."""
        life = self._section.die_after_s
        if life and guest.power_state == PowerState.RUNNING and time.time() - guest.started_at >= life:
            return PowerState.SHUTDOWN
        return guest.power_state

    def _find(self, host: str, instance_uuid: str) -> FakeGuest:
        self._check_host(host)
        guest = self._open_store().get(host, instance_uuid)
        if guest is None or guest.owner != self._owner:
            raise exceptions.GuestNotFound(f"There is no guest {instance_uuid} on host {host}.")
        return guest

    def _check_host(self, host: str) -> None:
        if host not in self._reports:
            raise exceptions.DriverError(f"This process serves no host {host}.")

    def _open_store(self) -> FakeStore:
        if self._store is None:
            raise exceptions.DriverError("The fake driver is not started.")
        return self._store
