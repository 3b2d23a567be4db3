"""The database contract: what the services rely on, the same on SQLite, PostgreSQL and MariaDB."""

import contextlib
import random
import socket
import time
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from corenova.db import (
    decisions,
    hosts,
    instances,
    keypairs,
    membership,
    migrate,
    plugin_accounts,
    providers,
    quotas,
    schema,
    services,
    topologies,
    work,
)
from corenova.db.engine import Database, now
from corenova.exceptions import Conflict, OverQuota, Unavailable
from corenova.objects.decision import Decision
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.plugin_account import PluginAccount
from corenova.objects.states import Step
from corenova.objects.topology import UNUSED, HostTopology, NumaCell, TopologyWish, WishedCell
from tests.races import all_at_once

SLOT = {"VCPU": 1, "MEMORY_MB": 512}
SERVERS = [
    pytest.param("postgresql_url", marks=pytest.mark.pg),
    pytest.param("mariadb_url", marks=pytest.mark.mariadb),
]


@pytest.fixture(scope="module", params=["sqlite", *SERVERS])
def shared(request, tmp_path_factory):
    """A migrated database for the whole module; migrating one a test would be most of the time."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('db')}/db"
    else:
        url = _own_database(request.getfixturevalue(request.param))
    db = Database(url)
    migrate.upgrade(db)
    yield db
    db.close()


@pytest.fixture
def db(shared):
    """The database with empty tables."""
    yield shared
    with shared.raw_writer().begin() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(sa.delete(table))


def _own_database(url):
    name = f"contract_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


def add_hosts(db, count, *, slots=10**6, address="one", prefix="h", topology=None):
    """Register ``count`` hosts with room for ``slots`` servers of SLOT each; returns their names."""
    names = [f"{prefix}{number:03}" for number in range(count)]
    inventories = {name: Inventory(total=amount * slots) for name, amount in SLOT.items()}
    reports = [
        HostReport(host=name, hypervisor_type="fake", hypervisor_version=1, inventories=inventories, topology=topology)
        for name in names
    ]

    def write(connection):
        hosts.report(connection, reports)
        services.register(
            connection, binary=services.COMPUTE, hosts=names, address=address, incarnation="i", version="1"
        )

    db.write("test", write)
    return names


def add_instances(db, count, **columns):
    """Insert ``count`` instances that wait to be scheduled; ``columns`` are set afterwards. Returns their uuids."""
    uuids = [str(uuid.uuid4()) for _ in range(count)]
    shared = {
        "project_id": "p", "user_id": "u", "reservation_id": "r", "launch_index": 0, "display_name": "n",
        "display_description": None, "hostname": "n", "key_name": None, "user_data": None, "config_drive": False,
        "metadata": "{}", "tags": "[]", "flavor": '{"flavorid":"1","name":"f","vcpus":1,"memory_mb":512,"root_gb":0}',
        "image": None, "vcpus": 1, "memory_mb": 512, "group_uuid": None, "spec": "{}", "request_id": "req-1",
        "deadline_s": 600.0, "hint_grace_s": 0.0,
    }  # fmt: skip

    def write(connection):
        instances.insert(connection, [{"uuid": one, **shared} for one in uuids])
        if columns:
            rows = sa.update(schema.instances).where(schema.instances.c.uuid.in_(uuids))
            connection.execute(rows.values(**columns))

    db.write("test", write)
    return uuids


def rows_of(db, uuids):
    select = sa.select(schema.instances).where(schema.instances.c.uuid.in_(uuids)).order_by(schema.instances.c.id)
    return db.read(lambda connection: connection.execute(select).all())


def test_the_migrations_build_exactly_the_tables_of_the_schema(shared):
    with shared.raw_writer().connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), schema.metadata)
    assert [one for one in found if not _is_one_type_to_the_server(one)] == []
    assert migrate.current(shared) == migrate.head()
    migrate.upgrade(shared)  # again is harmless


def _is_one_type_to_the_server(difference):
    """A MariaDB that is asked for BLOB(128) makes, and from then on calls it, a TINYBLOB."""
    match difference:
        case [("modify_type", _, _, _, _, sa.types._Binary(), sa.types._Binary())]:
            return True
    return False


def test_several_processes_that_start_at_once_migrate_an_empty_database_once(request, shared, tmp_path):
    if shared.is_sqlite:
        url = f"sqlite:///{tmp_path}/empty"
    else:
        url = _own_database(shared.url.render_as_string(hide_password=False))
    processes = [Database(url) for _ in range(4)]
    all_at_once(4, lambda number: migrate.upgrade(processes[number]))
    assert {migrate.current(one) for one in processes} == {migrate.head()}
    for one in processes:
        one.close()


def test_sixteen_writers_that_read_check_and_write_all_succeed(db):
    """F16: what a database calls a deadlock, a serialisation failure or a lock is tried again as a whole."""
    key = schema.deployment.c.key
    db.write("test", lambda c: c.execute(sa.insert(schema.deployment).values(key="count", value="0")))

    def one_more(connection):
        select = sa.select(schema.deployment.c.value).where(key == "count")
        found = connection.execute(select if db.is_sqlite else select.with_for_update()).scalar()
        connection.execute(sa.update(schema.deployment).where(key == "count").values(value=str(int(found) + 1)))

    all_at_once(16, lambda number: [db.write("test", one_more) for _ in range(60)])
    assert db.read(lambda c: c.execute(sa.select(schema.deployment.c.value)).scalar()) == "960"


def test_writers_that_lock_in_opposite_order_all_succeed(db):
    names = add_hosts(db, 6)

    def both(connection, order):
        for name in order:
            assert hosts.claim(connection, [(name, SLOT)])

    all_at_once(2, lambda n: [db.write("test", lambda c: both(c, names[:: 1 if n else -1])) for _ in range(20)])
    used = db.read(lambda c: c.execute(sa.select(schema.inventories.c.used)).scalars().all())
    assert set(used) == {40, 40 * 512}


def test_eight_schedulers_claim_every_slot_once_and_none_twice(db):
    """F8: each decides on nothing but chance; the database alone refuses what does not fit."""
    names = add_hosts(db, 50, slots=8)
    uuids = add_instances(db, 440, generation=1)
    shares = [uuids[number::8] for number in range(8)]

    def schedule(number):
        chance, placed = random.Random(number), 0
        for one in shares[number]:
            order = chance.sample(names, len(names))
            placed += any(_place(db, one, host) for host in order)
        return placed

    assert sum(all_at_once(8, schedule)) == 400
    fill = sa.select(schema.inventories.c.used * 1.0 / schema.inventories.c.capacity)
    assert {float(full) for full in db.read(lambda c: c.execute(fill).scalars().all())} == {1.0}
    rows = rows_of(db, uuids)
    assert sum(row.host is not None for row in rows) == 400
    assert {(row.step, row.generation) for row in rows} == {(Step.BUILD, 2), (Step.SCHEDULE, 1)}
    held = sa.select(sa.func.count()).select_from(schema.allocations)
    assert db.read(lambda c: c.execute(held).scalar()) == 400 * len(SLOT)


class _RefusedError(Exception):
    """The claim does not fit: the transaction must be rolled back."""


def _place(db, instance_uuid, host, *, generation=1, topology=None):
    placement = work.Placement(
        instance_uuid=instance_uuid,
        generation=generation,
        host=host,
        zone="nova",
        resources=SLOT,
        decision=Decision(host=host),
        topology=topology,
    )

    def write(connection):
        if not work.place(connection, [placement]):
            raise _RefusedError

    with contextlib.suppress(_RefusedError):
        db.write("test", write)
        return True
    return False


def test_a_placement_with_an_old_generation_claims_nothing(db):
    (host,) = add_hosts(db, 1)
    (one,) = add_instances(db, 1, generation=5)
    assert not _place(db, one, host, generation=4)
    assert db.read(lambda c: c.execute(sa.select(sa.func.sum(schema.inventories.c.used))).scalar()) == 0
    assert _place(db, one, host, generation=5)


def test_old_decisions_are_forgotten_in_batches(db):
    uuids = [str(uuid.uuid4()) for _ in range(7)]
    db.write("test", lambda c: decisions.put(c, [(one, Decision(host=None)) for one in uuids]))
    aged = sa.update(schema.decisions).where(schema.decisions.c.instance_uuid.in_(uuids[:5]))
    db.write("test", lambda c: c.execute(aged.values(created_at=now() - 100)))
    assert [db.write("test", lambda c: decisions.prune(c, age_s=90, most=3)) for _ in range(3)] == [3, 2, 0]
    left = db.read(lambda c: c.execute(sa.select(schema.decisions.c.instance_uuid)).scalars().all())
    assert set(left) == set(uuids[5:])


def test_claims_of_one_call_on_one_host_count_together(db):
    (host,) = add_hosts(db, 1, slots=3)

    def claim(times):
        with contextlib.suppress(_RefusedError):

            def write(connection):
                if not hosts.claim(connection, [(host, SLOT)] * times):
                    raise _RefusedError

            db.write("test", write)
            return True
        return False

    assert [claim(4), claim(3), claim(1)] == [False, True, False]


def test_what_administrators_give_is_kept_by_reports_that_come_at_the_same_time(db):
    """Eight of each at once: in the end the inventory is there, whoever was first, and the host has kept its trait."""
    (name,) = add_hosts(db, 1)
    told = HostReport(host=name, hypervisor_type="fake", hypervisor_version=2, inventories={"VCPU": Inventory(total=8)})
    node_uuid = db.read(lambda c: c.execute(sa.select(schema.compute_nodes.c.uuid)).scalar())

    def give(connection):
        node = providers.find(connection, node_uuid, lock=True)
        providers.set_inventory(connection, node, "CUSTOM_X", Inventory(total=4, reserved=1))
        providers.set_traits(connection, node, ["CUSTOM_T"])

    def run(number):
        if number % 2:
            db.write("test", give)
        else:
            db.write("test", lambda connection: hosts.report(connection, [told]))

    db.write("test", give)
    all_at_once(16, run)
    db.write("test", lambda connection: hosts.report(connection, [told]))
    (row,) = db.read(lambda connection: hosts.snapshot(connection, down_time_s=60))
    assert row.inventories == {"VCPU": Inventory(total=8), "CUSTOM_X": Inventory(total=4, reserved=1)}
    assert row.facts.traits == ("CUSTOM_T",)
    assert db.write("test", lambda connection: hosts.claim(connection, [(name, {"CUSTOM_X": 3})]))

    def take_back(connection):
        providers.delete_inventory(connection, providers.find(connection, node_uuid, lock=True), "CUSTOM_X")

    with pytest.raises(Conflict):
        db.write("test", take_back)
    (row,) = db.read(lambda connection: hosts.snapshot(connection, down_time_s=60))
    assert row.inventories["CUSTOM_X"].used == 3


def test_what_is_released_is_free_again_and_only_once(db):
    (host,) = add_hosts(db, 1, slots=2)
    uuids = add_instances(db, 2, generation=1)
    assert all(_place(db, one, host) for one in uuids)
    for _ in range(2):
        db.write("test", lambda c: hosts.release(c, [uuids[0]]))
    used = {row.resource_class: row.used for row in db.read(lambda c: c.execute(sa.select(schema.inventories)).all())}
    assert used == SLOT


PINNED = TopologyWish(cells=(WishedCell(vcpus=(0,), memory_mb=512, dedicated=(0,)),))


def test_eight_schedulers_give_every_cpu_once_and_conductors_give_them_back(db):
    """Each decides without a picture; the CPUs are chosen by the transaction that claims them."""
    names = add_hosts(db, 5, topology=HostTopology(cells=(NumaCell(id=0, memory_mb=8192, dedicated=((0, 1), (2, 3))),)))
    uuids = add_instances(db, 24, generation=1)

    def schedule(number):
        order = random.Random(number).sample(names, len(names))
        return [one for one in uuids[number::8] if any(_place(db, one, host, topology=PINNED) for host in order)]

    placed = [one for found in all_at_once(8, schedule) for one in found]
    assert len(placed) == 20
    homes = {row.uuid: row.host for row in rows_of(db, placed)}
    held = db.read(lambda c: topologies.of_instances(c, uuids))
    assert len({(homes[one], cpu) for one, claim in held.items() for cpu in claim.cells[0].pins.values()}) == 20
    all_at_once(4, lambda n: [db.write("test", lambda c, one=one: hosts.release(c, [one])) for one in placed[n::4]])
    assert {host: one.used for host, one in db.read(topologies.of_hosts).items()} == dict.fromkeys(names, UNUSED)
    assert db.read(lambda c: topologies.of_instances(c, uuids)) == {}


def test_eight_conductors_take_each_row_exactly_once(db):
    uuids = add_instances(db, 200)

    def take(number):
        mine = random.Random(number).sample(uuids, len(uuids))
        return db.write("test", lambda c: work.take_scheduling(c, mine, owner=f"c{number}", lease_s=60))

    taken = all_at_once(8, take)
    assert sorted(row.uuid for rows in taken for row in rows) == sorted(uuids)
    assert {row.generation for row in rows_of(db, uuids)} == {1}
    for number, rows in enumerate(taken):
        assert {row.owner.split("#")[0] for row in rows} <= {f"c{number}"}


def test_a_lease_that_is_over_is_taken_by_the_next_and_the_former_owner_is_told(db):
    uuids = add_instances(db, 3)
    take = lambda owner, lease_s: db.write(  # noqa: E731
        "test", lambda c: work.take_scheduling(c, uuids, owner=owner, lease_s=lease_s)
    )
    first = take("first", -1.0)
    assert len(take("second", 60.0)) == 3
    assert take("third", 60.0) == []
    held = [(row.uuid, row.generation) for row in first]
    assert db.write("test", lambda c: work.extend(c, "one", held, lease_s=60)) == set(held)


def test_extend_names_those_that_are_lost_and_keeps_the_others(db):
    (host,) = add_hosts(db, 1, address="one")
    kept, lost = add_instances(db, 2, owner="compute:one#x", generation=4, step=Step.BUILD, host=host)
    before = {row.uuid: row.lease_until for row in rows_of(db, [kept, lost])}
    told = db.write("test", lambda c: work.extend(c, "one", [(kept, 4), (lost, 3)], lease_s=60))
    after = {row.uuid: row.lease_until for row in rows_of(db, [kept, lost])}
    assert told == {(lost, 3)}
    assert after[kept] > before[kept] + 30
    assert after[lost] == before[lost]


def test_of_two_leases_on_one_row_the_older_one_is_lost(db):
    """A compute may have both in hand: a build that is under way and the delete that waits for it."""
    (host,) = add_hosts(db, 1, address="one")
    (one,) = add_instances(db, 1, owner="compute:one#x", generation=5, step=Step.DELETE, host=host)
    for held in ([(one, 3), (one, 5)], [(one, 5), (one, 3)]):
        assert db.write("test", lambda c, h=held: work.extend(c, "one", h, lease_s=60)) == {(one, 3)}


def test_a_finish_with_an_old_generation_changes_nothing(db):
    fresh, stale = add_instances(db, 2, step=Step.BUILD, generation=7)
    with pytest.raises(Unavailable):
        Impatient(db).write("test", lambda c: work.finish(c, Step.BUILD, [(fresh, 7, 1), (stale, 6, 1)]))
    assert {row.vm_state for row in rows_of(db, [fresh, stale])} == {"building"}
    db.write("test", lambda c: work.finish(c, Step.BUILD, [(fresh, 7, 1)]))
    assert [(row.vm_state, row.step) for row in rows_of(db, [fresh])] == [("active", None)]


class Impatient:
    """The same database for somebody who tries a transaction only twice."""

    def __init__(self, db):
        self._db = Database(db.url.render_as_string(hide_password=False), max_retries=2)

    def write(self, name, run):
        try:
            return self._db.write(name, run)
        finally:
            self._db.close()


def test_overtaken_progress_changes_nothing(db):
    (one,) = add_instances(db, 1, step=Step.BUILD, generation=7)
    db.write("test", lambda c: work.progress(c, [(one, 6, "networking")]))
    assert rows_of(db, [one])[0].task_state == "scheduling"
    db.write("test", lambda c: work.progress(c, [(one, 7, "spawning")]))
    assert rows_of(db, [one])[0].task_state == "spawning"


def test_a_compute_gets_only_what_is_on_its_own_hosts(db):
    add_hosts(db, 1, address="one", prefix="a")
    add_hosts(db, 1, address="two", prefix="b")
    mine = add_instances(db, 2, host="a000", step=Step.BUILD, request_id="req-1")
    theirs = add_instances(db, 2, host="b000", step=Step.BUILD, request_id="req-1")
    unplaced = add_instances(db, 1)
    asked = [*mine, *theirs, *unplaced]
    taken = db.write("test", lambda c: work.take_for_compute(c, "one", asked, lease_s=60))
    assert sorted(row.uuid for row in taken) == sorted(mine)
    rest = db.write("test", lambda c: work.take_for_compute(c, "two", asked, lease_s=60))
    assert sorted(row.uuid for row in rest) == sorted(theirs)
    assert db.write("test", lambda c: work.take_for_compute(c, "nobody", asked, lease_s=60)) == []


def test_two_sweepers_hint_each_row_once(db):
    uuids = add_instances(db, 100, lease_until=1.0)
    found = all_at_once(4, lambda number: db.write("test", lambda c: work.due(c, most=100)))
    assert sorted(row.uuid for rows in found for row in rows) == sorted(uuids)


def test_of_eight_claims_on_one_group_one_advances_it(db):
    values = {"uuid": "g", "project_id": "p", "user_id": "u", "name": "g", "policy": "affinity", "created_at": 0.0}
    db.write("test", lambda c: c.execute(sa.insert(schema.server_groups).values(**values)))
    for generation in range(5):
        outcomes = all_at_once(
            8, lambda number, g=generation: db.write("test", lambda c: membership.advance(c, "g", g))
        )
        assert sorted(outcomes) == [False] * 7 + [True]
    assert db.read(lambda c: membership.load(c, "g")).generation == 5


@pytest.mark.parametrize("limit", [5, 8, quotas.UNLIMITED])
def test_parallel_requests_of_a_new_project_get_exactly_its_quota(db, limit):
    """Eight at once for a project that has no counters yet: whoever loses the race to insert them is not refused."""

    def reserve(number):
        try:
            db.write("test", lambda c: quotas.reserve(c, "new", {"instances": 1, "cores": 2}, {"instances": limit}))
        except OverQuota as refusal:
            assert "already used 5 of 5 instances" in str(refusal)
            return 0
        return 1

    for _ in range(10):
        got = sum(all_at_once(8, reserve))
        assert got == (5 if limit == 5 else 8)
        used = db.read(lambda c: quotas.usage(c, "new"))
        assert (used["instances"], used["cores"]) == (got, 2 * got)
        db.write("test", lambda c: c.execute(sa.delete(schema.quota_usages)))


def test_a_refused_reservation_adds_nothing_at_all(db):
    limits = {"instances": 10, "cores": 4}
    db.write("test", lambda c: quotas.reserve(c, "p", {"instances": 1, "cores": 4}, limits))
    with pytest.raises(OverQuota, match="cores: Requested 1, but already used 4 of 4 cores"):
        db.write("test", lambda c: quotas.reserve(c, "p", {"instances": 1, "cores": 1}, limits))
    assert db.read(lambda c: quotas.usage(c, "p"))["instances"] == 1
    db.write("test", lambda c: quotas.release(c, "p", {"instances": 1, "cores": 4}))
    assert set(db.read(lambda c: quotas.usage(c, "p")).values()) == {0}


def test_a_refused_reservation_spoils_nothing_else_of_its_transaction(db):
    """Many requests share a transaction: the refusal of one must leave the others' rows."""

    def both(connection):
        with pytest.raises(OverQuota):
            quotas.reserve(connection, "p", {"instances": 1}, {"instances": 0})
        quotas.reserve(connection, "q", {"instances": 1}, {"instances": 1})

    db.write("test", both)
    assert db.read(lambda c: quotas.usage(c, "q"))["instances"] == 1


