"""What hook plug-ins hear of a server's life, and that they can do no harm."""

import contextlib
import threading

import pytest

from corenova.contracts.hooks import HookSpecs, hookimpl
from corenova.db import services
from corenova.hooks import HOOKS
from corenova.objects.instance import GuestConfig
from corenova.objects.request_spec import Flavor
from corenova.objects.states import Step
from corenova.testing.cloud import Cloud

BIG = Flavor(flavorid="9", name="m9.huge", vcpus=1, memory_mb=10**6, root_gb=1)


class Listener:
    """Notes everything that can be heard."""

    def __init__(self):
        self.states = []
        self.hosts = []
        self.refusals = []
        self.services = []
        self.stopped = []

    @hookimpl
    def state_changed(self, instance, old_vm_state):
        self.states.append((instance.uuid, old_vm_state, instance.vm_state))

    @hookimpl
    def host_selected(self, spec, instance_uuid, host):
        self.hosts.append((instance_uuid, spec.flavor.name, host))

    @hookimpl
    def nothing_fits(self, instance_uuid, reason):
        self.refusals.append((instance_uuid, reason))

    @hookimpl
    def service_started(self, binary, host):
        self.services.append((binary, host))

    @hookimpl
    def service_stopped(self, binary, host):
        self.stopped.append((binary, host))

    def of(self, uuid):
        return [(old, new) for one, old, new in self.states if one == uuid]


class Broken:
    """Raises at every moment."""

    @hookimpl
    def state_changed(self):
        raise RuntimeError("broken")

    @hookimpl
    def host_selected(self):
        raise RuntimeError("broken")

    @hookimpl
    def service_started(self):
        raise RuntimeError("broken")


class Recorder:
    """Notes each hop with what it is told."""

    def __init__(self):
        self.hops = []

    def names(self):
        return [name for name, _ in self.hops]


def _noting(hook):
    # pluggy looks at the names of the arguments, and not at the function.
    arguments = ("context", "spec", "count", "usage", "instances", "instance", "hosts", "instance_uuids")
    arguments += ("instance_uuid", "host", "reason", "error", "old_vm_state", "binary")
    taken = [name for name in arguments if name in HookSpecs.__dict__[hook].__code__.co_varnames]
    pairs = ", ".join(f"{name!r}: {name}" for name in taken)
    space = {}
    exec(f"def {hook}(self, {', '.join(taken)}): self.hops.append(({hook!r}, {{{pairs}}}))", space)
    return hookimpl(space[hook])


for _hook in HOOKS:
    if _hook not in ("config_options", "api_routes"):
        setattr(Recorder, _hook, _noting(_hook))


class OneProcess(Cloud):
    """All services in one process, as corenova-all has them: what is told in it is told in one order."""

    def _made(self, conf):
        parts = super()._made(conf)
        self.shared = getattr(self, "shared", parts.events)
        parts.__dict__["events"] = self.shared
        return parts


