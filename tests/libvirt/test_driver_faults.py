"""The libvirt driver when things die: its process between two steps, libvirtd under a verb, guests that do not obey."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from corenova.exceptions import ConfigurationError, DriverError, GuestNotFound
from corenova.objects.network import Firewall
from corenova.objects.states import PowerState
from corenova.testing import boot_sector
from tests.libvirt.conftest import NOTHING

pytestmark = [pytest.mark.libvirt, pytest.mark.timeout(300)]
RUNNING, SHUTDOWN = PowerState.RUNNING, PowerState.SHUTDOWN

CHILD = """
import os, signal, sys
from types import SimpleNamespace

import msgspec

from corenova.contracts.driver import DriverContext
from corenova.objects.instance import Instance
from corenova_drivers.libvirt import build
from corenova_drivers.libvirt.driver import LibvirtDriver

said = msgspec.json.decode(sys.stdin.buffer.read())
instance = msgspec.convert(said["instance"], Instance)


class Images:
    def fetch(self, access, file):
        file.write(bytes.fromhex(said["content"]))


def die_after(module, name):
    step = getattr(module, name)

    def last(*arguments, **facts):
        step(*arguments, **facts)
        os.kill(os.getpid(), signal.SIGKILL)

    last.__name__ = name
    setattr(module, name, last)


