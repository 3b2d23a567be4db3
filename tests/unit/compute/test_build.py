"""Building a guest: steps in order, all undone when one fails, silent when the lease is lost."""

import pytest

from corenova.compute import build
from corenova.exceptions import BuildAbort, DriverError, InsufficientResources
from corenova.objects.instance import Instance
from corenova.objects.request_spec import Flavor
from corenova.objects.work import Result

INSTANCE = Instance(
    uuid="i", display_name="n", hostname="n", project_id="p", user_id="u",
    flavor=Flavor(flavorid="1", name="f", vcpus=1, memory_mb=1, root_gb=1),
)  # fmt: skip


class Driver:
    """Notes what it is asked; a guest named in ``fails`` cannot be had."""

    def __init__(self, **fails):
        self.did = []
        self.fails = fails

    def __getattr__(self, verb):
        def call(*_):
            self.did.append(verb)
            if verb in self.fails:
                raise self.fails[verb]
            return 1

        return call


def run(driver, *answers):
    """Build with these answers to ``confirm`` (then True); returns power state and what was told."""
    told, left = [], list(answers)
    state = build.build_and_run(driver, "h", INSTANCE, confirm=lambda: left.pop(0) if left else True, tell=told.append)
    return state, told


@pytest.fixture
def two_steps(monkeypatch):
    """A step before the spawn, as a network or a disk will be."""

    def networking(driver, host, instance, undo):
        undo.callback(driver.unplug)
        driver.plug()

    monkeypatch.setattr(build, "STEPS", (("networking", networking), *build.STEPS))


def test_a_build_tells_its_steps_and_returns_the_power_state():
    driver = Driver()
    assert run(driver) == (1, ["spawning"])
    assert driver.did == ["spawn", "get_power_state"]


@pytest.mark.parametrize("verb", ["spawn", "get_power_state"])
def test_what_fails_is_undone_and_raised(verb):
    driver = Driver(**{verb: DriverError("no")})
    with pytest.raises(DriverError, match="no"):
        run(driver)
    assert driver.did[-1] == "destroy"


def test_steps_are_undone_in_reverse_order(two_steps):
    driver = Driver(spawn=DriverError("no"))
    with pytest.raises(DriverError):
        run(driver)
    assert driver.did == ["plug", "spawn", "destroy", "unplug"]


def test_a_lease_that_is_lost_before_the_first_step_leaves_everything_alone():
    driver = Driver()
    assert run(driver, False) == (None, [])
    assert driver.did == []


def test_a_lease_that_is_lost_between_steps_undoes_and_is_silent(two_steps):
    driver = Driver()
    assert run(driver, True, False) == (None, ["networking"])
    assert driver.did == ["plug", "unplug"]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (BuildAbort("x"), Result.FAILED),
        (InsufficientResources("x"), Result.RESCHEDULE),
        (DriverError("x"), Result.RESCHEDULE),
        (ZeroDivisionError("x"), Result.RESCHEDULE),
    ],
)
def test_what_becomes_of_a_failed_build(error, result):
    found, words = build.failure(error)
    assert found == result
    assert words and "x" not in words
