"""ProcessDriver: the contract, with namespaces where they are to be had; what may go wrong with pids; and a cloud."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from process_driver import ProcessDriver
from process_guests import NAMESPACES, Guests

from corenova import loader
from corenova.contracts.driver import DriverContext
from corenova.exceptions import PluginError
from corenova.objects.states import PowerState
from corenova.testing.builders import instance
from corenova.testing.configuration import configuration
from corenova.testing.suites import DriverSuite

CAN_UNSHARE = subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode == 0
SLEEP = f"sleep {random.randrange(10**6, 10**7)}"
"""What no other process of this machine does."""
COMMAND = f"""sh -c 'echo "$$NAME is up with $$VCPUS vCPUs"; exec {SLEEP}'"""
OBEDIENT = """sh -c 'trap "echo bye; exit" TERM; echo up; while :; do sleep 0.05; done'"""
STUBBORN = f"""sh -c 'trap "" TERM; echo up; exec {SLEEP}'"""
INI = {"ProcessDriver": {"command": COMMAND, "namespaces": CAN_UNSHARE}}


@pytest.fixture(autouse=True)
def clear(tmp_path):
    """Kill every guest below the test's directory, wherever its state is."""
    yield
    for folder in tmp_path.rglob("process"):
        if folder.is_dir():
            guests = Guests(folder, [], namespaces=False)
            for record in guests.all():
                guests.remove(record.uuid)


def left():
    """Return the command lines of guests that still run, of whatever test."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [line for line in lines if SLEEP in line]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left():
    """When all is over no guest runs any more."""
    yield
    until = time.monotonic() + 30  # those behind the first of a guest take a moment to be dead
    while left():
        assert time.monotonic() < until, left()
        time.sleep(0.01)


class TestContract(DriverSuite):
    plugin = ProcessDriver
    ini = INI
    threads_guests = 2
    boot_s = 30.0


@pytest.fixture
def make(tmp_path):
    """Return a function that starts the driver with a command of the test's own."""

    def started(command=COMMAND, **options):
        conf = configuration({"ProcessDriver": {"namespaces": False, "command": command, **options}})
        driver = loader.load_one(conf, loader.DRIVERS, loader.give(conf, loader.DRIVERS, ProcessDriver)).object
        driver.start(DriverContext(state_path=str(tmp_path), deployment_id="ours", address="here"))
        return driver

    return started


def up(driver, server):
    """Spawn a guest and wait until it has said something."""
    driver.spawn("here", server)
    while not said(driver, server):
        assert driver.get_power_state("here", server.uuid) == PowerState.RUNNING
    return server


def said(driver, server):
    return driver.get_console_output("here", server.uuid, most_bytes=1000).decode()


def test_a_guest_is_asked_first_and_one_that_does_not_obey_is_killed(make):
    obedient, stubborn = instance("a"), instance("b")
    driver = make(OBEDIENT)
    driver.power_off("here", up(driver, obedient).uuid, timeout_s=30)
    assert said(driver, obedient).endswith("bye\n")
    driver = make(STUBBORN)
    driver.power_off("here", up(driver, stubborn).uuid, timeout_s=0.01)
    assert driver.get_power_state("here", stubborn.uuid) == PowerState.SHUTDOWN


def test_a_pid_that_somebody_else_has_by_now_is_not_the_guest(make, tmp_path):
    driver, server = make(), instance()
    driver.spawn("here", server)
    driver.power_off("here", server.uuid, timeout_s=0)
    somebody = subprocess.Popen(["sleep", "60"])
    try:
        stat = tmp_path / "process" / f"{server.uuid}.stat"
        pid, _, rest = stat.read_text().partition(" ")
        stat.write_text(f"{somebody.pid} {rest}")
        assert driver.get_power_state("here", server.uuid) == PowerState.SHUTDOWN
        driver.power_off("here", server.uuid, timeout_s=0)
        driver.destroy("here", server.uuid)
        assert somebody.poll() is None, f"{somebody.pid} was killed in place of {pid}"
    finally:
        somebody.kill()
        somebody.wait()


def test_a_crash_between_record_and_process_leaves_a_guest_that_is_shut_down(make, tmp_path):
    driver, server = make(), instance()
    driver.spawn("here", server)
    driver.power_off("here", server.uuid, timeout_s=0)
    (tmp_path / "process" / f"{server.uuid}.stat").unlink()
    (tmp_path / "process" / f"{server.uuid}.json.new").write_text("{")
    assert [guest.power_state for guest in make().list_guests("here")] == [PowerState.SHUTDOWN]
    driver.spawn("here", server)
    assert [guest.power_state for guest in driver.list_guests("here")] == [PowerState.RUNNING]


@pytest.mark.skipif(not CAN_UNSHARE, reason="namespaces need root")
def test_a_guest_in_namespaces_sees_its_own_processes_alone(make):
    driver, server = make(f"sh -c 'echo $$$$; ls /proc; exec {SLEEP}'", namespaces=True), instance()
    up(driver, server)
    while "zoneinfo" not in said(driver, server):  # the last that ls prints
        assert driver.get_power_state("here", server.uuid) == PowerState.RUNNING
    number, *names = said(driver, server).split()
    assert int(number) < 10 and str(os.getpid()) not in names


@pytest.mark.parametrize("command", ["", "no-such-program-here --at all", "sh -c 'unfinished"])
def test_a_command_that_cannot_be_run_stops_the_start(make, command):
    with pytest.raises(PluginError, match="command ="):
        make(command)


@pytest.mark.cloud(driver=ProcessDriver, ini=INI)
def test_servers_are_processes_that_print_and_outlive_the_compute(cloud):
    servers = cloud.create_servers(3, name="web")
    cloud.wait_active(*servers)
    host = cloud.server(servers[0]).host

    def consoles():
        driver = cloud.driver
        return sorted(driver.get_console_output(host, uuid, most_bytes=100).decode() for uuid in servers)

    cloud.wait(lambda: consoles() == [f"web-{n} is up with 1 vCPUs\n" for n in (1, 2, 3)], what="all have spoken")
    cloud.kill("compute")
    cloud.start("compute")
    assert set(cloud.guests()) == set(servers)
    pid, *_ = (cloud.path / "state" / "process" / f"{servers[0]}.stat").read_text().split()
    os.killpg(int(pid), signal.SIGKILL)
    cloud.wait_for(servers[0], "stopped")  # the comparison of guests and rows has seen it
    for uuid in servers:
        cloud.delete_server(uuid)
    cloud.wait(lambda: not left(), what="no process is left")
