"""What hook plug-ins hear of a server's life, and that they can do no harm."""

import contextlib

import pytest

from corenova.contracts.hooks import hookimpl
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


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def heard(tmp_path):
    """Give a function that makes clouds with hooks; they are audited and stopped at the end."""
    with contextlib.ExitStack() as clouds:

        def make(*hooks, ini=None):
            cloud = clouds.enter_context(Cloud(tmp_path / "cloud", ini, hooks=hooks))
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
    life = [(None, "building"), ("building", "active"), ("active", "stopped"), ("stopped", "deleted")]
    cloud.wait(lambda: len(listener.of(uuid)) == len(life), what="four moments are told")
    assert sorted(listener.of(uuid), key=life.index) == life
    assert listener.hosts == [(uuid, "m1.nano", host)]
    assert listener.refusals == []


def test_a_listener_hears_why_nothing_fits_in_the_words_of_the_user(heard, listener):
    cloud = heard(listener)
    uuid = cloud.create_server(flavor=BIG)
    cloud.wait_for(uuid, "error")
    assert listener.refusals == [(uuid, cloud.server(uuid).fault_message)]
    cloud.wait(lambda: ("building", "error") in listener.of(uuid), what="the end is told")
    assert listener.hosts == []


def test_a_listener_hears_of_a_build_that_fails_everywhere(heard, listener):
    cloud = heard(listener, ini={"fake": {"spawn_failure_hosts": "*"}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "error")
    cloud.wait(lambda: ("building", "error") in listener.of(uuid), what="the end is told")
    assert len(listener.of(uuid)) == 2


def test_a_listener_hears_of_a_build_that_is_given_up_at_its_deadline(heard, listener):
    ini = {"conductor": {"build_deadline_s": 1}, "fake": {"spawn_hang_names": "*"}}
    cloud = heard(listener, ini=ini)
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "error")
    cloud.wait(lambda: ("building", "error") in listener.of(uuid), what="the end is told")


def test_every_service_of_the_process_is_announced(heard, listener):
    heard(listener)
    binaries = sorted(binary for binary, _ in listener.services)
    assert binaries == ["nova-compute", "nova-conductor", "nova-scheduler"]


def test_a_hook_that_raises_harms_neither_servers_nor_other_hooks(heard, listener, caplog):
    cloud = heard(Broken(), listener)
    uuids = cloud.create_servers(3)
    cloud.wait_for(uuids)
    cloud.wait(lambda: all(len(listener.of(uuid)) == 2 for uuid in uuids), what="the other hook has heard everything")
    faults = {who: cloud.parts(who).events.hooks.faults for who in ("scheduler", "conductor", "compute")}
    assert faults == {"scheduler": {"Broken": 4}, "conductor": {"Broken": 4}, "compute": {"Broken": 1}}
    assert "Hook plug-in Broken raised" in caplog.text


def test_where_nobody_listens_nothing_is_prepared_for_telling(cloud):
    assert not cloud.parts("conductor").events.wanted
