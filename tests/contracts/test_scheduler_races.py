"""Eight schedulers race for the last slots (F8): exactly as many claims as there are slots, and clean refusals.

On SQLite, PostgreSQL and MariaDB; as threads with a picture each, and as processes. The short forms run always, the
long ones behind ``make chaos``.
"""

import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from corenova.db import decisions, groups, hosts, instances, migrate, schema, services
from corenova.db.engine import Database
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import Flavor, RequestSpec
from tests.contracts.racer import race

SPEC = RequestSpec(
    project_id="p", user_id="u", flavor=Flavor(flavorid="1", name="f", vcpus=1, memory_mb=512, root_gb=0)
)
SLOT = {"VCPU": 1, "MEMORY_MB": 512}
ROW = {
    "project_id": "p", "user_id": "u", "reservation_id": "r", "launch_index": 0, "display_name": "n",
    "display_description": None, "hostname": "n", "key_name": None, "user_data": None, "config_drive": False,
    "metadata": "{}", "tags": "[]", "flavor": msgspec.json.encode(SPEC.flavor).decode(), "image": None, "vcpus": 1,
    "memory_mb": 512, "request_id": "req-1", "deadline_s": 600.0, "hint_grace_s": 0.0,
}  # fmt: skip
SERVERS = [
    pytest.param("postgresql_url", marks=pytest.mark.pg),
    pytest.param("mariadb_url", marks=pytest.mark.mariadb),
]
SCHEDULERS = PROCESSES = 8
SHORT, LONG = (10, 40, 500), (50, 80, 5000)
"""Hosts, slots on each, requests."""


