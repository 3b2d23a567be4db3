"""Guests outlive the process: restarts, SIGKILL, torn files, power cuts, and two processes at once."""

import json
import os
import signal
import subprocess
import sys

import pytest

from corenova.exceptions import ConfigurationError, DriverError
from corenova_drivers import fake_journal
from corenova_drivers.fake_store import read_history

H1 = "fake-001"

CHILD = """
import sys, uuid
from corenova.contracts.driver import DriverContext
from corenova.objects.instance import Instance
from corenova.objects.request_spec import Flavor
from corenova_drivers.fake import FakeDriver

driver = FakeDriver()
driver.start(DriverContext(state_path=sys.argv[1], deployment_id="ours", address="compute"))
flavor = Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1)
kept = None
while True:
    instance = Instance(
        uuid=str(uuid.uuid4()), display_name="vm", hostname="vm", project_id="p", user_id="u", flavor=flavor
    )
    driver.spawn("fake-001", instance)
    print("+", instance.uuid, flush=True)
    if kept:
        print("?", kept, flush=True)
        driver.destroy("fake-001", kept)
        print("-", kept, flush=True)
        kept = None
    else:
        kept = instance.uuid
"""


def run_child(state_path):
    return subprocess.Popen([sys.executable, "-c", CHILD, str(state_path)], stdout=subprocess.PIPE, text=True)


def journal_of(tmp_path):
    return tmp_path / "fake" / "journal.jsonl"


def test_guests_survive_a_restart(start, make_instance):
    driver, gone, stopped = start(), make_instance(), make_instance()
    for instance in (gone, stopped):
        driver.spawn(H1, instance)
    driver.power_off(H1, stopped.uuid, timeout_s=0)
    driver.destroy(H1, gone.uuid)
    before = driver.list_guests(H1)
    driver.stop()
    assert start().list_guests(H1) == before


def test_guests_survive_sigkill(start, tmp_path):
    running = set()
    for lines in (5, 50, 300):
        child = run_child(tmp_path)
        output = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        output += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        said = [line.split() for line in output if line.endswith("\n")]
        spawned, ordered, destroyed = ({uuid for sign, uuid in said if sign == wanted} for wanted in "+?-")
        driver = start()
        found = {guest.uuid for guest in driver.list_guests(H1)}
        driver.stop()
        # The last verb may have happened without its caller having heard of it; nothing else may differ.
        assert (running | spawned) - ordered <= found
        assert not found & destroyed
        assert len(found - running - spawned) <= 1
        running = found


def test_a_second_process_is_refused(start, tmp_path):
    child = run_child(tmp_path)
    try:
        child.stdout.readline()
        with pytest.raises(ConfigurationError, match=f"pid {child.pid}.*state_path of its own"):
            start()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert start().list_guests(H1)


@pytest.mark.parametrize("keep_history", [False, True])
def test_a_torn_tail_costs_only_the_torn_record(start, make_instance, tmp_path, keep_history):
    driver, whole, torn, later = start(), make_instance(), make_instance(), make_instance()
    driver.spawn(H1, whole)
    driver.spawn(H1, torn)
    driver.stop()
    with journal_of(tmp_path).open("r+b") as file:
        file.truncate(os.path.getsize(file.name) - 20)
    driver = start(keep_history=keep_history)
    assert [guest.uuid for guest in driver.list_guests(H1)] == [whole.uuid]
    driver.spawn(H1, later)
    driver.stop()
    assert [guest.uuid for guest in start().list_guests(H1)] == [whole.uuid, later.uuid]


def test_a_full_disk_fails_the_spawn_and_spoils_nothing(start, make_instance, monkeypatch):
    driver, first, failed, later = start(), make_instance(), make_instance(), make_instance()
    driver.spawn(H1, first)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(fake_journal.os, "write", lambda fd, data: write(fd, data[:10]))
        with pytest.raises(DriverError, match="disk is full"):
            driver.spawn(H1, failed)
    driver.spawn(H1, later)
    driver.stop()
    assert [guest.uuid for guest in start().list_guests(H1)] == [first.uuid, later.uuid]


@pytest.mark.parametrize("keep_history", [False, True])
def test_power_cut(start, make_instance, keep_history):
    driver, instance = start(), make_instance()
    driver.spawn(H1, instance)
    driver.stop()
    driver = start(power_cut=True, keep_history=keep_history)
    assert driver.list_guests(H1) == []
    driver.stop()
    assert start().list_guests(H1) == []


def test_the_journal_is_compacted_at_the_start(start, make_instance, tmp_path):
    driver, instance = start(), make_instance()
    for _ in range(5):
        driver.spawn(H1, instance)
        driver.destroy(H1, instance.uuid)
    driver.spawn(H1, instance)
    driver.stop()
    start().stop()
    (line,) = journal_of(tmp_path).read_text().splitlines()
    assert json.loads(line)["uuid"] == instance.uuid


def test_history_tells_double_spawns(start, make_instance, tmp_path):
    instance = make_instance()
    for host in (H1, "fake-002"):
        driver = start(keep_history=True)
        driver.spawn(host, instance)
        driver.spawn(host, instance)
        driver.destroy(host, instance.uuid)
        driver.stop()
    spawns = [(record["host"], record["uuid"]) for record in read_history(tmp_path) if record["op"] == "spawn"]
    assert spawns == [(H1, instance.uuid), ("fake-002", instance.uuid)]
