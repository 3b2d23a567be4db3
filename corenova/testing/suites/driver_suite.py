"""The driver contract (corenova/contracts/driver.py) as tests: the required verbs, and the abilities by inheritance."""

import threading

import pytest

from corenova.contracts import driver as contracts
from corenova.contracts.driver import Abilities, Driver, DriverContext
from corenova.exceptions import DriverError, GuestNotFound
from corenova.objects.host_state import HostReport
from corenova.objects.states import PowerState
from corenova.testing.builders import request
from corenova.testing.suites.driver_abilities import DriverAbilities
from corenova.testing.words import contract

VERBS = (
    "start", "stop", "hosts", "inventory", "list_guests", "get_power_state", "spawn", "destroy", "power_on",
    "power_off", "reboot",
)  # fmt: skip
RUNNING, SHUTDOWN = PowerState.RUNNING, PowerState.SHUTDOWN


def guests(driver):
    """Return all guests of a driver: {(host, uuid): power_state}."""
    return {(h, guest.uuid): guest.power_state for h in driver.hosts() for guest in driver.list_guests(h)}


TWICE = {
    "spawn": (lambda d, h, i: d.spawn(h, i), RUNNING),
    "power_on": (lambda d, h, i: d.power_on(h, i), RUNNING),
    "power_off": (lambda d, h, i: d.power_off(h, i.uuid, timeout_s=0), SHUTDOWN),
    "hard reboot": (lambda d, h, i: d.reboot(h, i, hard=True), RUNNING),
    "destroy": (lambda d, h, i: d.destroy(h, i.uuid), None),
}


NOT_THERE = {
    "get_power_state": lambda d, h, i: d.get_power_state(h, i.uuid),
    "power_on": lambda d, h, i: d.power_on(h, i),
    "power_off": lambda d, h, i: d.power_off(h, i.uuid, timeout_s=0),
    "soft reboot": lambda d, h, i: d.reboot(h, i, hard=False),
}


