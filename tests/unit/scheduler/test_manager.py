"""The scheduler's verb on a real database, with plug-ins that hang: they harm the request that used them alone."""

import threading
import time
import uuid

import msgspec
import pytest
import sqlalchemy as sa
from oslo_config import cfg

from corenova import conf as options
from corenova.breaker import Breakers
from corenova.db import hosts, instances, migrate, schema, services, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.hooks import Hooks
from corenova.loader import FILTERS as FILTERS_GROUP
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.request_spec import SelectRequest
from corenova.scheduler.decider import PassAbandonedError
from corenova.scheduler.isolation import proxy
from corenova.scheduler.isolation.wire import Start
from corenova.scheduler.manager import SchedulerManager
from corenova.scheduler.watchdog import Watch

TIMEOUT_S = 1.0
CURSED_MB = 666


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    migrate.upgrade(db)
    names = ["h0", "h1", "h2"]
    held = {"VCPU": Inventory(total=1000), "MEMORY_MB": Inventory(total=10**6)}
    reports = [HostReport(host=n, hypervisor_type="fake", hypervisor_version=1, inventories=held) for n in names]
    who = {"binary": services.COMPUTE, "address": "one", "incarnation": "i", "version": "1"}
    db.write("test", lambda c: (hosts.report(c, reports), services.register(c, hosts=names, **who)))
    yield db
    db.close()


@pytest.fixture
def make(db, build):
    """Give a function that makes a manager with these plug-ins; the managers are stopped at the end."""
    managers = []

    def manager(filters=(), weighers=(), *, faults=100, open_s=60.0, timeout_s=TIMEOUT_S, **pipeline):
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        conf.set_override("plugin_timeout_s", timeout_s, group="plugins")
        line = build.pipeline(filters, weighers, breakers=Breakers(faults, open_s), **pipeline)
        managers.append(SchedulerManager(conf, db, Events(Hooks()), line))
        return managers[-1]

    yield manager
    for one in managers:
        one.stop()


@pytest.fixture
def wish(db, build):
    """Give a function that inserts instances and returns the request for them."""

    def make(count=1, *, cursed=False):
        spec = build.spec(ram_mb=CURSED_MB if cursed else 64, disk_gb=0)
        row = {
            "project_id": "p", "user_id": "u", "reservation_id": "r", "launch_index": 0, "display_name": "n",
            "display_description": None, "hostname": "n", "key_name": None, "user_data": None, "config_drive": False,
            "metadata": "{}", "tags": "[]", "flavor": msgspec.json.encode(spec.flavor).decode(), "image": None,
            "vcpus": 1, "memory_mb": 64, "group_uuid": None, "spec": msgspec.json.encode(spec).decode(),
            "request_id": "req-1", "deadline_s": 600.0, "hint_grace_s": 0.0,
        }  # fmt: skip
        uuids = [str(uuid.uuid4()) for _ in range(count)]
        db.write("test", lambda c: instances.insert(c, [{"uuid": one, **row} for one in uuids]))
        rows = db.write("test", lambda c: work.take_scheduling(c, uuids, owner="test", lease_s=60))
        return SelectRequest(spec=spec, instances=tuple((r.uuid, r.generation) for r in rows))

    return make


class Hanging:
    """Hangs at cursed requests until it is told to go on; in the form that it is made with."""

    minval, maxval = 0.0, 1.0

    def __init__(self, form, result):
        self.go_on = threading.Event()
        self.hangs = 0
        self._result = result
        setattr(self, form, self._ask)

    def _ask(self, hosts, spec):
        if spec.flavor.memory_mb == CURSED_MB and not self.go_on.is_set():
            self.hangs += 1
            self.go_on.wait(60)
        return self._result(hosts)


FILTERS = {"mask": lambda hosts: hosts.is_up.copy(), "host_passes": lambda host: True}
WEIGHERS = {"weights": lambda hosts: hosts.free_ram_mb / 10**6, "weigh": lambda host: host.free_ram_mb / 10**6}


@pytest.fixture(params=[*FILTERS, *WEIGHERS])
def hanging(request, make, build):
    """A plug-in that hangs, of each form, and a manager with it."""
    result = (FILTERS | WEIGHERS)[request.param]
    plugin = Hanging(request.param, result)
    loaded = build.Plugin("Hanging", plugin, "d")
    manager = make([loaded]) if request.param in FILTERS else make(weighers=[loaded], fixed=True)
    yield plugin, manager
    plugin.go_on.set()


def at_once(manager, requests):
    """Ask for all of these at the same time; returns (what came of it, seconds) for each."""
    outcomes = [None] * len(requests)

    def ask(number):
        began = time.monotonic()
        try:
            outcome = manager.select_destinations({}, [requests[number]])
        except PassAbandonedError as error:
            outcome = error
        outcomes[number] = (outcome, time.monotonic() - began)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def claimed(db):
    return db.read(lambda c: set(c.execute(sa.select(schema.allocations.c.instance_uuid)).scalars()))