driver = LibvirtDriver()
driver.configure(SimpleNamespace(**said["section"]))
driver.start(DriverContext(state_path=said["state_path"], deployment_id="ours", address="h", images=Images()))
die_after(build, said["step"])
getattr(driver, said["verb"])("h", instance if said["verb"] == "spawn" else instance.uuid)
"""


@pytest.fixture
def driver(rig):
    return rig.start()


def protected(rig):
    """An instance with a network and a filter of its own."""
    nic = rig.nic()
    return rig.instance(nics=(nic,), firewalls=(Firewall(port_id=nic.port_id),))


def die_in(rig, instance, verb, step):
    """Let another process do the verb, and die as soon as ``step`` is done."""
    said = {
        "instance": msgspec.to_builtins(instance), "content": rig.images.content.hex(), "verb": verb, "step": step,
        "section": vars(rig.section()), "state_path": str(rig.state_path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", CHILD], input=msgspec.json.encode(said), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


BUILD_STEPS = ("_remember", "_make_disks", "_plug", "_filter", "_define", "_create", "_start")


@pytest.mark.parametrize("step", BUILD_STEPS)
def test_a_build_that_died_anywhere_is_finished_by_the_next_process(rig, step):
    instance = protected(rig)
    die_in(rig, instance, "spawn", step)
    driver = rig.start()
    driver.spawn("h", instance)
    assert driver.get_power_state("h", instance.uuid) == RUNNING
    assert instance.nics[0].mac in rig.host.virsh("dumpxml", f"corenova-{instance.uuid}")
    assert {name: len(things) for name, things in rig.left().items()} == dict.fromkeys(NOTHING, 1)
    driver.destroy("h", instance.uuid)
    assert rig.left() == NOTHING


@pytest.mark.parametrize("step", BUILD_STEPS)
def test_of_a_build_that_died_anywhere_a_destroy_leaves_nothing(rig, step):
    instance = protected(rig)
    die_in(rig, instance, "spawn", step)
    driver = rig.start()
    if step in BUILD_STEPS[:4]:
        assert rig.left() == NOTHING, "there is no domain: nobody will ask for what was left"
    driver.destroy("h", instance.uuid)
    assert rig.left() == NOTHING


@pytest.mark.parametrize("step", ["stop", "_unplug", "_undefine"])
def test_a_destroy_that_died_anywhere_is_finished_by_the_next_one(rig, step):
    instance, driver = protected(rig), rig.start()
    driver.spawn("h", instance)
    driver.stop()
    die_in(rig, instance, "destroy", step)
    again = rig.start()
    assert [guest.uuid for guest in again.list_guests("h")] == ([] if step == "_undefine" else [instance.uuid])
    again.destroy("h", instance.uuid)
    assert rig.left() == NOTHING


def test_what_a_failed_build_has_made_is_removed_at_once(rig, driver, monkeypatch):
    from corenova_drivers.libvirt import build

    def refuse(*_arguments):
        raise DriverError("no start today")

    monkeypatch.setattr(build, "_create", refuse)
    instance = protected(rig)
    with pytest.raises(DriverError, match="no start today"):
        driver.spawn("h", instance)
    assert rig.left() == NOTHING


def test_libvirtd_that_is_killed_and_comes_back_during_a_build_costs_nothing(rig, driver, monkeypatch):
    from corenova_drivers.libvirt import build

    define, comeback = build._define, threading.Thread(target=rig.host.start)

    def kill_and_define(*arguments):
        if not comeback.ident:
            rig.host.kill()
            comeback.start()
        define(*arguments)

    monkeypatch.setattr(build, "_define", kill_and_define)
    instance = protected(rig)
    driver.spawn("h", instance)
    comeback.join()
    assert driver.get_power_state("h", instance.uuid) == RUNNING
    driver.destroy("h", instance.uuid)
    assert rig.left() == NOTHING


def test_of_a_build_under_which_libvirtd_went_away_a_later_destroy_leaves_nothing(rig, driver, monkeypatch):
    from corenova_drivers.libvirt import build, connection

    monkeypatch.setattr(connection, "RETURN_S", 0.5)
    define, instance = build._define, protected(rig)

    def kill_and_define(*arguments):
        rig.host.kill()
        define(*arguments)

    monkeypatch.setattr(build, "_define", kill_and_define)
    with pytest.raises(DriverError, match="libvirtd does not answer"):
        driver.spawn("h", instance)
    rig.host.start()
    driver.destroy("h", instance.uuid)
    assert rig.left() == NOTHING


def test_while_libvirtd_is_away_verbs_fail_at_once_and_afterwards_they_work(rig, driver):
    instance = rig.instance()
    driver.spawn("h", instance)
    rig.host.kill()
    begun = time.monotonic()
    for verb in (
        lambda: driver.list_guests("h"),
        lambda: driver.inventory("h"),
        lambda: driver.get_power_state("h", instance.uuid),
        lambda: driver.spawn("h", rig.instance()),
        lambda: driver.destroy("h", instance.uuid),
    ):
        with pytest.raises(DriverError, match="libvirtd does not answer") as error:
            verb()
        assert not isinstance(error.value, GuestNotFound), "away is not gone"
    assert time.monotonic() - begun < 5
    rig.host.start()
    assert [(guest.uuid, guest.power_state) for guest in driver.list_guests("h")] == [(instance.uuid, RUNNING)]


def test_a_libvirtd_that_hangs_does_not_hold_a_verb_for_ever(rig, monkeypatch):
    from corenova_drivers.libvirt import connection

    monkeypatch.setattr(connection, "KEEPALIVE_S", 1)
    monkeypatch.setattr(connection, "KEEPALIVE_COUNT", 2)
    monkeypatch.setattr(connection, "REOPEN_TIMEOUT_S", 1.0)
    monkeypatch.setattr(connection, "RETURN_S", 1.0)
    driver = rig.start()
    pid = rig.host.pid
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        with pytest.raises(DriverError):
            driver.list_guests("h")
        assert time.monotonic() - begun < 15
    finally:
        os.kill(pid, signal.SIGCONT)
    assert driver.list_guests("h") == []


def test_a_libvirtd_that_hangs_and_is_killed_sets_all_free_who_wait_for_it(rig, driver, monkeypatch):
    from corenova_drivers.libvirt import connection

    monkeypatch.setattr(connection, "RETURN_S", 0.5)
    os.kill(rig.host.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(driver.list_guests, "h") for _ in range(8)]
        time.sleep(1)
        begun = time.monotonic()
        rig.host.kill()
    assert time.monotonic() - begun < 15
    assert all(isinstance(one.exception(), DriverError) for one in asked)
    rig.host.start()
    assert driver.list_guests("h") == []


def test_a_guest_that_dies_is_told_of_and_also_after_a_restart_of_libvirtd(rig, driver, until):
    instance = rig.instance()
    driver.spawn("h", instance)

    def is_told_of():
        """A hint may be of what happened before: one counts after which the guest is seen dead."""
        if ("h", instance.uuid) not in rig.hints:
            return False
        rig.hints.clear()
        return driver.get_power_state("h", instance.uuid) in (SHUTDOWN, PowerState.CRASHED)

    for _ in range(2):
        rig.hints.clear()
        os.kill(rig.host.guest_pid(f"corenova-{instance.uuid}"), signal.SIGKILL)
        until(is_told_of)
        rig.host.restart()
        driver.power_on("h", instance)
        assert driver.get_power_state("h", instance.uuid) == RUNNING


def said(driver, instance):
    return driver.get_console_output("h", instance.uuid, most_bytes=10_000)


def test_a_guest_that_is_deaf_is_switched_off_and_rebooted_all_the_same(rig, until):
    driver = rig.start(wait_soft_reboot_seconds=1)
    instance = rig.instance(disk=boot_sector.disk(deaf=True))
    driver.spawn("h", instance)
    until(lambda: b"A " in said(driver, instance))
    driver.reboot("h", instance, hard=False)
    until(lambda: b"B " in said(driver, instance))
    begun = time.monotonic()
    driver.power_off("h", instance.uuid, timeout_s=1)
    assert 1 <= time.monotonic() - begun < 20
    assert driver.get_power_state("h", instance.uuid) == SHUTDOWN


def test_a_guest_that_listens_is_asked_again_and_shuts_down_by_itself(rig, driver):
    """The button is pressed before the guest is up: that press is lost, a later one is not."""
    instance = rig.instance()
    driver.spawn("h", instance)
    driver.power_off("h", instance.uuid, timeout_s=60)
    assert "shutdown" in rig.host.virsh("domstate", f"corenova-{instance.uuid}", "--reason")


FOREIGN = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"""


