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
        self.seen = []
        self.told = []

    def reconcile(self, address, told):
        self.told.append({(host.host, guest.uuid) for host in told for guest in host.guests})
        return self.verdicts

    def settle_guests(self, address, seen):
        self.seen += seen


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


def test_what_is_missing_or_differs_is_looked_at_once_more(reconciler, driver, conductor):
    driver.running = {"h1": {"elsewhere"}, "h2": {"there", "differs"}}
    conductor.verdicts = Verdicts(
        missing=(("h2", "there", 3), ("h2", "gone", 4), ("h2", "elsewhere", 5)), differing=(("h2", "differs", 6),)
    )
    reconciler.look()
    assert [(one.uuid, one.generation, one.power_state) for one in conductor.seen] == [
        ("there", 3, 1), ("gone", 4, None), ("elsewhere", 5, None), ("differs", 6, 1),
    ]  # fmt: skip


def test_a_host_that_cannot_tell_its_guests_does_not_keep_the_others_from_being_compared(
    reconciler, driver, conductor, monkeypatch
):
    driver.running["h2"] = {"i"}
    fine = driver.list_guests
    monkeypatch.setattr(driver, "list_guests", lambda host: fine(host) if host == "h2" else 1 / 0)
    reconciler.look()
    assert conductor.told == [{("h2", "i")}]


def test_work_that_waits_is_woken(reconciler, conductor, woken):
    conductor.verdicts = Verdicts(work=("a", "b"))
    reconciler.look()
    assert woken == ["a", "b"]
