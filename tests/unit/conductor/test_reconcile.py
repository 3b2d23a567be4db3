"""The conductor's half of reconciliation: what it makes of every pair of row and guest."""

import uuid

import pytest
import sqlalchemy as sa

from corenova.conductor.tasks import reconcile
from corenova.contracts.backends import Backends
from corenova.db import hosts, instances, migrate, services
from corenova.db.engine import Database
from corenova.db.schema import instances as rows
from corenova.objects.host_state import HostReport
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState, Step
from corenova.objects.work import GuestSeen, HostGuests

RUNNING, SHUTDOWN, CRASHED = PowerState.RUNNING, PowerState.SHUTDOWN, PowerState.CRASHED
PAUSED, SUSPENDED, NOSTATE = PowerState.PAUSED, PowerState.SUSPENDED, PowerState.NOSTATE
NOBODY = Backends(images=None, networks=None)
"""No row here has ports or a snapshot, so neither service is asked."""


@pytest.fixture
def db(tmp_path):
    """Two computes: ``one`` serves a and b, ``two`` serves c."""
    db = Database(f"sqlite:///{tmp_path}/db")
    migrate.upgrade(db)

    def register(connection):
        for address, names in (("one", ["a", "b"]), ("two", ["c"])):
            hosts.report(connection, [HostReport(host=n, hypervisor_type="f", hypervisor_version=1) for n in names])
            services.register(
                connection, binary=services.COMPUTE, hosts=names, address=address, incarnation="i", version="1"
            )

    db.write("test", register)
    yield db
    db.close()


@pytest.fixture
def add(db):
    """Give a function that adds an instance with these columns and returns its uuid."""

    def write(**columns):
        one = str(uuid.uuid4())
        row = {
            "uuid": one, "project_id": "p", "user_id": "u", "reservation_id": "r", "launch_index": 0,
            "display_name": "n", "display_description": None, "hostname": "n", "key_name": None, "user_data": None,
            "config_drive": False, "metadata": "{}", "tags": "[]", "flavor": "{}", "image": None, "vcpus": 1,
            "memory_mb": 1, "group_uuid": None, "spec": "{}", "request_id": "req-1", "deadline_s": 600.0,
            "hint_grace_s": 0.0,
        }  # fmt: skip
        idle = {"host": "a", "step": None, "task_state": None, "power_state": RUNNING, "launched_at": 1.0}

        def run(connection):
            instances.insert(connection, [row])
            connection.execute(sa.update(rows).where(rows.c.uuid == one).values(**(idle | columns)))

        db.write("test", run)
        return one

    return write


@pytest.fixture
def compare(db):
    """Give a function that compares guests, told as ``{host: {uuid: power_state}}``."""

    def run(told, address="one"):
        by_host = [
            HostGuests(
                host=host, guests=tuple(Guest(uuid=u, name=u, power_state=p, owner="us") for u, p in guests.items())
            )
            for host, guests in told.items()
        ]
        return db.read(lambda c: reconcile.compare(c, address, by_host))

    return run


@pytest.fixture
def settle(db, compare):
    """Give a function that compares and reports, as a second look would, what differed or was missing."""

    def run(told, address="one", power_states=None):
        verdicts = compare(told, address)
        found = {one: power for guests in told.values() for one, power in guests.items()} | (power_states or {})
        seen = [
            GuestSeen(uuid=one, generation=generation, power_state=found.get(one))
            for _, one, generation in (*verdicts.missing, *verdicts.differing)
        ]
        db.write("test", lambda c: reconcile.settle(c, address, seen, NOBODY))
        return verdicts

    return run


@pytest.fixture
def row(db):
    return lambda one: db.read(lambda c: instances.get(c, one, deleted=True))


SYNC = [
    # vm_state, power_state of the row, of the guest, work that follows (Nova's table)
    ("active", RUNNING, RUNNING, None),
    ("active", RUNNING, SHUTDOWN, Step.STOP),
    ("active", RUNNING, CRASHED, Step.STOP),
    ("active", RUNNING, SUSPENDED, Step.STOP),
    ("active", RUNNING, PAUSED, None),
    ("active", RUNNING, NOSTATE, None),
    ("stopped", SHUTDOWN, RUNNING, Step.STOP),
    ("stopped", SHUTDOWN, PAUSED, Step.STOP),
    ("stopped", SHUTDOWN, CRASHED, None),
    ("paused", PAUSED, SHUTDOWN, Step.STOP),
    ("paused", PAUSED, RUNNING, None),
    ("error", NOSTATE, RUNNING, None),
]


@pytest.mark.parametrize(("vm_state", "before", "guest", "step"), SYNC)
def test_the_row_follows_the_guest(add, settle, row, vm_state, before, guest, step):
    one = add(vm_state=vm_state, power_state=before)
    verdicts = settle({"a": {one: guest}})
    found = row(one)
    assert (found.vm_state, found.power_state, found.step) == (vm_state, guest, step)
    assert (verdicts.orphans, verdicts.missing) == ((), ())


def test_work_that_a_dead_guest_asks_for_is_given_out_at_the_next_look(add, settle):
    one = add(vm_state="active")
    assert settle({"a": {one: SHUTDOWN}}).work == ()
    assert settle({"a": {one: SHUTDOWN}}).work == (one,)


