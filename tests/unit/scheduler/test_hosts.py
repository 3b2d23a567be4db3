"""The scheduler's picture of the hosts, and how it follows the database."""

import pytest

from corenova.db import hosts as db_hosts
from corenova.db import migrate, services
from corenova.db.engine import Database
from corenova.objects.host_state import HostReport, Inventory
from corenova.scheduler.hosts import HostTable

INVENTORIES = {name: Inventory(total=100) for name in ("VCPU", "MEMORY_MB", "DISK_GB")}
DOWN_TIME_S = 60


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    migrate.upgrade(db)
    yield db
    db.close()


@pytest.fixture
def report(db):
    """Give a function that lets computes report hosts, each with inventories of its own wish."""

    def write(*names, **inventories):
        told = [
            HostReport(host=n, hypervisor_type="fake", hypervisor_version=1, inventories=INVENTORIES | inventories)
            for n in names
        ]

        def run(connection):
            db_hosts.report(connection, told)
            services.register(
                connection, binary=services.COMPUTE, hosts=names, address="one", incarnation="i", version="1"
            )

        db.write("test", run)

    return write


@pytest.fixture
def table(db, report):
    report("a", "b")
    table = HostTable(default_zone="nova")
    table.refresh(db, down_time_s=DOWN_TIME_S)
    return table


def free(table, name="VCPU"):
    return dict(zip(table.names, table.free[name].tolist(), strict=True))


def claim(db, host, amount):
    def run(connection):
        assert db_hosts.claim(connection, [(host, {"VCPU": amount})])
        db_hosts.touch(connection, [host])

    db.write("test", run)


def test_a_refresh_brings_new_hosts_claims_of_others_and_changed_capacity(db, report, table):
    report("c")
    claim(db, "a", 30)
    report("b", VCPU=Inventory(total=50, allocation_ratio=2.0, reserved=10))
    table.refresh(db, down_time_s=DOWN_TIME_S)
    assert free(table) == {"a": 70, "b": 80, "c": 100}
    assert table.vcpus_free.tolist() == [70.0, 100.0, 100.0]


def test_a_refresh_forgets_a_host_that_is_gone(db, table):
    db.write("test", lambda c: db_hosts.forget(c, "a"))
    table.refresh(db, down_time_s=DOWN_TIME_S)
    assert table.names == ["b"]


def test_a_refresh_hears_of_a_service_that_was_disabled_or_has_fallen_silent(db, table):
    assert (table.is_up.tolist(), table.disabled.tolist()) == ([True, True], [False, False])
    (one, _) = db.read(lambda c: services.list_services(c, down_time_s=DOWN_TIME_S))
    db.write("test", lambda c: services.update(c, one.uuid, disabled=True, disabled_reason="smoke"))
    table.refresh(db, down_time_s=DOWN_TIME_S)
    assert (table.disabled.tolist(), table.states[0].service.disabled_reason) == ([True, False], "smoke")
    table.refresh(db, down_time_s=-1)
    assert table.is_up.tolist() == [False, False]


def test_a_claim_that_did_not_come_true_is_forgotten_when_its_host_is_read_again(db, table):
    for index in (0, 1):
        table.consume(index, {"VCPU": 5})
    assert free(table) == {"a": 95, "b": 95}
    table.reload(db, ["a"], down_time_s=DOWN_TIME_S)
    assert free(table)["a"] == 100


def test_the_row_view_is_what_the_columns_say_now(table):
    before = table.states[0]
    table.consume(0, {"VCPU": 5, "MEMORY_MB": 10, "DISK_GB": 2})
    after = table.states[0]
    assert (before.vcpus_used, before.free_ram_mb, before.free_disk_mb, before.num_instances) == (0, 100, 102400, 0)
    assert (after.vcpus_used, after.free_ram_mb, after.free_disk_mb, after.num_instances) == (5, 90, 100352, 1)
    assert after.inventories["VCPU"].used == 5
    assert table.states[1] is table.states[-1]
    with pytest.raises(IndexError):
        table.states[2]


def test_a_host_without_a_service_counts_as_disabled(db, table):
    for service in db.read(lambda c: services.list_services(c, down_time_s=DOWN_TIME_S)):
        db.write("test", lambda c, uuid=service.uuid: services.delete(c, uuid))
    table.refresh(db, down_time_s=DOWN_TIME_S)
    assert (table.is_up.tolist(), table.disabled.tolist()) == ([False, False], [True, True])