@pytest.fixture
def hang():
    """An event that hanging plug-ins wait for; it comes at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def heard(tmp_path):
    """Give a function that makes clouds with hooks; they are audited and stopped at the end."""
    with contextlib.ExitStack() as clouds:

        def make(*hooks, ini=None, kind=Cloud):
            cloud = clouds.enter_context(kind(tmp_path / "cloud", ini, hooks=hooks))
            clouds.callback(lambda: _settled(cloud))
            return cloud

        yield make


def _settled(cloud):
    cloud.wait_settled()
    assert cloud.findings() == []


def test_a_listener_hears_a_life_from_the_request_to_the_end(heard, listener):
    cloud = heard(listener)
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    host = cloud.server(uuid).host
    cloud.action(uuid, Step.STOP)
    cloud.wait_for(uuid, "stopped")
    cloud.delete(uuid)
    cloud.wait_for(uuid, "deleted")
    cloud.wait(lambda: listener.hosts, what="the choice is told")
    life = [(None, "building"), ("building", "active"), ("active", "stopped"), ("stopped", "deleted")]
    cloud.wait(lambda: len(listener.of(uuid)) == len(life), what="four moments are told")
    assert sorted(listener.of(uuid), key=life.index) == life
    assert listener.hosts == [(uuid, "m1.nano", host)]
    assert listener.refusals == []


def test_a_listener_hears_of_a_build_that_is_given_up_at_its_deadline(heard, listener):
    ini = {"conductor": {"build_deadline_s": 1}, "fake": {"spawn_hang_names": "*"}}
    cloud = heard(listener, ini=ini)
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "error")
    cloud.wait(lambda: ("building", "error") in listener.of(uuid), what="the end is told")


def test_every_service_is_announced_when_it_runs_and_when_it_has_stopped_in_good_order(heard, listener):
    cloud = heard(listener)
    everything = ["nova-compute", "nova-conductor", "nova-scheduler"]
    cloud.wait(lambda: sorted(b for b, _ in listener.services) == everything, what="all are announced")
    assert listener.stopped == []
    cloud.stop("scheduler")
    cloud.wait(lambda: listener.stopped == [("nova-scheduler", "test-host")], what="the end is told")
    cloud.start("scheduler")


CREATE = [
    "api_create_pre", "api_create_post", "state_changed", "conductor_create_pre", "scheduler_create_pre",
    "host_selected", "scheduler_create_post", "conductor_create_post", "compute_create_pre", "compute_create_post",
    "state_changed",
]  # fmt: skip
DELETE = [
    "api_delete_pre", "api_delete_post", "conductor_delete_pre", "compute_delete_pre", "compute_delete_post",
    "conductor_delete_post", "state_changed",
]  # fmt: skip


def test_every_hop_of_a_create_and_of_a_delete_is_told_in_order(heard, monkeypatch):
    recorder, built = Recorder(), []
    cloud = heard(recorder, kind=OneProcess)
    cloud.wait(lambda: len(recorder.hops) == 3, what="the services are announced")
    spawn = cloud.driver.spawn
    monkeypatch.setattr(cloud.driver, "spawn", lambda host, instance: (built.append(instance), spawn(host, instance)))
    recorder.hops.clear()
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.wait(lambda: len(recorder.hops) >= len(CREATE), what="every hop is told")
    assert recorder.names() == CREATE
    told = dict(recorder.hops)
    host = cloud.server(uuid).host
    assert told["api_create_pre"]["count"] == 1
    assert [i.uuid for i in told["api_create_post"]["instances"]] == [uuid]
    assert [i.uuid for i in told["conductor_create_pre"]["instances"]] == [uuid]
    assert told["scheduler_create_pre"]["instance_uuids"] == [uuid]
    assert told["scheduler_create_post"]["hosts"] == told["conductor_create_post"]["hosts"] == {uuid: host}
    about = told["compute_create_post"]
    assert (about["host"], about["instance"].uuid, about["error"]) == (host, uuid, None)
    # What the guest alone may know, and leave to read images, stays with the driver.
    assert built[0].guest != GuestConfig()
    assert (about["instance"].guest, about["instance"].boot) == (GuestConfig(), None)

    recorder.hops.clear()
    cloud.delete(uuid)
    cloud.wait_for(uuid, "deleted")
    cloud.wait(lambda: len(recorder.hops) >= len(DELETE), what="every hop is told")
    assert recorder.names() == DELETE
    told = dict(recorder.hops)
    assert {about["instance"].uuid for about in told.values()} == {uuid}
    assert told["conductor_delete_post"]["instance"].vm_state == "deleted"
    assert told["compute_delete_post"]["error"] is None


def test_what_fails_on_the_way_is_told_with_the_reason(heard):
    recorder = Recorder()
    ini = {"fake": {"spawn_failure_hosts": "*"}, "scheduler": {"max_attempts": 2}}
    cloud = heard(recorder, kind=OneProcess, ini=ini)
    unbuilt, unplaced = cloud.create_server(), cloud.create_server(flavor=BIG)
    cloud.wait_for([unbuilt, unplaced], "error")
    cloud.wait(lambda: recorder.names().count("state_changed") == 4, what="both ends are told")
    builds = [about for name, about in recorder.hops if name == "compute_create_post"]
    assert len({about["host"] for about in builds}) == len(builds) == 2
    assert all(about["error"] and about["instance"].uuid == unbuilt for about in builds)
    (nothing,) = [about for name, about in recorder.hops if name == "nothing_fits"]
    assert (nothing["instance_uuid"], nothing["reason"]) == (unplaced, cloud.server(unplaced).fault_message)
    hosts = [about["hosts"] for name, about in recorder.hops if name == "conductor_create_post"]
    assert [each[unplaced] for each in hosts if unplaced in each] == [None]
    ends = [(about["instance"].uuid, about["old_vm_state"]) for name, about in recorder.hops if name == "state_changed"]
    assert sorted(ends[2:]) == sorted([(unbuilt, "building"), (unplaced, "building")])


def test_a_hook_that_raises_harms_neither_servers_nor_other_hooks_and_heartbeats_say_so(heard, listener, caplog):
    cloud = heard(Broken(), listener, ini={"plugins": {"breaker_faults": 1}})
    uuids = cloud.create_servers(3)
    cloud.wait_for(uuids)
    cloud.wait(lambda: all(len(listener.of(uuid)) == 2 for uuid in uuids), what="the other hook has heard everything")
    expected = {who: {"Broken": 1} for who in ("scheduler", "conductor", "compute")}
    cloud.wait(lambda: {who: cloud.parts(who).events.hooks.faults for who in expected} == expected, what="each counts")
    assert "hook plug-in Broken (observer) raised" in caplog.text

    def alarmed():
        rows = cloud.db.read(lambda c: services.list_services(c, down_time_s=60))
        return {row.binary for row in rows if "hook plug-in Broken (observer) is switched off" in (row.alarms or "")}

    cloud.wait(lambda: {"nova-conductor", "nova-scheduler"} <= alarmed(), what="heartbeats tell of it")


def test_a_hook_that_hangs_everywhere_harms_nobody_and_is_called_again_when_it_works(heard, listener, hang):
    """Servers become ACTIVE while it hangs; its breaker opens, and closes again."""

    class Hanging:
        works = False

        @hookimpl
        def state_changed(self):
            if not self.works:
                hang.wait()

        compute_create_pre = conductor_create_pre = scheduler_create_post = api_create_post = state_changed

    plugin = Hanging()
    ini = {"plugins": {"hook_timeout_s": 0.3, "breaker_faults": 2, "breaker_open_s": 0.1}}
    cloud = heard(plugin, listener, ini=ini, kind=OneProcess)
    cloud.wait_for(cloud.create_servers(3))
    account = cloud.shared.hooks.plugins[0].account
    cloud.wait(lambda: cloud.shared.hooks.alarms() and account.state != "closed", what="its breaker opens")
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.wait(lambda: len(listener.of(uuid)) == 2, what="the other hook has heard everything")
    assert any("switched off after faults: TimeoutError" in alarm for alarm in cloud.shared.hooks.alarms())
    plugin.works = True
    hang.set()

    def closed():
        cloud.reset_state(uuid, "active")
        return account.state == "closed"

    cloud.wait(closed, what="its breaker closes")
    cloud.wait(lambda: cloud.shared.hooks.alarms() == [], what="the alarms end")


def test_where_nobody_listens_nothing_is_prepared_for_telling(cloud):
    assert not cloud.parts("conductor").events.wanted