def test_a_plug_in_that_hangs_fails_its_request_and_no_other_waits_for_it(db, hanging, wish, caplog):
    plugin, manager = hanging
    manager.select_destinations({}, [wish()])
    cursed, others = wish(3, cursed=True), [wish() for _ in range(12)]
    (lost, lost_s), *rest = at_once(manager, [cursed, *others])
    assert isinstance(lost, PassAbandonedError)
    assert TIMEOUT_S <= lost_s < TIMEOUT_S + 2
    assert all(selections[0].host for selections, _ in rest)
    assert max(seconds for _, seconds in rest) < TIMEOUT_S, "the queue went on before the time was over"
    assert "Hanging failed and counts as" in caplog.text
    assert "it has not come back for 1 s from test_manager.py:" in caplog.text
    (told,) = [loaded.told() for loaded in manager._pipeline.plugins]
    assert (told.faults, told.breaker) == (1, "closed"), "the pass that was overdue"
    assert told.last_fault.startswith("TimeoutError: it has not come back for 1 s from test_manager.py:")
    before = claimed(db)
    plugin.go_on.set()
    time.sleep(0.3)
    assert claimed(db) == before, "a pass that was given up claims nothing when it wakes up"
    assert all(one.host for one in manager.select_destinations({}, [cursed])), "the request is tried again"


def test_a_plug_in_that_is_slow_keeps_its_request(db, hanging, wish):
    plugin, manager = hanging
    manager.select_destinations({}, [wish()])
    threading.Timer(TIMEOUT_S / 2, plugin.go_on.set).start()
    (slow, _), (quick, quick_s) = at_once(manager, [wish(cursed=True), wish()])
    assert slow[0].host
    assert quick[0].host
    assert quick_s < TIMEOUT_S + 1
    for _ in range(3):
        assert manager.select_destinations({}, [wish()])[0].host
    deadline = time.monotonic() + 5
    while len(manager._workers) > 1 and time.monotonic() < deadline:
        manager.select_destinations({}, [wish()])
    assert len(manager._workers) == 1, "who helped out has gone"


def test_after_some_hangs_the_filter_is_switched_off(db, make, build, wish):
    plugin = Hanging("mask", FILTERS["mask"])
    manager = make([build.Plugin("Hanging", plugin, "d")], faults=2)
    try:
        outcomes = at_once(manager, [wish(cursed=True) for _ in range(2)])
        assert all(isinstance(outcome, PassAbandonedError) for outcome, _ in outcomes)
        began = time.monotonic()
        (selection,) = manager.select_destinations({}, [wish(cursed=True)])
        assert selection.reason == "No valid host was found. Of 3 hosts, Hanging refused 3."
        assert time.monotonic() - began < TIMEOUT_S / 2
        assert plugin.hangs == 2
        (told,) = [loaded.told() for loaded in manager._pipeline.plugins]
        assert (told.faults, told.breaker) == (2, "open")
    finally:
        plugin.go_on.set()


class LateProcess:
    """The process of an isolated plug-in: its import takes long, then it does not answer in time."""

    pid, table, has_died = 0, None, False
    asked_s = 0.6

    def __init__(self, start):
        self._over = threading.Event()

    def ask(self, question):
        self._over.wait(self.asked_s)
        raise TimeoutError("it has not come back for 0.2 s, its process is killed")

    def kill(self):
        self._over.set()


def test_an_isolated_filter_is_given_up_by_who_waits_for_its_process_alone(make, build, wish, monkeypatch):
    """It is refused by its name and blamed once; the request of a thread that is given up would come again."""
    monkeypatch.setattr(proxy, "Process", LateProcess)
    start = Start(group=FILTERS_GROUP, name="Late", config_files=[], config_dirs=[], memory_mb=0, timeout_s=0.2)
    loaded = build.plugin("Late", host_passes=lambda *_: True)
    loaded = msgspec.structs.replace(loaded, group=FILTERS_GROUP)
    isolated = msgspec.structs.replace(loaded, object=proxy.Isolated(loaded, start))
    manager = make([isolated], timeout_s=0.2)
    (selection,) = manager.select_destinations({}, [wish()])
    assert selection.reason == "No valid host was found. Of 3 hosts, Late failed on 3."
    assert isolated.told().last_fault == "TimeoutError: it has not come back for 0.2 s, its process is killed"


def test_one_call_in_twenty_that_hangs_leaves_the_others_quick(db, make, build, wish):
    """F22: the stuck threads are given up one after the other, the others keep their time."""
    plugin = Hanging("host_passes", FILTERS["host_passes"])
    manager = make([build.Plugin("Hanging", plugin, "d")])
    try:
        outcomes = at_once(manager, [wish(cursed=number % 20 == 7) for number in range(60)])
        lost = [seconds for outcome, seconds in outcomes if isinstance(outcome, PassAbandonedError)]
        others = [seconds for outcome, seconds in outcomes if not isinstance(outcome, PassAbandonedError)]
        assert (len(lost), len(others)) == (3, 57)
        assert max(others) < TIMEOUT_S + 1
        assert len(claimed(db)) == 57
    finally:
        plugin.go_on.set()


def test_an_error_that_is_nobodys_fault_reaches_the_caller(db, make, wish, monkeypatch):
    manager = make()
    monkeypatch.setattr("corenova.scheduler.claims.claim", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        manager.select_destinations({}, [wish()])
    monkeypatch.undo()
    assert manager.select_destinations({}, [wish()])[0].host


def test_of_two_plug_ins_of_one_class_the_one_that_hangs_is_blamed(build):
    first, second = (Hanging("host_passes", FILTERS["host_passes"]) for _ in range(2))
    line = build.pipeline([build.Plugin("First", first, "d"), build.Plugin("Second", second, "d")])
    cursed = build.spec(ram_mb=CURSED_MB)
    # As the innermost loops do: without a call of ours in between.
    thread = threading.Thread(target=lambda: second.host_passes(None, cursed))
    thread.start()
    try:
        watch = Watch(line, thread)
        while not second.hangs:
            time.sleep(0.01)
        watch.look()
        assert watch.plugin is line.filters[1]
    finally:
        second.go_on.set()
        thread.join()
