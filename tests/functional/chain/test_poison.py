"""A plug-in that misbehaves harms the request that used it, and says its name; everybody else is served."""

import threading

import msgspec
import pytest

from corenova import loader
from corenova.db import services
from corenova.loader import Plugin
from corenova.objects.request_spec import Flavor
from corenova.scheduler import plugins

CURSED = Flavor(flavorid="66", name="m1.cursed", vcpus=1, memory_mb=64, root_gb=1)


def is_cursed(spec):
    return spec.flavor.name == CURSED.name


class PoisonFilter:
    """Raises for cursed requests and lets the others pass."""

    def host_passes(self, host_state, spec):
        if is_cursed(spec):
            raise RuntimeError("poison")
        return True


class PoisonVectorFilter:
    """Returns rubbish for cursed requests."""

    def mask(self, hosts, spec):
        return [1.5] if is_cursed(spec) else hosts.is_up.copy()


class PoisonWeigher:
    """Raises for cursed requests; the others weigh by RAM."""

    multiplier_option = "ram_weight_multiplier"
    minval = 0.0  # so that equal hosts weigh something, too

    def weigh(self, host_state, spec):
        return 1 / 0 if is_cursed(spec) else host_state.free_ram_mb


@pytest.fixture
def plugged(monkeypatch, make_cloud):
    """Give a function that makes a cloud whose scheduler has these plug-ins beside the default ones; ``loaded`` are
    they, with their accounts."""
    loaded = []

    def make(*filters, weighers=(), ini=None):
        more = {loader.FILTERS: filters, loader.WEIGHERS: weighers}
        load = plugins._load

        def load_more(conf, group, *args):
            added = [Plugin(type(one).__name__, one, "test", group=group) for one in more.get(group, ())]
            loaded.extend(added)
            return [*load(conf, group, *args), *added]

        monkeypatch.setattr(plugins, "_load", load_more)
        return make_cloud(ini)

    make.loaded = loaded
    return make


@pytest.mark.parametrize(
    ("poison", "fault"),
    [
        (PoisonFilter(), "RuntimeError: poison"),
        (PoisonVectorFilter(), "TypeError: mask() returned float64 of shape (1,) for 20 hosts"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_filter_that_fails_refuses_its_request_by_name_and_no_other(plugged, poison, fault):
    cloud = plugged(poison)
    cursed = cloud.create_servers(2, flavor=CURSED)
    healthy = cloud.create_servers(5)
    cloud.wait_for(cursed, "error")
    cloud.wait_for(healthy)
    name = type(poison).__name__
    for uuid in cursed:
        assert cloud.server(uuid).fault_message == f"No valid host was found. Of 20 hosts, {name} failed on 20."
        assert "poison" not in cloud.server(uuid).fault_message, "the user is told who, not what went wrong inside"
        reasons = {rejection.reason for rejection in cloud.decision(uuid).rejections}
        assert reasons == {f"failed: {fault}"}, "the operator is told that"


def test_a_weigher_that_fails_costs_its_opinion_and_nothing_else(plugged, caplog):
    cloud = plugged(weighers=[PoisonWeigher()])
    cursed, healthy = cloud.create_server(flavor=CURSED), cloud.create_server()
    cloud.wait_for([cursed, healthy])
    assert "PoisonWeigher" not in cloud.decision(cursed).weights
    assert "PoisonWeigher" in cloud.decision(healthy).weights
    assert "Weigher PoisonWeigher failed and counts as zero: ZeroDivisionError" in caplog.text
    (told,) = [one.told() for one in plugged.loaded]
    assert told.faults
    assert (told.breaker, told.last_fault) == ("closed", "ZeroDivisionError: division by zero")


def test_poison_and_health_side_by_side(plugged):
    cloud = plugged(PoisonFilter(), ini={"plugins": {"breaker_faults": 100}})
    made = {"error": [], "active": []}

    def create(number):
        state = "error" if number % 2 else "active"
        made[state].append(cloud.create_server(flavor=CURSED) if number % 2 else cloud.create_server())

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for state, uuids in made.items():
        assert len(uuids) == 10
        cloud.wait_for(uuids, state)


class HangingFilter:
    """Hangs for cursed requests until the test is over."""

    def __init__(self):
        self.over = threading.Event()

    def host_passes(self, host_state, spec):
        return self.over.wait(60) if is_cursed(spec) else True


def test_a_filter_that_hangs_is_shown_to_the_operator_and_harms_its_request_alone(plugged):
    hanging = HangingFilter()
    cloud = plugged(hanging, ini={"plugins": {"plugin_timeout_s": 0.5, "breaker_faults": 2, "breaker_open_s": 8}})
    try:
        healthy = cloud.create_servers(5)
        cursed = [cloud.create_server(flavor=msgspec.structs.replace(CURSED, root_gb=size)) for size in (1, 2)]
        cloud.wait_for(healthy)
        cloud.wait_for(cursed, "error")
        for uuid in cursed:
            assert cloud.server(uuid).fault_message == "No valid host was found. Of 20 hosts, HangingFilter refused 20."

        def alarm():
            rows = cloud.db.read(lambda c: services.list_services(c, down_time_s=60, binary=services.SCHEDULER))
            return rows[0].alarms or ""

        cloud.wait(lambda: "filter HangingFilter is switched off after faults: TimeoutError" in alarm())
        (told,) = [one.told() for one in plugged.loaded]
        assert told.faults >= 2
        assert told.last_fault.startswith("TimeoutError: it has not come back")
    finally:
        hanging.over.set()
    cloud.wait(lambda: _state_of(cloud, cloud.create_server()) == "active", what="it works again", timeout_s=30)
    cloud.wait(lambda: not alarm(), what="the alarm is over")
    assert plugged.loaded[0].told().breaker == "closed"


def _state_of(cloud, uuid):
    cloud.wait(lambda: cloud.server(uuid).step is None)
    return cloud.server(uuid).vm_state
