"""The verbs of the abilities (contracts/driver_abilities.py), on every driver that declares them.

What a guest has is seen through the contract too: its power state, its console, the macs in its diagnostics.
"""

import time

import msgspec
import pytest

from corenova.contracts.driver_abilities import ConsoleAddress, Diagnostics
from corenova.exceptions import DriverError, GuestNotFound
from corenova.objects.image import ImageAccess
from corenova.objects.network import Firewall, SecurityRule
from corenova.objects.states import PowerState

RUNNING, PAUSED, SHUTDOWN, SUSPENDED = (
    PowerState.RUNNING, PowerState.PAUSED, PowerState.SHUTDOWN, PowerState.SUSPENDED,
)  # fmt: skip
TARGET = ImageAccess(image_id="00000000-0000-4000-8000-00000000000a", url="file:")
SSH = SecurityRule(
    direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22, remotes=("10.0.0.0/8",)
)
ANY = tuple(SecurityRule(direction="egress", ethertype=one) for one in ("IPv4", "IPv6"))


@pytest.fixture
def needs(driver):
    """Return a function that skips the test unless the driver has the ability."""

    def check(*flags):
        for flag in flags:
            if not getattr(driver.abilities, flag):
                pytest.skip(f"the driver declares no {flag}")

    return check


@pytest.fixture
def state(driver, host, guest):
    """Return a function that returns the guest's power state."""
    return lambda: driver.get_power_state(host, guest.uuid)


@pytest.fixture
def booted(driver, host, variant):
    """Return a function that waits until a guest is up, which is when its console has something new."""
    seen = {}

    def wait(instance):
        deadline = time.monotonic() + variant.boot_s
        while variant.boot_s and driver.abilities.supports_console_output:
            said = driver.get_console_output(host, instance.uuid, most_bytes=100_000)
            if said.count(b"\n") > seen.get(instance.uuid, 0):
                seen[instance.uuid] = said.count(b"\n")
                return
            assert time.monotonic() < deadline, f"the guest does not come up; it has said {said!r}"
            time.sleep(0.05)

    return wait


def macs(driver, host, instance):
    return {nic["mac_address"] for nic in driver.get_diagnostics(host, instance.uuid).nics}


def twice(act):
    for _ in range(2):
        act()


def test_a_pause_holds_and_an_unpause_lets_go(needs, driver, host, guest, state):
    needs("supports_pause")
    twice(lambda: driver.unpause(host, guest.uuid))
    assert state() == RUNNING
    twice(lambda: driver.pause(host, guest.uuid))
    assert state() == PAUSED
    twice(lambda: driver.unpause(host, guest.uuid))
    assert state() == RUNNING


@pytest.mark.parametrize("before", ["running", "paused"])
def test_a_suspended_guest_goes_on(needs, driver, host, guest, state, before):
    needs("supports_suspend", *(["supports_pause"] if before == "paused" else []))
    if before == "paused":
        driver.pause(host, guest.uuid)
    twice(lambda: driver.suspend(host, guest.uuid))
    assert state() in (SUSPENDED, SHUTDOWN)
    twice(lambda: driver.resume(host, guest))
    assert state() == RUNNING


WAYS_OUT = {
    "power_off": (lambda d, h, i: d.power_off(h, i.uuid, timeout_s=1), SHUTDOWN),
    "power_on": (lambda d, h, i: d.power_on(h, i), RUNNING),
    "hard reboot": (lambda d, h, i: d.reboot(h, i, hard=True), RUNNING),
    "destroy": (lambda d, h, i: d.destroy(h, i.uuid), None),
}


@pytest.mark.parametrize("way_out", WAYS_OUT)
@pytest.mark.parametrize("held", ["paused", "suspended"])
def test_a_guest_that_is_held_obeys_the_required_verbs(needs, driver, host, guest, state, held, way_out):
    needs("supports_pause" if held == "paused" else "supports_suspend")
    (driver.pause if held == "paused" else driver.suspend)(host, guest.uuid)
    act, end = WAYS_OUT[way_out]
    act(driver, host, guest)
    if end is None:
        assert driver.list_guests(host) == []
    else:
        assert state() == end


def test_a_guest_that_is_shut_down_cannot_be_paused_or_suspended(needs, driver, host, guest, state):
    needs("supports_pause", "supports_suspend")
    driver.power_off(host, guest.uuid, timeout_s=0)
    for verb in (driver.pause, driver.suspend):
        with pytest.raises(DriverError):
            verb(host, guest.uuid)
    assert state() == SHUTDOWN


