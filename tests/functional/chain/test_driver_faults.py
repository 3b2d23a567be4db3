"""F21, F22 and F24 for drivers: one that raises, hangs or lies harms what it was asked about, and is found out."""

import contextlib
import threading
from collections import Counter

import msgspec
import pytest
import sqlalchemy as sa

from corenova import loader
from corenova.db import services
from corenova.db.schema import inventories
from corenova.exceptions import InsufficientResources, NotFound
from corenova.objects.host_state import Inventory


class Trouble:
    """Stands before a driver's verbs: ``plan`` has by verb what is called first, with the host and whatever follows.

    What a plan returns other than None is the answer.
    """

    def __init__(self, driver):
        self._driver = driver
        self.plan = {}
        self.calls = Counter()
        self.hung = 0
        self.over = threading.Event()

    def __getattr__(self, name):
        verb = getattr(self._driver, name)
        if not callable(verb) or name in ("start", "stop", "hosts"):
            return verb

        def call(host, *arguments, **named):
            self.calls[name, host] += 1
            answer = self.plan[name](host, *arguments) if name in self.plan else None
            return verb(host, *arguments, **named) if answer is None else answer

        return call

    def hang(self, *_):
        """Hang until the test is over."""
        self.hung += 1
        assert self.over.wait(60)


@pytest.fixture
def make_troubled(monkeypatch, make_cloud):
    """Give a function that makes a cloud whose driver misbehaves as its ``plan`` says; returns both."""
    made = []
    load_one = loader.load_one

    def load_troubled(conf, group, name):
        plugin = load_one(conf, group, name)
        if group != loader.DRIVERS:
            return plugin
        made.append(Trouble(plugin.object))
        return msgspec.structs.replace(plugin, object=made[-1])

    def make(**sections):
        monkeypatch.setattr(loader, "load_one", load_troubled)
        cloud = make_cloud(sections)
        return cloud, made[-1]

    yield make
    for trouble in made:
        trouble.over.set()


def every(nth, do):
    """Return what calls ``do`` each ``nth`` time."""
    lock, calls = threading.Lock(), [0]

    def call(*arguments):
        with lock:
            calls[0] += 1
            is_turn = calls[0] % nth == 0
        return do(*arguments) if is_turn else None

    return call


def poison(*_):
    raise RuntimeError("poison")


