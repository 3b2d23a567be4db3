"""Drivers that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import threading
from pathlib import Path

from corenova.contracts.driver import Abilities
from corenova.exceptions import ConfigurationError, DriverError, GuestNotFound
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState
from corenova.testing.suites import DriverSuite

TWICE = "test_doing_it_twice_leaves_what_doing_it_once_leaves"
NOT_FOUND = "test_a_guest_that_is_not_there_is_not_found"
INVENTORY = "test_the_inventory_is_of_the_host_that_was_asked_for_and_can_take_a_small_request"
RUNNING, SHUTDOWN, PAUSED = PowerState.RUNNING, PowerState.SHUTDOWN, PowerState.PAUSED
WORLD: dict[str, dict[tuple[str, str], tuple[str, int]]] = {}
"""What outlives a process: owner and power state by host and uuid, by state directory."""


class Fine:
    """The smallest driver, with one ability."""

    abilities = Abilities(supports_pause=True)

    def start(self, context):
        if Path(context.state_path).is_file():
            raise ConfigurationError(f"{context.state_path} is a file: name a directory in state_path.")
        self.me = context.deployment_id
        self.guests = WORLD.setdefault(context.state_path, {})
        self.lock = threading.Lock()

    def stop(self):
        pass

    def hosts(self):
        return ["one", "two"]

    def inventory(self, host):
        self.check(host)
        held = {name: Inventory(total=1000) for name in ("VCPU", "MEMORY_MB", "DISK_GB")}
        return HostReport(
            host=host, hypervisor_type="tiny", hypervisor_version=1, inventories=held,
            supported_instances=(("x86_64", "tiny", "hvm"),),
        )  # fmt: skip

    def list_guests(self, host):
        self.check(host)
        return [
            Guest(uuid=uuid, name=uuid, power_state=state, owner=owner)
            for (where, uuid), (owner, state) in list(self.guests.items())
            if where == host and owner == self.me
        ]

    def get_power_state(self, host, instance_uuid):
        return self.find(host, instance_uuid)

    def spawn(self, host, instance):
        self.check(host)
        owner, _ = self.guests.get((host, instance.uuid), (self.me, 0))
        if owner != self.me:
            raise DriverError(f"{instance.uuid} is not ours.")
        self.guests[host, instance.uuid] = (self.me, RUNNING)

    def destroy(self, host, instance_uuid):
        if self.guests.get((host, instance_uuid), ("", 0))[0] == self.me:
            del self.guests[host, instance_uuid]

    def power_on(self, host, instance):
        self.put(host, instance.uuid, RUNNING)

    def power_off(self, host, instance_uuid, *, timeout_s):
        self.put(host, instance_uuid, SHUTDOWN)

    def reboot(self, host, instance, *, hard):
        if hard:
            self.spawn(host, instance)
        self.put(host, instance.uuid, RUNNING)

    def pause(self, host, instance_uuid):
        if self.find(host, instance_uuid) == SHUTDOWN:
            raise DriverError("It is shut down.")
        self.put(host, instance_uuid, PAUSED)

    def unpause(self, host, instance_uuid):
        self.put(host, instance_uuid, RUNNING)

    def check(self, host):
        if host not in self.hosts():
            raise DriverError(f"There is no host {host}.")

    def find(self, host, uuid):
        owner, state = self.guests.get((host, uuid), ("", 0))
        if owner != self.me:
            raise GuestNotFound(f"There is no guest {uuid} on {host}.")
        return state

    def put(self, host, uuid, state):
        self.find(host, uuid)
        self.guests[host, uuid] = (self.me, state)


class SpawnsOnce(Fine):
    def spawn(self, host, instance):
        if (host, instance.uuid) in self.guests:
            raise DriverError("It is there already.")
        super().spawn(host, instance)


class DestroysOnce(Fine):
    def destroy(self, host, instance_uuid):
        self.find(host, instance_uuid)
        super().destroy(host, instance_uuid)


class DestroysAll(Fine):
    def destroy(self, host, instance_uuid):
        self.guests.clear()


class WrongError(Fine):
    def find(self, host, uuid):
        return self.guests[host, uuid][1]


class ErrorsAreNotItsOwn(Fine):
    def check(self, host):
        if host not in self.hosts():
            raise KeyError(host)


class Forgets(Fine):
    def start(self, context):
        super().start(context)
        self.guests = {}


class ListsStrangers(Fine):
    def list_guests(self, host):
        self.check(host)
        return [
            Guest(uuid=uuid, name=uuid, power_state=state, owner=owner)
            for (where, uuid), (owner, state) in self.guests.items()
            if where == host
        ]


class SameInventory(Fine):
    def inventory(self, host):
        return super().inventory("one")


class FullOfGuests(Fine):
    def inventory(self, host):
        report = super().inventory(host)
        left = 1000 - len(self.guests)
        return HostReport(
            host=host, hypervisor_type="tiny", hypervisor_version=1, supported_instances=report.supported_instances,
            inventories={name: Inventory(total=left) for name in report.inventories},
        )  # fmt: skip


class HasNoAbilities(Fine):
    abilities = {"supports_pause": True}


class LacksWhatItDeclares(Fine):
    abilities = Abilities(supports_pause=True, supports_console_output=True)


class PauseIsNotPaused(Fine):
    def pause(self, host, instance_uuid):
        self.find(host, instance_uuid)


class StopNeedsAStart(Fine):
    def stop(self):
        self.lock.acquire()
        self.lock.release()


class LacksAVerb(Fine):
    power_off = None


CAUGHT = {
    Fine: (),
    SpawnsOnce: (TWICE,),
    DestroysOnce: (TWICE,),
    DestroysAll: (TWICE,),
    WrongError: (NOT_FOUND,),
    ErrorsAreNotItsOwn: ("test_errors_are_driver_errors",),
    Forgets: ("test_guests_go_on_over_a_stop_and_the_next_incarnation_finds_them_as_they_were",),
    ListsStrangers: ("test_what_another_deployment_runs_is_neither_listed_nor_touched",),
    SameInventory: (INVENTORY,),
    FullOfGuests: ("test_a_guest_does_not_change_the_inventory",),
    HasNoAbilities: ("test_every_required_verb_is_there_and_abilities_are_declared",),
    LacksWhatItDeclares: ("test_every_verb_of_a_declared_ability_is_there",),
    PauseIsNotPaused: ("test_a_pause_holds_and_an_unpause_lets_go",),
    StopNeedsAStart: ("test_stop_is_harmless_after_a_start_that_failed",),
    LacksAVerb: ("test_every_required_verb_is_there_and_abilities_are_declared",),
}
for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    globals()[name] = type(name, (DriverSuite,), {"plugin": written, "caught_by": caught_by})