def test_rescue_and_back(needs, driver, host, guest, state, booted):
    needs("supports_rescue")
    twice(lambda: driver.rescue(host, guest))
    assert state() == RUNNING
    booted(guest)
    driver.reboot(host, guest, hard=True)  # it stays in rescue
    assert state() == RUNNING
    twice(lambda: driver.unrescue(host, guest))
    assert state() == RUNNING
    driver.destroy(host, guest.uuid)
    assert driver.list_guests(host) == []


def test_a_guest_that_is_shut_down_can_be_rescued(needs, driver, host, guest, state):
    needs("supports_rescue")
    driver.power_off(host, guest.uuid, timeout_s=0)
    driver.rescue(host, guest)
    assert state() == RUNNING


@pytest.mark.parametrize("before", ["running", "paused", "shut down", "suspended"])
def test_a_snapshot_sends_the_disk_and_leaves_the_guest_as_it_was(needs, driver, host, guest, variant, state, before):
    needs("supports_snapshot", "supports_pause", "supports_suspend")
    {
        "running": lambda: None,
        "paused": lambda: driver.pause(host, guest.uuid),
        "shut down": lambda: driver.power_off(host, guest.uuid, timeout_s=0),
        "suspended": lambda: driver.suspend(host, guest.uuid),
    }[before]()
    was = state()
    twice(lambda: driver.snapshot(host, guest, TARGET))
    disk_format, content = variant.images.sent[TARGET.image_id]
    assert disk_format in ("raw", "qcow2") and content
    assert state() == was


def test_a_snapshot_that_cannot_be_sent_harms_nobody(needs, driver, host, guest, variant, state, tmp_path):
    needs("supports_snapshot")
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    variant.images.failure = DriverError("the image service wants no more")
    with pytest.raises(DriverError, match="wants no more"):
        driver.snapshot(host, guest, TARGET)
    assert state() == RUNNING
    left = {path for path in tmp_path.rglob("*") if path.is_file()} - files
    assert not [path for path in left if "lock" not in path.parts and "locks" not in path.parts]
    variant.images.failure = None
    driver.snapshot(host, guest, TARGET)
    assert TARGET.image_id in variant.images.sent


def test_the_console_output_is_the_end_of_what_the_guest_said(needs, driver, host, guest, booted):
    needs("supports_console_output")
    booted(guest)
    said = driver.get_console_output(host, guest.uuid, most_bytes=1000)
    assert said
    assert driver.get_console_output(host, guest.uuid, most_bytes=3) == said[-3:]
    driver.power_off(host, guest.uuid, timeout_s=0)
    assert driver.get_console_output(host, guest.uuid, most_bytes=1000).startswith(said)


def test_a_running_guest_has_consoles_and_one_that_is_down_has_none(needs, driver, host, guest):
    needs("supports_remote_console")
    vnc, serial = (driver.get_console(host, guest.uuid, kind) for kind in ("vnc", "serial"))
    assert isinstance(vnc, ConsoleAddress) and (vnc.kind, bool(vnc.port)) == ("vnc", True)
    assert serial.kind == "serial" and (serial.port or serial.path)
    media_type, picture = driver.screenshot(host, guest.uuid)
    assert media_type.startswith("image/") and picture
    driver.power_off(host, guest.uuid, timeout_s=0)
    for wrong in ("vnc", "serial", "telegraph"):
        with pytest.raises(DriverError):
            driver.get_console(host, guest.uuid, wrong)


@pytest.mark.parametrize("before", ["running", "shut down"])
def test_interfaces_come_and_go(needs, driver, host, guest, variant, make_nic, before):
    needs("supports_attach_interface", "supports_diagnostics")
    first, second = make_nic(), make_nic()
    if before == "shut down":
        driver.power_off(host, guest.uuid, timeout_s=0)
    with_first = msgspec.structs.replace(guest, nics=(first,))
    with_both = msgspec.structs.replace(guest, nics=(first, second))
    twice(lambda: driver.attach_interface(host, with_first, first))
    assert macs(driver, host, guest) == {first.mac}
    driver.attach_interface(host, with_both, second)
    assert macs(driver, host, guest) == {first.mac, second.mac}
    if not variant.lets_go:
        driver.power_off(host, guest.uuid, timeout_s=0)
    twice(lambda: driver.detach_interface(host, with_both, first))
    assert macs(driver, host, guest) == {second.mac}
    driver.power_on(host, msgspec.structs.replace(guest, nics=(second,)))
    assert macs(driver, host, guest) == {second.mac}


