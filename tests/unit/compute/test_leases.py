"""What a compute may believe in: never longer than the conductor does."""

from types import SimpleNamespace

import pytest

from corenova.compute.leases import Leases
from corenova.objects.instance import Instance
from corenova.objects.request_spec import Flavor
from corenova.objects.work import WorkOrder

FLAVOR = Flavor(flavorid="1", name="f", vcpus=1, memory_mb=1, root_gb=1)


def order(uuid="i", generation=1):
    instance = Instance(
        uuid=uuid, display_name="n", hostname="n", project_id="p", user_id="u", flavor=FLAVOR, generation=generation
    )
    return WorkOrder(instance=instance, step="build")


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until ``clock.now`` is set."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("corenova.compute.leases.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def leases(clock):
    leases = Leases(20.0)
    leases.add([order()], clock.now)
    return leases


def test_an_order_is_believed_until_its_time_is_over_counted_from_the_question(leases, clock):
    clock.now = 119.9
    assert leases.believes(order())
    clock.now = 120.0
    assert not leases.believes(order())
    assert leases.held() == [("i", 1)], "it is still asked for: the conductor may believe in us yet"


def test_an_extension_counts_from_its_own_question(leases, clock):
    clock.now = 130.0
    leases.extended([("i", 1)], set(), 115.0)
    assert leases.believes(order())
    clock.now = 135.0
    assert not leases.believes(order())


def test_what_was_given_up_here_does_not_come_back_to_life(leases, clock):
    clock.now = 120.0
    leases.extended([("i", 1)], set(), 120.0)
    assert not leases.believes(order())
    assert leases.held() == []


def test_what_is_lost_is_believed_no_longer_and_not_asked_for_again(leases, clock):
    leases.add([order("other")], clock.now)
    leases.extended([("i", 1), ("other", 1)], {("i", 1)}, clock.now)
    assert not leases.believes(order())
    assert leases.believes(order("other"))
    assert leases.held() == [("other", 1)]


def test_generations_of_one_instance_are_different_orders(leases, clock):
    assert not leases.believes(order(generation=2))
    leases.add([order(generation=2)], clock.now)
    leases.drop(order(generation=1))
    assert leases.believes(order(generation=2))
    assert not leases.believes(order(generation=1))


def test_an_extension_that_comes_after_the_end_brings_nothing_back(leases, clock):
    leases.drop(order())
    leases.extended([("i", 1)], set(), clock.now)
    assert not leases.believes(order())
    leases.drop(order())  # again is harmless
