"""The breaker: closed, open, on trial."""

import pytest

from corenova.breaker import Breakers


def fail(breaker, times=1):
    for _ in range(times):
        breaker.fault("ValueError: no")


def test_it_opens_after_so_many_faults_within_a_minute_and_says_so_once(breakers, clock, caplog):
    breaker = breakers.of("filter F")
    for _ in range(5):
        fail(breaker, 2)
        clock.now += 61
    assert breaker.is_closed
    assert breakers.alarms() == []
    fail(breaker, 3)
    assert (breaker.is_open, breaker.is_closed, breakers.any_open, breakers.changes) == (True, False, True, 1)
    assert breakers.alarms() == ["filter F is switched off after faults: ValueError: no"]
    fail(breaker, 9)
    assert caplog.text.count("The filter F fails too often and is switched off for 60.0 s") == 1


@pytest.mark.parametrize("well", [True, False])
def test_after_a_while_the_next_call_decides(breakers, clock, caplog, well):
    breaker = breakers.of("filter F")
    fail(breaker, 3)
    clock.now += 59
    breakers.try_again()
    assert breaker.is_open
    clock.now += 1
    breakers.try_again()
    assert (breaker.is_open, breaker.is_closed, breakers.changes) == (False, False, 2)
    if well:
        breaker.success()
        assert (breaker.is_closed, breakers.any_open, breakers.alarms()) == (True, False, [])
        assert "The filter F works again" in caplog.text
        fail(breaker, 2)
        assert breaker.is_closed, "what was before the trial is forgotten"
    else:
        fail(breaker)
        assert breaker.is_open
        clock.now += 60
        breakers.try_again()
        assert breaker.is_open, "for twice as long this time"
        clock.now += 60
        breakers.try_again()
        assert not breaker.is_open


def test_it_stays_open_for_32_times_as_long_at_most(breakers, clock):
    breaker = breakers.of("filter F")
    fail(breaker, 3)
    for _ in range(20):
        clock.now += 32 * 60
        breakers.try_again()
        assert not breaker.is_open
        fail(breaker)


def test_the_success_of_a_call_from_before_it_opened_closes_nothing(breakers):
    breaker = breakers.of("filter F")
    fail(breaker, 3)
    breaker.success()
    assert breaker.is_open


def test_without_a_limit_nothing_opens():
    breaker = Breakers().of("stage S")
    fail(breaker, 1000)
    assert breaker.is_closed
    assert breaker.last == "ValueError: no"
