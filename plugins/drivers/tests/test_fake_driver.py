"""What the driver contract promises, on the fake driver."""

import threading

import pytest

from corenova.contracts.driver import DriverContext
from corenova.exceptions import DriverError, GuestNotFound
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState
from corenova_drivers.fake import FakeDriver

H1, H2 = "fake-001", "fake-002"


def uuids(driver, host=H1):
    return [guest.uuid for guest in driver.list_guests(host)]


def test_hosts_are_numbered_with_three_digits_at_least(section_of):
    driver = FakeDriver()
    assert (len(driver.hosts()), driver.hosts()[0], driver.hosts()[-1]) == (20, "fake-001", "fake-020")
    driver.configure(section_of(hosts=1000, name_prefix="n"))
    assert (driver.hosts()[0], driver.hosts()[-1]) == ("n0001", "n1000")


def test_inventory(start):
    report = start(vcpus=8, cpu_allocation_ratio=2.0).inventory(H1)
    assert report.host == H1
    assert report.supported_instances == (("x86_64", "qemu", "hvm"),)
    assert report.inventories["VCPU"].capacity == 16
    assert report.inventories["VCPU"].max_unit == 8
    assert report.inventories["MEMORY_MB"].total == 262144
    assert report.inventories["DISK_GB"].total == 4096


def test_spawn_runs_the_guest_and_destroy_removes_it(start, make_instance):
    driver, instance = start(), make_instance("web")
    driver.spawn(H1, instance)
    guest = Guest(uuid=instance.uuid, name="web", power_state=PowerState.RUNNING, owner="ours")
    assert driver.list_guests(H1) == [guest]
    assert driver.list_guests(H2) == []
    driver.destroy(H1, instance.uuid)
    driver.destroy(H1, instance.uuid)
    assert driver.list_guests(H1) == []


def test_a_second_spawn_keeps_the_guest(start, make_instance):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    before = driver._store.get(H1, instance.uuid)
    driver.spawn(H1, instance)
    assert driver._store.get(H1, instance.uuid) is before


def test_a_second_spawn_starts_a_guest_that_does_not_run(start, make_instance):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    driver.power_off(H1, instance.uuid, timeout_s=0)
    driver.spawn(H1, instance)
    assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING


def test_the_same_uuid_on_two_hosts_shows_on_both(start, make_instance):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    driver.spawn(H2, instance)
    driver.destroy(H1, instance.uuid)
    assert (uuids(driver, H1), uuids(driver, H2)) == ([], [instance.uuid])


def test_power(start, make_instance):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    for _ in range(2):
        driver.power_off(H1, instance.uuid, timeout_s=60)
        assert driver.get_power_state(H1, instance.uuid) == PowerState.SHUTDOWN
    for _ in range(2):
        driver.power_on(H1, instance)
        assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING


@pytest.mark.parametrize("hard", [False, True])
def test_reboot_leaves_it_running(start, make_instance, hard):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    driver.reboot(H1, instance, hard=hard)
    driver.power_off(H1, instance.uuid, timeout_s=0)
    driver.reboot(H1, instance, hard=hard)
    assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING


def test_a_hard_reboot_creates_a_vanished_guest_anew(start, make_instance):
    driver, instance = start(), make_instance()
    with pytest.raises(GuestNotFound):
        driver.reboot(H1, instance, hard=False)
    driver.reboot(H1, instance, hard=True)
    assert driver.get_power_state(H1, instance.uuid) == PowerState.RUNNING


def test_verbs_on_no_guest(start, make_instance):
    driver, instance = start(), make_instance()
    for verb in (
        lambda: driver.get_power_state(H1, instance.uuid),
        lambda: driver.power_on(H1, instance),
        lambda: driver.power_off(H1, instance.uuid, timeout_s=0),
    ):
        with pytest.raises(GuestNotFound):
            verb()


def test_a_host_of_somebody_else(start, make_instance):
    driver = start(hosts=1)
    for verb in (lambda: driver.spawn(H2, make_instance()), lambda: driver.inventory(H2)):
        with pytest.raises(DriverError, match="serves no host"):
            verb()


def test_foreign_guests_are_never_touched(start, make_instance):
    driver, instance = start(), make_instance()
    driver.plant(H1, Guest(uuid=instance.uuid, name="theirs", power_state=PowerState.RUNNING, owner="another"))
    assert driver.list_guests(H1) == []
    driver.destroy(H1, instance.uuid)
    with pytest.raises(GuestNotFound):
        driver.power_off(H1, instance.uuid, timeout_s=0)
    with pytest.raises(DriverError, match="not ours"):
        driver.spawn(H1, instance)
    driver.stop()
    assert uuids(start(deployment_id="another")) == [instance.uuid]


def test_many_threads(start, make_instance):
    driver = start()
    shared, lots = make_instance(), [[make_instance() for _ in range(200)] for _ in range(8)]

    def work(instances):
        for instance in instances:
            driver.spawn(H1, instance)
            driver.spawn(H1, shared)
            driver.list_guests(H1)
        for instance in instances[::2]:
            driver.destroy(H1, instance.uuid)

    threads = [threading.Thread(target=work, args=(instances,)) for instances in lots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(uuids(driver)) == 801
    driver.stop()
    assert len(uuids(start())) == 801


def test_verbs_need_a_started_driver(start, make_instance):
    with pytest.raises(DriverError, match="not started"):
        FakeDriver().spawn(H1, make_instance())
    driver = start()
    driver.stop()
    with pytest.raises(DriverError, match="stopped"):
        driver.spawn(H1, make_instance())


def test_stop_after_a_failed_start(tmp_path):
    FakeDriver().stop()
    driver = FakeDriver()
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="cannot keep its guests"):
        driver.start(DriverContext(state_path=str(tmp_path / "file"), deployment_id="ours", address="c"))
    driver.stop()