def raise_on_one_of_ten(make_troubled, servers):
    cloud, trouble = make_troubled(fake={"hosts": 13})  # not 10: one host would have all the faults
    trouble.plan["spawn"] = every(10, poison)
    uuids = [uuid for _ in range(servers // 10) for uuid in cloud.create_servers(10)]
    cloud.wait_settled()
    states = Counter(cloud.server(uuid).vm_state for uuid in uuids)
    account = cloud.driver.plugin.told()
    spawns = sum(count for (verb, _), count in trouble.calls.items() if verb == "spawn")
    assert account.faults == spawns // 10 >= servers // 10
    assert account.last_fault == "spawn: RuntimeError: poison"
    assert states["active"] >= servers * 0.97, "another host is tried, and fails one time in ten again"
    for uuid in uuids:
        row = cloud.server(uuid)
        assert row.vm_state == "active" or row.fault_message.endswith("Last reason: the hypervisor could not build it")
    assert account.breaker == "closed", "faults at odd requests switch no host off"
    assert len(cloud.guests()) == states["active"]


def test_a_driver_that_raises_on_one_build_of_ten(make_troubled):
    raise_on_one_of_ten(make_troubled, 50)


@pytest.mark.chaos
def test_a_driver_that_raises_on_one_build_of_ten_a_thousand_times(make_troubled):
    raise_on_one_of_ten(make_troubled, 1000)


def test_builds_that_hang_go_elsewhere_and_hold_up_nobody(make_troubled):
    cloud, trouble = make_troubled()
    cloud.driver.expect(build_s=1.0, snapshot_s=60.0)
    trouble.plan["spawn"] = every(20, trouble.hang)
    uuids = cloud.create_servers(40)
    cloud.wait_for(uuids)
    assert cloud.driver.plugin.told().faults == 2
    alarms = cloud.driver.alarms()
    assert len(alarms) == 2
    for alarm in alarms:
        words = alarm.split()
        assert (words[:4], words[5]) == (["driver", "fake:", "spawn", "of"], "on")
        assert cloud.server(words[4]).host != words[6], "it was built on another host"
    trouble.over.set()
    cloud.wait(lambda: not cloud.driver.overdue(), what="they come back")
    cloud.wait(lambda: len(cloud.guests()) == 40, what="what they have built too late is undone")
    assert cloud.guests() == {uuid: cloud.server(uuid).host for uuid in uuids}


def test_deletes_that_hang_are_told_to_their_users_and_hold_up_nobody(make_troubled):
    cloud, trouble = make_troubled(compute={"driver_timeout_s": 0.3, "threads": 32}, fake={"hosts": 2})
    uuids = cloud.create_servers(20)
    cloud.wait_for(uuids)
    sick = cloud.server(uuids[0]).host
    trouble.plan["destroy"] = lambda host, uuid: trouble.hang() if host == sick else None
    hanging = [uuid for uuid in uuids if cloud.server(uuid).host == sick]
    others = [uuid for uuid in uuids if uuid not in hanging]
    for uuid in (*hanging, *others):
        cloud.delete(uuid)
    cloud.wait_for(others, "deleted")
    said = "The server could not be destroyed yet; it is tried again."
    cloud.wait(lambda: {cloud.server(uuid).fault_message for uuid in hanging} == {said}, what="users are told")
    assert trouble.calls["destroy", sick] < len(hanging), "no more threads are lost there"
    trouble.over.set()
    for uuid in hanging:
        with contextlib.suppress(NotFound):  # some have come to their end meanwhile
            cloud.delete(uuid)
    cloud.wait_for(hanging, "deleted")


def heard_of(cloud):
    return cloud.db.read(lambda c: services.list_services(c, down_time_s=60, binary=services.COMPUTE)[0].last_seen_at)


def vcpus(cloud, host):
    wanted = (inventories.c.host == host, inventories.c.resource_class == "VCPU")
    return cloud.db.read(lambda c: c.execute(sa.select(inventories.c.total).where(*wanted)).scalar_one())


def test_a_host_that_hangs_or_lies_keeps_what_it_told_last_and_the_others_are_heard(make_troubled):
    cloud, trouble = make_troubled(compute={"driver_timeout_s": 0.3}, fake={"hosts": 3})
    hanging, lying, honest = cloud.driver.hosts()
    before = vcpus(cloud, lying)

    def inventory(host):
        if host == hanging:
            trouble.hang()
        told = trouble._driver.inventory(host)
        amount = Inventory(total=-1 if host == lying else before + 1)
        return msgspec.structs.replace(told, inventories={**told.inventories, "VCPU": amount})

    def list_guests(host):
        return trouble.hang() if host == hanging else [f"guest of {host}"] if host == lying else None

    trouble.plan |= {"inventory": inventory, "list_guests": list_guests}
    uuids = cloud.create_servers(3)
    cloud.wait_for(uuids)
    cloud.wait(lambda: vcpus(cloud, honest) == before + 1, what="the honest host is heard")
    seen = heard_of(cloud)
    cloud.wait(lambda: heard_of(cloud) > seen, what="heartbeats go on")
    assert [vcpus(cloud, host) for host in (hanging, lying)] == [before, before]
    alarms = "\n".join(cloud.driver.alarms())
    assert f"driver fake: inventory on {hanging} has not come back for" in alarms
    assert f"driver fake: inventory of {lying} is refused: Lie: VCPU: total must be from 1" in alarms
    assert f"driver fake: list_guests of {lying} is refused: Lie: among the guests is str" in alarms
    assert trouble.hung == 2, "what hangs is not asked again"
    trouble.plan.clear()
    trouble.over.set()
    cloud.wait(lambda: not cloud.driver.alarms(), what="all is well again")


def test_a_host_on_which_every_build_fails_gets_none_for_a_while(make_troubled):
    cloud, trouble = make_troubled(
        plugins={"breaker_faults": 2, "breaker_open_s": 1.5}, fake={"hosts": 1}, scheduler={"max_attempts": 1}
    )
    (host,) = cloud.driver.hosts()
    keep = cloud.create_server()
    cloud.wait_for(keep)
    trouble.plan["spawn"] = poison
    for words in (
        "the hypervisor could not build it",
        "the hypervisor could not build it",
        "the host could not take it",
    ):
        uuid = cloud.create_server()
        cloud.wait_for(uuid, "error")
        assert cloud.server(uuid).fault_message.endswith(f"Last reason: {words}")
    assert trouble.calls["spawn", host] == 3, "it was not asked again"
    assert cloud.driver.plugin.told().breaker == "open"
    (alarm,) = cloud.driver.alarms()
    assert alarm.startswith(f"building of driver fake on host {host} is switched off after faults: Driver fake of")
    with pytest.raises(InsufficientResources):
        cloud.driver.spawn(host, None)
    cloud.delete(keep)
    cloud.wait_for(keep, "deleted")
    trouble.plan.clear()

    def is_built():
        uuid = cloud.create_server()
        cloud.wait(lambda: cloud.server(uuid).step is None)
        return cloud.server(uuid).vm_state == "active"

    cloud.wait(is_built, what="a trial has succeeded")
    assert (cloud.driver.alarms(), cloud.driver.plugin.told().breaker) == ([], "closed")