def _add_keypair(db, name, *, limit=quotas.UNLIMITED):
    """Return the kind of refusal, None when it was made."""

    def write(connection):
        more = {"kind": "ssh", "public_key": "ssh-rsa A", "fingerprint": "aa"}
        return keypairs.create(connection, user_id="u", name=name, limit=limit, **more)

    try:
        db.write("test", write)
    except (OverQuota, Conflict) as refusal:
        return type(refusal)
    return None


def test_parallel_requests_for_key_pairs_get_exactly_the_places_that_are_left(db):
    for _ in range(5):
        _add_keypair(db, "first")
        outcomes = all_at_once(8, lambda number: _add_keypair(db, f"k{number}", limit=3))
        assert Counter(outcomes) == {None: 2, OverQuota: 6}
        assert len(db.read(lambda c: keypairs.list_keypairs(c, "u"))) == 3
        db.write("test", lambda c: c.execute(sa.delete(schema.keypairs)))


def test_of_parallel_key_pairs_of_one_name_one_is_made(db):
    outcomes = all_at_once(8, lambda _: _add_keypair(db, "same"))
    assert Counter(outcomes) == {None: 1, Conflict: 7}
    assert [row.name for row in db.read(lambda c: keypairs.list_keypairs(c, "u"))] == ["same"]


