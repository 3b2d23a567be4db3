"""The guard of a driver: answers come out, faults and lies do not, and hosts that fail to build are spared."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from corenova.contracts.driver import Abilities
from corenova.exceptions import (
    BuildAbort,
    DriverError,
    DriverFault,
    GuestNotFound,
    InsufficientResources,
    PluginError,
    Unavailable,
)
from corenova.guards.breakers import BreakerSet
from tests.unit.guards.conftest import ToyDriver, guarded_driver

INSTANCE = SimpleNamespace(uuid="11111111-1111-4111-8111-111111111111")


def test_what_is_no_verb_is_the_drivers_own(guard, driver):
    driver.anything = object()
    assert (guard.anything, guard.abilities) == (driver.anything, driver.abilities)
    with pytest.raises(AttributeError):
        guard.snapshot  # noqa: B018 - the driver has none


def test_calls_and_their_time_are_in_the_account(guard):
    calls = guard.plugin.account.calls
    assert guard.get_power_state("h1", "u") == 1
    guard.destroy("h1", "u")
    account = guard.plugin.told()
    assert (account.calls - calls, account.faults, account.breaker) == (2, 0, "closed")
    assert account.seconds > 0


@pytest.mark.parametrize("error", [DriverError("x"), BuildAbort("x"), GuestNotFound("x"), Unavailable("x")])
def test_the_errors_of_the_contract_are_answers(guard, driver, error):
    driver.answers["spawn"] = error
    with pytest.raises(type(error)) as caught:
        guard.spawn("h1", INSTANCE)
    assert caught.value is error
    assert guard.plugin.told().faults == 0


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


@pytest.mark.parametrize(
    "error", [RuntimeError("poison"), SystemExit(3), Unprintable()], ids=lambda e: type(e).__name__
)
def test_whatever_else_is_raised_is_a_fault_that_names_the_driver(guard, driver, error):
    driver.answers["destroy"] = error
    with pytest.raises(DriverFault, match=f"Driver toy of toys failed in destroy of u on h1: {type(error).__name__}"):
        guard.destroy("h1", "u")
    account = guard.plugin.told()
    assert account.faults == 1
    assert account.last_fault.startswith(f"destroy: {type(error).__name__}")


def test_hosts_are_asked_for_once(guard, driver):
    assert guard.hosts() == ["h1", "h2"]
    driver.answers["hosts"] = ["another"]
    assert guard.hosts() == ["h1", "h2"]
    guard.hosts().clear()
    assert guard.hosts() == ["h1", "h2"]


def test_a_refused_inventory_is_an_alarm_until_it_is_true_again(guard, driver):
    fine, driver.answers["inventory"] = driver.answers["inventory"], "rubbish"
    with pytest.raises(DriverFault):
        guard.inventory("h1")
    assert guard.alarms() == [
        "driver toy: inventory of h1 is refused: Lie: it returned str 'rubbish', and no HostReport"
    ]
    driver.answers["inventory"] = fine
    assert guard.inventory("h1").host == "h1"
    assert guard.alarms() == []


def refused_start(driver):
    with pytest.raises(PluginError) as caught:
        guarded_driver(driver)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("Driver toy of toys cannot be used: ")
    return text


def test_a_driver_without_abilities_or_verbs_is_refused_before_it_is_started():
    driver = ToyDriver()
    driver.abilities = {"supports_pause": True}
    assert "its abilities are dict" in refused_start(driver)
    driver.abilities = Abilities(supports_pause=True)
    assert "declare supports_pause, and it has no pause" in refused_start(driver)
    driver = ToyDriver()
    driver.spawn = driver.reboot = None
    assert "it has no spawn, reboot" in refused_start(driver)
    assert driver.calls == []


def fail(guard, host="h1", times=1):
    for _ in range(times):
        with pytest.raises(DriverFault):
            guard.spawn(host, INSTANCE)


def test_a_host_whose_builds_fail_in_a_row_gets_none_and_the_others_do(driver):
    guard = guarded_driver(driver, plugins__breaker_faults=3, plugins__breaker_open_s=3600.0)
    sick = RuntimeError("poison")
    driver.answers["spawn"] = lambda host: (_ for _ in ()).throw(sick) if host == "h1" else None
    fail(guard, times=3)
    with pytest.raises(InsufficientResources, match="builds of driver toy on h1 fail"):
        guard.spawn("h1", INSTANCE)
    assert driver.calls.count("spawn") == 3, "it is refused without being asked"
    guard.spawn("h2", INSTANCE)
    guard.destroy("h1", "u")
    assert guard.plugin.told().breaker == "open"
    (alarm,) = guard.alarms()
    assert alarm.startswith("building of driver toy on host h1 is switched off after faults: Driver toy of toys failed")


def build(guard, driver, outcome, host="h1"):
    """Let one build end so; returns what came out of it."""
    driver.answers["spawn"] = outcome
    try:
        return guard.spawn(host, INSTANCE)
    except BaseException as error:
        return type(error)


def test_a_build_that_succeeds_in_between_ends_the_row(driver):
    guard = guarded_driver(driver, plugins__breaker_faults=2)
    for outcome in (RuntimeError("poison"), None, RuntimeError("poison")):
        build(guard, driver, outcome)
    assert guard.plugin.told().breaker == "closed"


def on_a_clock(driver, clock, *, faults):
    """A guard whose breakers of builds open for ten seconds of ``clock``."""
    guard = guarded_driver(driver)
    guard._builds = guard.plugin.account.breaker = BreakerSet("{}", faults=faults, open_s=10.0, clock=clock)
    return guard


@pytest.mark.parametrize(
    "answer", [DriverError("x"), BuildAbort("x"), InsufficientResources("x"), Unavailable("x")], ids=type
)
def test_an_answer_about_one_guest_counts_for_nothing_it_ends_no_row_and_no_trial(driver, clock, answer):
    guard = on_a_clock(driver, clock, faults=2)
    for outcome in (RuntimeError("poison"), answer):
        build(guard, driver, outcome)
    assert guard.plugin.told().breaker == "closed"
    build(guard, driver, RuntimeError("poison"))
    assert guard.plugin.told().breaker == "open"
    clock.now += 11
    assert build(guard, driver, answer) is type(answer)
    assert guard.plugin.told().breaker == "on trial"
    assert build(guard, driver, RuntimeError("poison")) is DriverFault, "the next build is the trial"
    assert guard.plugin.told().breaker == "open"
    clock.now += 21
    assert build(guard, driver, None) is None
    assert guard.plugin.told().breaker == "closed"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()], ids=type)
def test_a_trial_that_is_cut_off_is_over(driver, clock, error):
    guard = on_a_clock(driver, clock, faults=1)
    build(guard, driver, RuntimeError("poison"))
    clock.now += 11
    assert build(guard, driver, error) is type(error)
    assert build(guard, driver, None) is None
    assert guard.plugin.told().breaker == "closed"


def test_a_call_that_does_not_come_back_is_a_fault_once_and_an_alarm_as_long_as_it_hangs(driver):
    guard = guarded_driver(driver, compute__driver_timeout_s=0.1, plugins__breaker_faults=1)
    guard.expect(build_s=0.2, snapshot_s=9)
    entered, over = threading.Semaphore(0), threading.Event()
    driver.answers["spawn"] = driver.answers["destroy"] = lambda host: entered.release() or over.wait(30)
    threads = [
        threading.Thread(target=guard.spawn, args=("h1", INSTANCE)),
        *(threading.Thread(target=guard.destroy, args=("h2", f"u{number}")) for number in range(4)),
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in threads:
            assert entered.acquire(timeout=10)
        while len(guard.overdue()) < 5:
            pass
        assert {(call.verb, call.host, call.instance_uuid) for call in guard.overdue()} == {
            ("spawn", "h1", INSTANCE.uuid), *(("destroy", "h2", f"u{number}") for number in range(4)),
        }  # fmt: skip
        assert guard.plugin.told().faults == 5
        assert f"driver toy: spawn of {INSTANCE.uuid} on h1 has not come back for 0 s" in guard.alarms()
        with pytest.raises(InsufficientResources):
            guard.spawn("h1", INSTANCE)
        guard.check("h1", "another")
        with pytest.raises(DriverError, match=f"An earlier call of driver toy for {INSTANCE.uuid} does not come back"):
            guard.check("h1", INSTANCE.uuid)
        with pytest.raises(DriverError, match="4 calls of driver toy on h2 do not come back"):
            guard.check("h2", "another")
    finally:
        over.set()
    for thread in threads:
        thread.join(10)
    assert guard.overdue() == []
    guard.check("h2", "another")