def test_a_guest_has_the_interfaces_it_was_built_with_and_a_hard_reboot_gives_it_those_of_the_order(
    needs, driver, host, make_instance, make_nic
):
    needs("supports_attach_interface", "supports_diagnostics")
    first, second = make_nic(), make_nic()
    instance = make_instance(nics=(first, second))
    driver.spawn(host, instance)
    assert macs(driver, host, instance) == {first.mac, second.mac}
    driver.reboot(host, instance, hard=True)
    assert macs(driver, host, instance) == {first.mac, second.mac}


def test_filters_are_put_on_and_changed_while_the_guest_runs(needs, driver, host, make_instance, make_nic, variant):
    needs("supports_firewall")
    nics = (make_nic(), make_nic())
    instance = make_instance(nics=nics, firewalls=(Firewall(port_id=nics[0].port_id, rules=(SSH, *ANY)),))
    driver.spawn(host, instance)
    twice(lambda: driver.apply_firewall(host, instance.uuid, (Firewall(port_id=nics[1].port_id, rules=ANY),)))
    driver.apply_firewall(host, instance.uuid, ())
    driver.apply_firewall(host, instance.uuid, (Firewall(port_id="00000000-0000-4000-8000-00000000000b", rules=ANY),))
    assert driver.get_power_state(host, instance.uuid) == RUNNING
    driver.destroy(host, instance.uuid)


def test_diagnostics_count(needs, driver, host, guest, booted):
    needs("supports_diagnostics")
    booted(guest)
    found = driver.get_diagnostics(host, guest.uuid)
    assert isinstance(found, Diagnostics)
    assert (found.state, bool(found.driver)) == ("running", True)


NOT_THERE = {
    "pause": ("supports_pause", lambda d, h, i: d.pause(h, i.uuid)),
    "unpause": ("supports_pause", lambda d, h, i: d.unpause(h, i.uuid)),
    "suspend": ("supports_suspend", lambda d, h, i: d.suspend(h, i.uuid)),
    "resume": ("supports_suspend", lambda d, h, i: d.resume(h, i)),
    "rescue": ("supports_rescue", lambda d, h, i: d.rescue(h, i)),
    "unrescue": ("supports_rescue", lambda d, h, i: d.unrescue(h, i)),
    "snapshot": ("supports_snapshot", lambda d, h, i: d.snapshot(h, i, TARGET)),
    "get_console_output": ("supports_console_output", lambda d, h, i: d.get_console_output(h, i.uuid, most_bytes=9)),
    "get_console": ("supports_remote_console", lambda d, h, i: d.get_console(h, i.uuid, "vnc")),
    "screenshot": ("supports_remote_console", lambda d, h, i: d.screenshot(h, i.uuid)),
    "attach_interface": ("supports_attach_interface", lambda d, h, i: d.attach_interface(h, i, i.nics[0])),
    "detach_interface": ("supports_attach_interface", lambda d, h, i: d.detach_interface(h, i, i.nics[0])),
    "apply_firewall": ("supports_firewall", lambda d, h, i: d.apply_firewall(h, i.uuid, ())),
    "get_diagnostics": ("supports_diagnostics", lambda d, h, i: d.get_diagnostics(h, i.uuid)),
}


def test_no_verb_finds_a_guest_that_is_not_there(driver, host, make_instance, make_nic):
    instance = make_instance(nics=(make_nic(),))
    for verb, (flag, act) in NOT_THERE.items():
        if getattr(driver.abilities, flag):
            with pytest.raises(GuestNotFound):
                act(driver, host, instance)
                pytest.fail(f"{verb} did something")


def test_every_verb_of_a_declared_ability_is_there(driver):
    for verb, (flag, _) in NOT_THERE.items():
        assert not getattr(driver.abilities, flag) or callable(getattr(driver, verb, None)), verb


def test_what_was_done_to_a_guest_outlives_the_process(needs, driver, host, make_instance, make_nic, start):
    needs("supports_pause", "supports_attach_interface", "supports_diagnostics")
    nic = make_nic()
    instance = make_instance()
    driver.spawn(host, instance)
    driver.attach_interface(host, msgspec.structs.replace(instance, nics=(nic,)), nic)
    driver.pause(host, instance.uuid)
    driver.stop()
    again = start()
    assert again.get_power_state(host, instance.uuid) == PAUSED
    assert macs(again, host, instance) == {nic.mac}
