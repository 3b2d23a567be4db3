"""The failures, latencies and sudden deaths that [fake] can order."""

import threading
import time

import pytest

from corenova.exceptions import BuildAbort, DriverError
from corenova.objects.states import PowerState
from corenova_drivers import fake

H1, H2 = "fake-001", "fake-002"


def test_failing_names_fail_everywhere_and_others_do_not(start, make_instance):
    driver = start(spawn_failure_names=["bad-*"])
    for host in (H1, H2):
        with pytest.raises(DriverError, match="spawn_failure_names"):
            driver.spawn(host, make_instance("bad-1"))
    driver.spawn(H1, make_instance("good"))
    assert len(driver.list_guests(H1)) == 1


def test_failing_hosts(start, make_instance):
    driver, instance = start(spawn_failure_hosts=["fake-00[13]"]), make_instance()
    with pytest.raises(DriverError, match="spawn_failure_hosts"):
        driver.spawn(H1, instance)
    driver.spawn(H2, instance)


def test_abort(start, make_instance):
    with pytest.raises(BuildAbort):
        start(spawn_abort_names=["vm"]).spawn(H1, make_instance("vm"))


def test_a_guest_that_is_there_is_kept_without_a_second_chance_to_fail(start, make_instance):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    driver.stop()
    start(spawn_failure_rate=1.0).spawn(H1, instance)


def test_failure_rate_follows_the_seed(start, make_instance):
    def outcomes():
        driver = start(spawn_failure_rate=0.5, seed=7)
        found = []
        for _ in range(40):
            try:
                driver.spawn(H1, make_instance())
                found.append(True)
            except DriverError:
                found.append(False)
        driver.stop()
        return found

    first = outcomes()
    assert 5 < sum(first) < 35
    assert outcomes() == first


def test_a_hanging_spawn_ends_with_the_driver(start, make_instance):
    driver, errors = start(spawn_hang_names=["vm"]), []

    def hang():
        try:
            driver.spawn(H1, make_instance("vm"))
        except DriverError as error:
            errors.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    driver.spawn(H1, make_instance("other"))
    driver.stop()
    thread.join(5)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("options", "verb"),
    [
        ({"spawn_latency_s": 0.05}, lambda driver, instance: driver.spawn(H1, instance)),
        ({"power_latency_s": 0.05}, lambda driver, instance: driver.reboot(H1, instance, hard=True)),
    ],
)
def test_latency(start, make_instance, options, verb):
    driver, began = start(**options), time.monotonic()
    verb(driver, make_instance())
    assert time.monotonic() - began >= 0.05


class Clock:
    """A clock that tests move by hand."""

    now = 1000.0

    def time(self) -> float:
        return self.now


def test_guests_die_after_a_while_also_while_nobody_looks(start, make_instance, monkeypatch):
    monkeypatch.setattr(fake, "time", clock := Clock())
    driver, instance = start(die_after_s=60.0), make_instance()
    driver.spawn(H1, instance)
    clock.now += 59
    assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING
    driver.stop()
    clock.now += 1
    driver = start(die_after_s=60.0)
    assert driver.list_guests(H1)[0].power_state == PowerState.SHUTDOWN
    driver.power_on(H1, instance)
    clock.now += 59
    assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING


def test_guests_crash_right_after_their_start(start, make_instance):
    driver, instance = start(die_names=["frail*"]), make_instance("frail-1")
    driver.spawn(H1, instance)
    assert driver.get_power_state(H1, instance.uuid) == PowerState.CRASHED
    driver.reboot(H1, instance, hard=True)
    assert driver.get_power_state(H1, instance.uuid) == PowerState.CRASHED