@pytest.mark.parametrize("same", ["name", "uuid"])
def test_a_foreign_domain_in_the_way_is_left_alone(rig, driver, tmp_path, same):
    instance = rig.instance()
    name, number = f"corenova-{instance.uuid}", str(uuid.uuid4())
    if same == "uuid":
        name, number = "somebody", instance.uuid
    (tmp_path / "foreign.xml").write_text(FOREIGN.format(name=name, uuid=number))
    rig.host.virsh("define", str(tmp_path / "foreign.xml"))
    for verb in (lambda: driver.spawn("h", instance), lambda: driver.reboot("h", instance, hard=True)):
        with pytest.raises(DriverError, match="foreign domain is in the way"):
            verb()
    driver.destroy("h", instance.uuid)
    driver.stop()
    rig.start()
    assert rig.left() == NOTHING | {"domains": [name]}


def test_cleaning_up_leaves_what_is_not_ours(rig, driver, tmp_path):
    other = rig.host.network(4)
    (tmp_path / "filter.xml").write_text("<filter name='corenova-00000000-somebody' chain='root'></filter>")
    rig.host.virsh("nwfilter-define", str(tmp_path / "filter.xml"))
    driver.stop()
    rig.start(deployment_id="theirs")
    assert rig.left() == NOTHING | {"networks": [other.name], "filters": ["corenova-00000000-somebody"]}


def test_the_last_guest_takes_the_network_along_and_no_other(rig, driver):
    first, second = protected(rig), protected(rig)
    for instance in (first, second):
        driver.spawn("h", instance)
    driver.destroy("h", first.uuid)
    assert len(rig.left()["networks"]) == 1
    assert first.nics[0].mac not in rig.host.virsh("net-dumpxml", rig.left()["networks"][0])
    assert second.nics[0].mac in rig.host.virsh("net-dumpxml", rig.left()["networks"][0])
    driver.destroy("h", second.uuid)
    assert rig.left() == NOTHING


def test_a_network_that_is_down_is_started_with_the_guest(rig, driver):
    instance = protected(rig)
    driver.spawn("h", instance)
    driver.power_off("h", instance.uuid, timeout_s=0)
    (network,) = rig.left()["networks"]
    rig.host.virsh("net-destroy", network)
    driver.power_on("h", instance)
    assert driver.get_power_state("h", instance.uuid) == RUNNING


def test_without_libvirtd_the_start_says_so_in_a_line(rig, tmp_path):
    with pytest.raises(ConfigurationError, match="libvirt is not running") as error:
        rig.start(connection_uri=f"qemu+unix:///system?socket={tmp_path}/none")
    assert "\n" not in str(error.value)


def test_without_permission_the_start_says_so_in_a_line(rig):
    (rig.host.directory / "run-libvirt" / "libvirt-sock").chmod(0o700)
    program = (
        f"from corenova_drivers.libvirt.connection import Connection\nConnection({rig.host.uri!r}).open(timeout_s=30)\n"
    )
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run([*nobody, sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    if "No module named" in done.stderr or "Permission denied: " in done.stderr:
        pytest.skip("nobody may not read this tree")
    last = done.stderr.strip().splitlines()[-1]
    assert "ConfigurationError" in last and "no permission" in last, done.stderr


def test_what_a_guest_asks_for_and_cannot_have_is_refused_in_a_sentence(rig, driver):
    from corenova.exceptions import BuildAbort

    for wish, value in {
        "hw_machine_type": "steam-engine", "hw_disk_bus": "tram", "hw_vif_model": "drum", "hw_firmware_type": "uefi",
        "hw_video_model": "lantern",
    }.items():  # fmt: skip
        nic = rig.nic()
        with pytest.raises(BuildAbort, match=wish):
            driver.spawn("h", rig.instance(nics=(nic,), **{wish: value}))
    assert rig.left() == NOTHING