def test_the_clock_is_the_real_time_and_moves_within_a_transaction(db):
    def twice(connection):
        first = connection.execute(sa.select(now())).scalar()
        time.sleep(0.05)
        return float(first), float(connection.execute(sa.select(now())).scalar())

    first, second = db.write("test", twice)
    assert abs(first - time.time()) < 5
    assert 0.01 < second - first < 5


@pytest.mark.parametrize("shared", SERVERS, indirect=True)
def test_a_connection_that_the_server_has_cut_is_replaced(db):
    name = db.url.get_backend_name()
    cut = {"postgresql": "SELECT pg_terminate_backend(pg_backend_pid())", "mysql": "KILL CONNECTION_ID()"}[name]
    left = [2]

    def dies_twice(connection):
        if left[0]:
            left[0] -= 1
            connection.execute(sa.text(cut))
            connection.execute(sa.text("SELECT 1"))
        return connection.execute(sa.text("SELECT 42")).scalar()

    assert db.write("test", dies_twice) == 42
    left[0] = 2
    assert db.read(dies_twice) == 42


@pytest.mark.parametrize("shared", SERVERS, indirect=True)
def test_a_server_that_is_not_there_is_unavailable(shared):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = shared.url.set(port=nobody.getsockname()[1])
        gone = Database(url.render_as_string(hide_password=False), max_retries=2)
        with pytest.raises(Unavailable):
            gone.write("test", lambda c: c.execute(sa.select(now())))
        with pytest.raises(Unavailable):
            gone.read(lambda c: c.execute(sa.select(now())))
        with pytest.raises(Unavailable), gone.reading() as connection:
            connection.execute(sa.select(now()))
        gone.close()


