"""The compute's half of reconciliation: nothing is believed at first sight."""

import pytest

from corenova.compute.reconcile import Reconciler
from corenova.exceptions import GuestNotFound
from corenova.objects.instance import Guest
from corenova.objects.work import Verdicts


class Driver:
    """Guests by host, in memory."""

    def __init__(self):
        self.running = {"h1": set(), "h2": set()}
        self.destroyed = []

    def hosts(self):
        return list(self.running)

    def list_guests(self, host):
        return [Guest(uuid=uuid, name=uuid, power_state=1, owner="us") for uuid in sorted(self.running[host])]

    def get_power_state(self, host, uuid):
        if uuid not in self.running[host]:
            raise GuestNotFound(uuid)
        return 1

    def destroy(self, host, uuid):
        self.destroyed.append((host, uuid))
        self.running[host].discard(uuid)


class Conductor:
    """Gives the verdicts that it was told to give."""

    def __init__(self):
        self.verdicts = Verdicts()
        self.lost = []
        self.told = []

    def reconcile(self, address, told):
        self.told.append({(host.host, guest.uuid) for host in told for guest in host.guests})
        return self.verdicts

    def report_lost(self, address, lost):
        self.lost += lost


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def conductor():
    return Conductor()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def reconciler(driver, conductor, woken):
    return Reconciler(driver, conductor, "one", interval_s=60, wake=woken.extend, discard=driver.destroy)


def test_an_orphan_is_destroyed_at_the_second_sight(reconciler, driver, conductor):
    driver.running["h1"] = {"orphan", "wanted"}
    conductor.verdicts = Verdicts(orphans=(("h1", "orphan"),))
    reconciler.look()
    assert driver.destroyed == []
    reconciler.look()
    assert driver.destroyed == [("h1", "orphan")]
    assert conductor.told == [{("h1", "orphan"), ("h1", "wanted")}] * 2


def test_an_orphan_that_was_none_in_between_is_looked_at_twice_again(reconciler, driver, conductor):
    driver.running["h1"] = {"i"}
    for orphans, destroyed in (((("h1", "i"),), 0), ((), 0), ((("h1", "i"),), 0), ((("h1", "i"),), 1)):
        conductor.verdicts = Verdicts(orphans=orphans)
        reconciler.look()
        assert len(driver.destroyed) == destroyed


def test_the_same_uuid_on_another_host_is_another_suspect(reconciler, driver, conductor):
    driver.running = {"h1": {"i"}, "h2": {"i"}}
    for host in ("h1", "h2"):
        conductor.verdicts = Verdicts(orphans=((host, "i"),))
        reconciler.look()
    assert driver.destroyed == []


def test_of_two_guests_of_one_uuid_the_leftover_goes_and_the_wanted_one_stays(reconciler, driver, conductor):
    driver.running = {"h1": {"i"}, "h2": {"i"}}
    conductor.verdicts = Verdicts(orphans=(("h1", "i"),))
    for _ in range(2):
        reconciler.look()
    assert driver.running == {"h1": set(), "h2": {"i"}}


def test_an_orphan_that_is_still_there_after_it_was_discarded_is_discarded_again(reconciler, driver, conductor):
    driver.running["h1"] = {"orphan"}
    conductor.verdicts = Verdicts(orphans=(("h1", "orphan"),))
    for _ in range(4):
        reconciler.look()
    assert driver.destroyed == [("h1", "orphan")] * 2


def test_a_guest_that_seems_to_be_missing_is_asked_for_before_it_is_reported(reconciler, driver, conductor):
    driver.running["h2"] = {"there"}
    conductor.verdicts = Verdicts(missing=(("there", 3), ("gone", 4)))
    reconciler.look()
    assert conductor.lost == [("gone", 4)]


def test_work_that_waits_is_woken(reconciler, conductor, woken):
    conductor.verdicts = Verdicts(work=("a", "b"))
    reconciler.look()
    assert woken == ["a", "b"]