@pytest.fixture(params=["sqlite", *SERVERS])
def db(request, tmp_path):
    """A new, migrated database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/db"
    else:
        server, name = sa.make_url(request.getfixturevalue(request.param)), f"race_{uuid.uuid4().hex}"
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = server.set(database=name).render_as_string(hide_password=False)
    db = Database(url)
    migrate.upgrade(db)
    yield db
    db.close()


def add_hosts(db, count, slots):
    names = [f"h{number:04}" for number in range(count)]
    held = {name: Inventory(total=amount * slots) for name, amount in SLOT.items()}
    reports = [HostReport(host=n, hypervisor_type="fake", hypervisor_version=1, inventories=held) for n in names]
    who = {"binary": services.COMPUTE, "address": "one", "incarnation": "i", "version": "1"}
    db.write("test", lambda c: hosts.report(c, reports))
    db.write("test", lambda c: services.register(c, hosts=names, **who))


def add_instances(db, count, spec=SPEC):
    """Insert instances that wait to be scheduled; returns their uuids."""
    uuids = [str(uuid.uuid4()) for _ in range(count)]
    wish = {"spec": msgspec.json.encode(spec).decode(), "group_uuid": spec.instance_group_uuid}
    db.write("test", lambda c: instances.insert(c, [{"uuid": one, **wish, **ROW} for one in uuids]))
    return uuids


def race_in_threads(db, uuids, count=SCHEDULERS, **how):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda n: race(db, uuids[n::count], seed=n, **how), range(count)))


def race_in_processes(db, uuids):
    url = db.url.render_as_string(hide_password=False)
    program = str(Path(__file__).with_name("racer.py"))
    racers = [
        subprocess.Popen([sys.executable, program, url, str(n), *uuids[n::PROCESSES]], stdout=subprocess.PIPE)
        for n in range(PROCESSES)
    ]
    told = [racer.communicate(timeout=170)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * PROCESSES
    return [json.loads(text) for text in told]


def check_race(db, outcomes, *, slots_each, slots, requests):
    """Everything that the race must have left behind."""
    placed = [one for outcome in outcomes for one in outcome["placed"]]
    refused = {k: v for outcome in outcomes for k, v in outcome["refused"].items()}
    assert (len(placed), len(refused)) == (slots, requests - slots)
    assert set(Counter(host for _, host in placed).values()) == {slots_each}

    def read(connection):
        held = connection.execute(sa.select(schema.inventories.c.used, schema.inventories.c.capacity)).all()
        claims = connection.execute(sa.select(sa.func.count()).select_from(schema.allocations)).scalar()
        where = {row.uuid: row.host for row in connection.execute(sa.select(schema.instances)) if row.host}
        return held, claims, where, decisions.get(connection, next(iter(refused)))

    held, claims, where, decision = db.read(read)
    assert max(used / capacity for used, capacity in held) == min(used / capacity for used, capacity in held) == 1.0
    assert claims == slots * len(SLOT)
    assert where == dict(placed)
    assert all("Capacity refused" in reason for reason in refused.values())
    assert {rejection.stage for rejection in decision.rejections} == {"Capacity"}


def run_race(db, racing, size, capsys):
    count, slots_each, requests = size
    add_hosts(db, count, slots_each)
    uuids = add_instances(db, requests)
    began = time.monotonic()
    outcomes = racing(db, uuids)
    took_s = time.monotonic() - began
    sums = {name: sum(o[name] for o in outcomes) for name in ("commits", "conflicts", "unanswered")}
    with capsys.disabled():
        longest_s = max(o["longest_s"] for o in outcomes)
        what = f"{db.url.get_backend_name()} {racing.__name__} {requests}"
        print(f"\n{what}: {took_s:.1f} s, {sums}, longest {longest_s:.2f} s")
    check_race(db, outcomes, slots_each=slots_each, slots=count * slots_each, requests=requests)
    return took_s


def test_eight_schedulers_give_the_last_slots_once(db, capsys):
    run_race(db, race_in_threads, SHORT, capsys)


def test_processes_give_the_last_slots_once(db, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PROCESSES", 3)  # a process takes longer to start than to race
    run_race(db, race_in_processes, SHORT, capsys)


@pytest.mark.chaos
@pytest.mark.parametrize("racing", [race_in_threads, race_in_processes])
def test_eight_schedulers_give_four_thousand_slots_once(db, racing, capsys):
    run_race(db, racing, LONG, capsys)


@pytest.mark.parametrize("policy", ["anti-affinity", "affinity"])
def test_parallel_requests_never_break_a_hard_policy(db, policy):
    add_hosts(db, 6, 100)
    group = str(uuid.uuid4())
    row = {"uuid": group, "project_id": "p", "user_id": "u", "name": policy, "policy": policy, "rules": {}, "limit": -1}
    db.write("test", lambda c: groups.create(c, **row))
    uuids = add_instances(db, 16, msgspec.structs.replace(SPEC, instance_group_uuid=group))
    outcomes = race_in_threads(db, uuids, most=2)
    placed = Counter(host for outcome in outcomes for _, host in outcome["placed"])
    reasons = [reason for outcome in outcomes for reason in outcome["refused"].values()]
    if policy == "affinity":
        assert list(placed.values()) == [16]
    else:
        assert list(placed.values()) == [1] * 6
        assert all("ServerGroupAntiAffinityFilter refused 6" in reason for reason in reasons)
    assert sum(placed.values()) + len(reasons) == 16


def test_schedulers_with_room_seldom_meet(db, capsys):
    """The normal case: four schedulers, a thousand hosts with room, moderate load."""
    add_hosts(db, 1000, 80)
    outcomes = race_in_threads(db, add_instances(db, 400), count=4, most=8, pause_s=0.05)
    commits, conflicts = (sum(outcome[name] for outcome in outcomes) for name in ("commits", "conflicts"))
    with capsys.disabled():
        print(f"\n{db.url.get_backend_name()} with room: {commits} commits, {conflicts} conflicts")
    assert sum(len(outcome["placed"]) for outcome in outcomes) == 400
    assert conflicts <= 0.01 * commits
