"""The picture of the hosts as bytes: what comes back is what was there, at any revision."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fleet
from corenova.db import fleet_records, migrate
from corenova.db.engine import Database
from corenova.objects.topology import ClaimedCell, HostTopology, NumaCell, TopologyClaim
from corenova.scheduler import records, replay
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.recorder import Recorder

COLUMNS = ("is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops")
CLAIM = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 2}
TOPOLOGY = HostTopology(cells=(NumaCell(id=1, memory_mb=4096, dedicated=((0, 1), (2, 3)), pages={2048: 4}),))


def pinned(*cpus):
    """Return a claim of these CPUs."""
    return TopologyClaim(cells=(ClaimedCell(cell=1, memory_mb=8, pins=dict(enumerate(cpus)), page_kb=2048),))


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("consume"), st.integers(0, 3), st.just(CLAIM)),
        st.tuples(st.just("release"), st.integers(0, 3), st.just(CLAIM)),
        st.tuples(st.just("take_topology"), st.integers(0, 3), st.integers(0, 3).map(lambda n: pinned(n, n + 4))),
        st.tuples(st.just("io"), st.integers(0, 3), st.integers(0, 5)),
        st.tuples(st.just("service"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("row"), st.integers(0, 3), st.sampled_from([{}, {"ssd": "yes"}]), st.integers(4, 8)),
    ),
    max_size=20,
)


def state(table):
    """Everything that a decision could depend on."""
    rows = [table.row(index) for index in range(len(table))]
    return rows, {name: getattr(table, name).tolist() for name in COLUMNS}, table.revision, table.default_zone


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, data=st.data())
def test_a_table_is_rebuilt_as_it_was_at_any_revision(build, changes, data):
    zones, topologies = [{"availability_zone": "z0"}, {"availability_zone": "z1"}] * 2, [None, TOPOLOGY] * 2
    table = build.table(*(build.host(f"h{n}", aggregates=[zones[n]], topology=topologies[n]) for n in range(4)))
    table.consume(0, CLAIM)
    table.take_topology(1, pinned(9))
    copy, table.log = records.copy_of(table), []
    states = {table.revision: state(table)}
    for kind, index, *more in changes:
        if kind == "row":
            used = (int(table.row(index).inventories["VCPU"].used), 0, 0)
            changed = {"aggregates": [more[0]], "vcpus": more[1], "topology": table.topologies[index]}
            table.apply([build.host(f"h{index}", used=used, **changed)])
        elif kind == "take_topology" and table.topologies[index] is None:
            continue
        elif kind == "io":
            table.set_io_ops(index, more[0])
        elif kind == "service":
            table.set_service(index, is_up=more[0], disabled=False)
        else:
            getattr(table, kind)(index, more[0])
        states[table.revision] = state(table)
    revision = data.draw(st.sampled_from(sorted(states)))
    again = records.table_of(copy)
    records.play(again, records.changes_of(table.log), until=revision)
    assert state(again) == states[revision]


def test_a_copy_of_a_fleet_in_use_takes_few_bytes_a_host():
    table, _ = fleet.in_use(2000)
    assert len(records.copy_of(table)) / 2000 <= 100
    assert np.array_equal(records.table_of(records.copy_of(table)).free("VCPU"), table.free("VCPU"))


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    migrate.upgrade(db)
    yield db
    db.close()


def found(db, picture, revision):
    """The table as the records tell it, or None."""
    kept = db.read(lambda connection: fleet_records.before(connection, picture, revision))
    return None if kept is None else replay.picture(*kept, revision)


def test_a_recorder_keeps_what_is_needed_from_the_empty_table_on(build, db, monkeypatch):
    table = HostTable(default_zone="nova")
    recorder = Recorder(db, table, threading.Lock(), retention_s=60.0)
    states = {}
    for round_ in range(4):
        if round_ == 2:
            monkeypatch.setattr("corenova.scheduler.recorder._COPY_EVERY_S", -1.0)
        table.load([build.host("h0"), build.host(f"h{round_}x")]) if round_ in (0, 3) else table.consume(1, CLAIM)
        states[table.revision] = state(table)
        table.consume(0, CLAIM)
        states[table.revision] = state(table)
        recorder.write()
    assert {revision: state(found(db, recorder.picture, revision)) for revision in states} == states
    assert found(db, "another", 5) is None


def test_after_a_gap_it_goes_on_with_a_copy(build, db, monkeypatch):
    table = build.table(2)
    recorder = Recorder(db, table, threading.Lock(), retention_s=60.0)
    table.consume(0, CLAIM)
    with monkeypatch.context() as patch:
        patch.setattr(db, "write", lambda *_: 1 / 0)
        recorder._write()
    table.consume(1, CLAIM)
    lost = table.revision
    recorder._write()
    table.consume(1, CLAIM)
    recorder._write()
    assert found(db, recorder.picture, lost - 1) is None
    assert state(found(db, recorder.picture, table.revision)) == state(table)


def test_records_are_forgotten_with_time(build, db):
    table = build.table(2)
    recorder = Recorder(db, table, threading.Lock(), retention_s=0.05)
    recorder.write()
    time.sleep(0.1)
    table.consume(0, CLAIM)
    recorder.write()
    assert found(db, recorder.picture, 1) is None


def test_without_retention_nothing_is_recorded(build, db):
    table = build.table(2)
    assert Recorder(db, table, threading.Lock(), retention_s=0.0).picture == ""
    table.consume(0, CLAIM)
    assert table.log is None


def test_a_gap_in_the_records_is_no_picture_and_what_was_written_twice_is_played_once(build):
    table = build.table(2)
    copy, parts = records.copy_of(table), []
    for index in (0, 1, 1):
        begin, table.log = table.revision, []
        table.consume(index, CLAIM)
        parts.append((begin, records.changes_of(table.log)))
    assert replay.picture(copy, [parts[0], parts[2]], table.revision) is None
    again = replay.picture(copy, [parts[0], parts[0], *parts[1:]], table.revision)
    assert state(again) == state(table)