class DriverSuite(DriverAbilities):
    """A driver keeps the contract; inherit, and name it.

    Required verbs are tested in any case. Tests of an ability that ``abilities`` does not declare are skipped by its
    name; one that is declared must be there.
    """

    @contract(Driver, Abilities)
    def test_every_required_verb_is_there_and_abilities_are_declared(self, driver):
        """Whatever is missing is named."""
        assert [verb for verb in VERBS if not callable(getattr(driver, verb, None))] == []
        assert isinstance(driver.abilities, Abilities)

    @contract(Driver.hosts)
    def test_hosts_are_the_same_at_every_call_and_after_a_restart(self, driver, restart):
        """At least one, each of another name."""
        names = driver.hosts()
        assert names and len(set(names)) == len(names)
        assert driver.hosts() == names
        assert restart().hosts() == names

    @contract(Driver.inventory)
    def test_the_inventory_is_of_the_host_that_was_asked_for_and_can_take_a_small_request(self, driver):
        """One vCPU, 64 MiB, 1 GiB of disk."""
        wanted = request(vcpus=1, ram_mb=64, disk_gb=1).resources()
        for name in driver.hosts():
            report = driver.inventory(name)
            assert isinstance(report, HostReport)
            assert report.host == name
            assert report.supported_instances
            for resource_class, amount in wanted.items():
                held = report.inventories[resource_class]
                assert held.min_unit <= amount <= min(held.max_unit, held.capacity)

    @contract(Driver.inventory)
    def test_a_guest_does_not_change_the_inventory(self, driver, host, make_instance):
        """Claims are the conductor's business: what a driver reports is what the host has."""
        before = driver.inventory(host)
        driver.spawn(host, make_instance())
        assert driver.inventory(host) == before

    @contract(Driver.spawn, Driver.list_guests)
    def test_a_spawned_guest_runs_on_its_host_alone_and_carries_our_marker(self, driver, host, guest):
        """And no other host lists it."""
        assert guests(driver) == {(host, guest.uuid): RUNNING}
        (found,) = driver.list_guests(host)
        assert (found.uuid, found.owner) == (guest.uuid, "ours")
        assert driver.get_power_state(host, guest.uuid) == RUNNING

    @contract(contracts)
    @pytest.mark.parametrize("before", ["running", "shut down"])
    @pytest.mark.parametrize("verb", TWICE)
    def test_doing_it_twice_leaves_what_doing_it_once_leaves(self, driver, host, guest, make_instance, verb, before):
        """Whatever the guest did before; a neighbour is left alone."""
        do, end = TWICE[verb]
        neighbour = make_instance()
        driver.spawn(host, neighbour)
        if before == "shut down":
            driver.power_off(host, guest.uuid, timeout_s=0)
        for _ in range(2):
            do(driver, host, guest)
            left = guests(driver)
            assert left.pop((host, neighbour.uuid)) == RUNNING, "the neighbour is left alone"
            assert left == ({} if end is None else {(host, guest.uuid): end})

    @contract(Driver.reboot)
    def test_a_soft_reboot_leaves_a_running_guest(self, driver, host, guest):
        """Twice."""
        if not driver.abilities.supports_soft_reboot:
            pytest.skip("the driver declares no soft reboot")
        for _ in range(2):
            driver.reboot(host, guest, hard=False)
            assert driver.get_power_state(host, guest.uuid) == RUNNING

    @contract(Driver.get_power_state, Driver.power_on, Driver.power_off, Driver.reboot)
    @pytest.mark.parametrize("verb", NOT_THERE)
    @pytest.mark.parametrize("where", ["nowhere", "on another host", "destroyed"])
    def test_a_guest_that_is_not_there_is_not_found(self, driver, host, make_instance, verb, where):
        """Nowhere, on another host, or destroyed; and nothing has changed."""
        instance = make_instance()
        if where == "on another host":
            if len(driver.hosts()) == 1:
                pytest.skip("the driver has one host only")
            driver.spawn(driver.hosts()[1], instance)
        elif where == "destroyed":
            driver.spawn(host, instance)
            driver.destroy(host, instance.uuid)
        before = guests(driver)
        with pytest.raises(GuestNotFound):
            NOT_THERE[verb](driver, host, instance)
        assert guests(driver) == before

    @contract(Driver.destroy, Driver.reboot)
    def test_a_destroy_of_nothing_is_no_error_and_a_hard_reboot_of_nothing_makes_the_guest(
        self, driver, host, make_instance
    ):
        """What is asked for is what is then there."""
        instance = make_instance()
        driver.destroy(host, instance.uuid)
        driver.reboot(host, instance, hard=True)
        assert guests(driver) == {(host, instance.uuid): RUNNING}

    @contract(Driver.start, Driver.stop)
    def test_guests_go_on_over_a_stop_and_the_next_incarnation_finds_them_as_they_were(
        self, driver, host, guest, restart, make_instance
    ):
        """As after an upgrade of the compute, or its crash."""
        stopped = make_instance()
        driver.spawn(host, stopped)
        driver.power_off(host, stopped.uuid, timeout_s=0)
        again = restart()
        assert guests(again) == {(host, guest.uuid): RUNNING, (host, stopped.uuid): SHUTDOWN}
        again.spawn(host, guest)  # as after a crash in the middle of a build
        assert guests(again)[host, guest.uuid] == RUNNING
        for instance in (guest, stopped):
            again.destroy(host, instance.uuid)
        assert guests(again) == {}

    @contract(DriverContext, Driver.list_guests)
    def test_what_another_deployment_runs_is_neither_listed_nor_touched(self, driver, host, guest, restart):
        """Two deployments on one hypervisor."""
        stranger = restart(deployment_id="theirs")
        assert guests(stranger) == {}
        stranger.destroy(host, guest.uuid)
        for verb in NOT_THERE.values():
            with pytest.raises(GuestNotFound):
                verb(stranger, host, guest)
        with pytest.raises(DriverError):
            stranger.spawn(host, guest)
        assert guests(restart()) == {(host, guest.uuid): RUNNING}

    @contract(Driver)
    def test_errors_are_driver_errors(self, driver, make_instance):
        """Of a host that this process does not serve."""
        for verb in (
            lambda: driver.inventory("nowhere"),
            lambda: driver.spawn("nowhere", make_instance()),
            lambda: driver.list_guests("nowhere"),
        ):
            with pytest.raises(DriverError):
                verb()

    @contract(Driver.start, Driver.stop)
    def test_stop_is_harmless_after_a_start_that_failed(self, start, tmp_path):
        """Its state directory is a file."""
        (tmp_path / "state").write_text("a file where a directory should be")
        try:
            start()
        except Exception as error:
            assert "state" in str(error), f"it does not say what is wrong with its state directory: {error}"
        # The fixture stops it, which must not raise; a driver that needs no state may well have started.

    @contract(contracts)
    def test_verbs_of_different_instances_run_at_the_same_time(self, driver, make_instance):
        """Four threads, each with guests of its own."""
        lots = [[make_instance() for _ in range(self.threads_guests)] for _ in range(4)]
        errors = []

        def live(number):
            name = driver.hosts()[number % len(driver.hosts())]
            try:
                for instance in lots[number]:
                    driver.spawn(name, instance)
                    driver.power_off(name, instance.uuid, timeout_s=0)
                    driver.power_on(name, instance)
                    driver.list_guests(name)
                for instance in lots[number][::2]:
                    driver.destroy(name, instance.uuid)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=live, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert {uuid for _, uuid in guests(driver)} == {instance.uuid for lot in lots for instance in lot[1::2]}