def test_a_file_that_stays_locked_is_unavailable(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db", max_retries=2)
    with db.raw_writer().connect() as locker, locker.begin():
        with db.raw_writer().pool.connect() as waiting:  # the connection that the write below gets from the pool
            waiting.execute("PRAGMA busy_timeout=1")
        with pytest.raises(Unavailable):
            db.write("test", lambda c: c.execute(sa.select(now())))
        assert db.read(lambda c: c.execute(sa.select(sa.literal(1))).scalar()) == 1, "readers need no writer"
    db.close()


def told(db, down_time_s=60.0):
    """Who tells, and of how many calls."""
    found = db.read(lambda connection: plugin_accounts.told(connection, down_time_s=down_time_s))
    return [(one.binary, one.incarnation, *(account.calls for account in one.accounts)) for one in found]


def tell(db, binary, incarnation, *calls, address="ctl1"):
    accounts = [PluginAccount(group="g", name="n", calls=n, last_fault="\U0001f9e8 '\\") for n in calls]
    who = {"binary": binary, "address": address, "incarnation": incarnation}
    db.write("test", lambda connection: plugin_accounts.tell(connection, **who, accounts=accounts))


def test_what_a_service_tells_of_plug_ins_takes_the_place_of_what_it_has_told(db):
    tell(db, "api", "one", 1)
    tell(db, "api", "one", 5, 6)
    tell(db, "scheduler", "one", 2)
    tell(db, "api", "elsewhere", 3, address="ctl2")
    assert told(db) == [("api", "one", 5, 6), ("api", "elsewhere", 3), ("scheduler", "one", 2)]
    db.write("test", lambda connection: plugin_accounts.withdraw(connection, binary="api", incarnation="one"))
    assert told(db) == [("api", "elsewhere", 3), ("scheduler", "one", 2)]


def test_processes_that_share_a_host_keep_their_accounts_and_those_that_were_killed_go(db):
    for calls in (1, 2):  # at each heartbeat, as the processes of one API do
        for process in ("one", "two", "three"):
            tell(db, "api", process, calls)
    assert told(db) == [("api", "one", 2), ("api", "two", 2), ("api", "three", 2)]
    silent = sa.update(schema.plugin_accounts).where(schema.plugin_accounts.c.incarnation == "two")
    db.write("test", lambda connection: connection.execute(silent.values(told_at=now() - 700)))
    tell(db, "api", "four", 1)  # in its place
    assert told(db, down_time_s=10**6) == [("api", "one", 2), ("api", "three", 2), ("api", "four", 1)]


def test_who_is_not_heard_of_does_not_count_and_is_forgotten_after_a_day(db):
    tell(db, "api", "one", 1)
    old = sa.update(schema.plugin_accounts).values(told_at=now() - 100)
    db.write("test", lambda connection: connection.execute(old))
    assert told(db) == []
    assert told(db, down_time_s=200.0) == [("api", "one", 1)]
    tell(db, "api", "one", 2)
    assert told(db) == [("api", "one", 2)]
    ancient = sa.update(schema.plugin_accounts).values(told_at=now() - 90000)
    db.write("test", lambda connection: connection.execute(ancient))
    tell(db, "scheduler", "two", 1)
    assert told(db, down_time_s=10**6) == [("scheduler", "two", 1)]
