"""The picture of the hosts as bytes: what comes back is what was there, at any revision."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fleet
from corenova.scheduler import records

COLUMNS = ("is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops")
CLAIM = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 2}
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("consume"), st.integers(0, 3), st.just(CLAIM)),
        st.tuples(st.just("release"), st.integers(0, 3), st.just(CLAIM)),
        st.tuples(st.just("io"), st.integers(0, 3), st.integers(0, 5)),
        st.tuples(st.just("service"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("row"), st.integers(0, 3), st.sampled_from([{}, {"ssd": "yes"}]), st.integers(4, 8)),
    ),
    max_size=20,
)


def state(table):
    """Everything that a decision could depend on."""
    rows = [msgspec.to_builtins(table.row(index)) for index in range(len(table))]
    return rows, {name: getattr(table, name).tolist() for name in COLUMNS}, table.revision, table.default_zone


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, data=st.data())
def test_a_table_is_rebuilt_as_it_was_at_any_revision(build, changes, data):
    table = build.table(*(build.host(f"h{n}", aggregates=[{"availability_zone": f"z{n % 2}"}]) for n in range(4)))
    table.consume(0, CLAIM)
    copy, table.log = records.copy_of(table), []
    states = {table.revision: state(table)}
    for kind, index, *more in changes:
        if kind == "row":
            used = (int(table.row(index).inventories["VCPU"].used), 0, 0)
            table.apply([build.host(f"h{index}", aggregates=[more[0]], vcpus=more[1], used=used)])
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
