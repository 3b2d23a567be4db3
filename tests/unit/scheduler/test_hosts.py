"""The scheduler's picture of the hosts, and how it follows the database."""

import pytest
import sqlalchemy as sa

from corenova.db import aggregates, migrate, services
from corenova.db import hosts as db_hosts
from corenova.db.engine import Database
from corenova.db.schema import compute_nodes
from corenova.objects.host_state import HostReport, HostState, Inventory
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.mirror import Mirror

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
def mirror(db, report):
    report("a", "b")
    made = Mirror(db, HostTable(default_zone="nova"), down_time_s=DOWN_TIME_S)
    made.refresh()
    return made


@pytest.fixture
def table(mirror):
    return mirror.table


def free(table, name="VCPU"):
    return dict(zip(table.names, table.free(name).tolist(), strict=True))


def claim(db, host, amount):
    def run(connection):
        assert db_hosts.claim(connection, [(host, {"VCPU": amount})])
        db_hosts.touch(connection, [host])

    db.write("test", run)


def test_a_refresh_brings_new_hosts_claims_of_others_and_changed_capacity(db, report, mirror, table):
    report("c")
    claim(db, "a", 30)
    report("b", VCPU=Inventory(total=50, allocation_ratio=2.0, reserved=10))
    mirror.refresh()
    assert free(table) == {"a": 70, "b": 80, "c": 100}
    assert table.vcpus_free.tolist() == [70.0, 100.0, 100.0]


def test_a_refresh_forgets_a_host_that_is_gone(db, mirror, table):
    db.write("test", lambda c: db_hosts.forget(c, "a"))
    mirror.refresh()
    assert table.names == ("b",)


def test_a_refresh_hears_of_a_service_that_was_disabled_or_has_fallen_silent(db, mirror, table):
    assert (table.is_up.tolist(), table.disabled.tolist()) == ([True, True], [False, False])
    (one, _) = db.read(lambda c: services.list_services(c, down_time_s=DOWN_TIME_S))
    db.write("test", lambda c: services.update(c, one.uuid, disabled=True, disabled_reason="smoke"))
    mirror.refresh()
    assert (table.disabled.tolist(), table.states[0].service.disabled_reason) == ([True, False], "smoke")
    mirror._down_time_s = -1
    mirror.refresh()
    assert table.is_up.tolist() == [False, False]


def test_a_claim_that_did_not_come_true_is_forgotten_when_its_host_is_read_again(db, mirror, table):
    for index in (0, 1):
        table.consume(index, {"VCPU": 5})
    assert free(table) == {"a": 95, "b": 95}
    mirror.reload(["a"])
    assert free(table)["a"] == 100


def test_the_row_view_is_what_the_columns_say_now(table):
    state = table.states[0]
    assert (state.vcpus_used, state.free_ram_mb, state.free_disk_mb, state.num_instances) == (0, 100, 102400, 0)
    table.consume(0, {"VCPU": 5, "MEMORY_MB": 10, "DISK_GB": 2})
    assert (state.vcpus_used, state.free_ram_mb, state.free_disk_mb, state.num_instances) == (5, 90, 100352, 1)
    assert (state.num_io_ops, state.inventories["VCPU"].used) == (1, 5)
    table.release(0, {"VCPU": 5, "MEMORY_MB": 10, "DISK_GB": 2})
    assert (state.vcpus_used, state.free_ram_mb, state.free_disk_mb, state.num_instances) == (0, 100, 102400, 0)
    assert table.states[-1].host == "b"
    with pytest.raises(IndexError):
        table.states[2]


def test_a_host_without_a_service_counts_as_disabled(db, mirror, table):
    for service in db.read(lambda c: services.list_services(c, down_time_s=DOWN_TIME_S)):
        db.write("test", lambda c, uuid=service.uuid: services.delete(c, uuid))
    mirror.refresh()
    assert (table.is_up.tolist(), table.disabled.tolist()) == ([False, False], [True, True])


def test_the_row_view_has_every_attribute_of_a_host_state(table):
    state = table.states[0]
    for field in HostState.__struct_fields__:
        assert type(getattr(state, field)) is type(getattr(HostState(host="a", nodename="a"), field)), field


def test_a_claim_of_ours_is_not_read_again_and_one_of_others_is(db, mirror, table, monkeypatch):
    read = []
    snapshot = db_hosts.snapshot
    monkeypatch.setattr(db_hosts, "snapshot", lambda c, **more: read.extend(more["hosts"]) or snapshot(c, **more))
    table.consume(0, {"VCPU": 30})
    claim(db, "a", 30)
    mirror.claimed(["a"])
    mirror.refresh()
    assert (read, free(table)) == ([], {"a": 70, "b": 100})
    claim(db, "a", 10)
    mirror.refresh()
    assert (read, free(table)) == (["a"], {"a": 60, "b": 100})


def test_the_journal_names_the_rows_that_have_changed_and_how(db, report, mirror, table):
    report("b")
    mirror.refresh()
    before = table.revision
    assert table.changes_since(before) == {}
    table.consume(1, {"VCPU": 1})
    assert table.changes_since(before) == {1: False}
    (one, _) = db.read(lambda c: services.list_services(c, down_time_s=DOWN_TIME_S))
    db.write("test", lambda c: services.update(c, one.uuid, disabled=True))
    mirror.refresh()
    assert table.changes_since(before) == {0: True, 1: False}
    assert table.changes_since(table.revision - 10_000) is None


def test_aggregates_that_change_begin_a_new_epoch(db, mirror, table):
    epoch = table.epoch

    def aggregate(connection):
        made = aggregates.create(connection, "ssd", "east")
        aggregates.add_host(connection, made.id, "b")

    db.write("test", aggregate)
    mirror.refresh()
    assert table.epoch > epoch
    assert [table.zone(row) for row in (0, 1)] == ["nova", "east"]
    assert table.zone_is("east").tolist() == [False, True]


def test_a_change_is_seen_though_the_clock_went_back(db, mirror, table):
    claim(db, "a", 5)
    old = sa.update(compute_nodes).values(changed_at=compute_nodes.c.changed_at - 3600)
    db.write("test", lambda c: c.execute(old))
    mirror.refresh(thorough=True)
    assert free(table)["a"] == 95


def test_a_host_that_came_in_the_place_of_another_is_seen(db, report, mirror, table):
    db.write("test", lambda c: db_hosts.forget(c, "b"))
    report("c")
    mirror.refresh()
    assert table.names == ("a", "c")
    db.write("test", lambda c: db_hosts.forget(c, "c"))
    report("c", VCPU=Inventory(total=7))
    mirror.refresh()
    assert free(table)["c"] == 7