def test_a_list_that_is_older_than_the_row_changes_nothing(db, add, compare, settle, row):
    """The user has started the server after the list of guests was made: a second look shows that it runs."""
    one = add(vm_state="active")
    settle({"a": {one: SHUTDOWN}}, power_states={one: RUNNING})
    assert (row(one).vm_state, row(one).step) == ("active", None)
    verdicts = compare({"a": {one: SHUTDOWN}})
    db.write("test", lambda c: instances.update(c, one, generation=99))
    seen = [GuestSeen(uuid=uuid_, generation=g, power_state=SHUTDOWN) for _, uuid_, g in verdicts.differing]
    db.write("test", lambda c: reconcile.settle(c, "one", seen, NOBODY))
    assert (row(one).power_state, row(one).step) == (RUNNING, None)


def test_a_row_that_allows_no_work_does_not_keep_others_from_being_settled(add, settle, row):
    """An operator has declared a server active that was never launched; then its guest dies."""
    odd, other = add(vm_state="active", launched_at=None), add(vm_state="active")
    settle({"a": {odd: SHUTDOWN, other: SHUTDOWN}})
    assert (row(odd).power_state, row(odd).step) == (SHUTDOWN, None)
    assert row(other).step == Step.STOP


def test_a_row_with_work_is_left_to_its_work(add, compare, row):
    one = add(vm_state="active", step=Step.STOP, task_state="powering-off")
    verdicts = compare({"a": {one: SHUTDOWN}})
    assert (row(one).power_state, row(one).step) == (RUNNING, Step.STOP)
    assert verdicts.work == (one,)
    gone = add(vm_state="building", step=Step.BUILD, task_state="spawning")
    assert compare({"a": {}}).missing == ()
    assert set(compare({"a": {}}).work) == {one, gone}


MISSING = [
    ({"vm_state": "active"}, True),
    ({"vm_state": "stopped", "power_state": SHUTDOWN}, True),
    ({"vm_state": "error"}, False),
    ({"vm_state": "active", "power_state": NOSTATE}, False),
    ({"vm_state": "active", "step": Step.REBOOT_HARD}, False),
    ({"vm_state": "active", "deleted": True}, False),
    ({"vm_state": "active", "host": "c"}, False),
    ({"vm_state": "active", "host": None}, False),
]


@pytest.mark.parametrize(("columns", "missing"), MISSING)
def test_a_guest_is_missed_only_where_a_row_without_work_says_that_it_is_there(add, compare, columns, missing):
    one = add(generation=4, **columns)
    assert compare({"a": {}, "b": {}, "c": {}}).missing == ((("a", one, 4),) if missing else ())


ORPHANS = [
    ({"vm_state": "active"}, False),
    ({"vm_state": "error"}, False),
    ({"vm_state": "building", "step": Step.BUILD}, False),
    ({"vm_state": "active", "step": Step.DELETE}, False),
    ({"vm_state": "deleted", "deleted": True}, True),
    ({"vm_state": "active", "host": "b"}, True),
    ({"vm_state": "error", "host": None}, True),
]


@pytest.mark.parametrize(("columns", "orphan"), ORPHANS)
def test_a_guest_that_no_row_of_its_host_wants_is_an_orphan(add, compare, columns, orphan):
    one = add(**columns)
    assert compare({"a": {one: RUNNING}}).orphans == ((("a", one),) if orphan else ())


def test_of_two_guests_of_one_row_the_one_on_the_other_host_is_the_orphan(add, compare):
    one = add(vm_state="active", host="b")
    verdicts = compare({"b": {one: RUNNING}, "a": {one: RUNNING}})
    assert (verdicts.orphans, verdicts.missing) == ((("a", one),), ())


def test_a_compute_is_told_of_its_own_hosts_only(add, compare, row):
    one = add(vm_state="active", host="c")
    verdicts = compare({"c": {one: SHUTDOWN, "orphan": RUNNING}, "nowhere": {"x": RUNNING}})
    assert (verdicts.orphans, verdicts.missing, verdicts.work) == ((), (), ())
    assert row(one).power_state == RUNNING


LOSE = [
    # columns, generation told, lost
    ({"vm_state": "active", "generation": 4}, 4, True),
    ({"vm_state": "active", "generation": 5}, 4, False),
    ({"vm_state": "active", "generation": 4, "step": Step.STOP}, 4, False),
    ({"vm_state": "active", "generation": 4, "deleted": True}, 4, False),
    ({"vm_state": "active", "generation": 4, "host": "c"}, 4, False),
]


@pytest.mark.parametrize(("columns", "generation", "lost"), LOSE)
def test_a_lost_guest_puts_its_row_in_error_unless_the_row_has_moved_on(db, add, row, columns, generation, lost):
    one = add(**columns)
    seen = [GuestSeen(uuid=one, generation=generation), GuestSeen(uuid=str(uuid.uuid4()), generation=1)]
    db.write("test", lambda c: reconcile.settle(c, "one", seen, NOBODY))
    found = row(one)
    if lost:
        assert (found.vm_state, found.power_state, found.host) == ("error", NOSTATE, "a")
        assert found.fault_message == reconcile.LOST
        assert one in found.fault_details
    else:
        assert (found.vm_state, found.fault_message) == ("active", None)
