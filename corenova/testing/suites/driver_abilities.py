"""The verbs of a driver's abilities (corenova/contracts/driver_abilities.py) as tests, for drivers that declare them.

What a guest has is seen through the contract too: its power state, its console, the macs in its diagnostics.
"""

import time

import msgspec
import pytest

from corenova.contracts import driver_abilities as abilities
from corenova.contracts.driver import Abilities
from corenova.contracts.driver_abilities import (
    ConsoleAddress,
    ConsoleReading,
    Diagnosing,
    Diagnostics,
    Filtering,
    Pausing,
    Plugging,
    RemoteConsole,
    Rescuing,
    Snapshotting,
    Suspending,
)
from corenova.exceptions import DriverError, GuestNotFound
from corenova.objects.image import ImageAccess
from corenova.objects.network import Firewall, SecurityRule
from corenova.objects.states import PowerState
from corenova.testing.suites.driver_ground import DriverGround
from corenova.testing.words import contract

RUNNING, PAUSED, SHUTDOWN, SUSPENDED = (
    PowerState.RUNNING, PowerState.PAUSED, PowerState.SHUTDOWN, PowerState.SUSPENDED,
)  # fmt: skip
TARGET = ImageAccess(image_id="00000000-0000-4000-8000-00000000000a", url="file:")
SSH = SecurityRule(
    direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22, remotes=("10.0.0.0/8",)
)
ANY = tuple(SecurityRule(direction="egress", ethertype=one) for one in ("IPv4", "IPv6"))


def macs(driver, host, instance):
    """Return the macs of a guest's interfaces."""
    return {nic["mac_address"] for nic in driver.get_diagnostics(host, instance.uuid).nics}


def twice(act):
    """Do it, and do it again."""
    for _ in range(2):
        act()


WAYS_OUT = {
    "power_off": (lambda d, h, i: d.power_off(h, i.uuid, timeout_s=1), SHUTDOWN),
    "power_on": (lambda d, h, i: d.power_on(h, i), RUNNING),
    "hard reboot": (lambda d, h, i: d.reboot(h, i, hard=True), RUNNING),
    "destroy": (lambda d, h, i: d.destroy(h, i.uuid), None),
}


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


class DriverAbilities(DriverGround):
    """The abilities that a driver declares do what they say."""

    @pytest.fixture
    def needs(self, driver):
        """Return a function that skips the test unless the driver has the ability."""

        def check(*flags):
            for flag in flags:
                if not getattr(driver.abilities, flag):
                    pytest.skip(f"the driver declares no {flag}")

        return check

    @pytest.fixture
    def state(self, driver, host, guest):
        """Return a function that returns the guest's power state."""
        return lambda: driver.get_power_state(host, guest.uuid)

    @pytest.fixture
    def booted(self, driver, host):
        """Return a function that waits until a guest is up, which is when its console has something new."""
        seen = {}

        def wait(instance):
            deadline = time.monotonic() + self.boot_s
            while self.boot_s and driver.abilities.supports_console_output:
                said = driver.get_console_output(host, instance.uuid, most_bytes=100_000)
                if said.count(b"\n") > seen.get(instance.uuid, 0):
                    seen[instance.uuid] = said.count(b"\n")
                    return
                assert time.monotonic() < deadline, f"the guest does not come up; it has said {said!r}"
                time.sleep(0.05)

        return wait

    @contract(Pausing)
    def test_a_pause_holds_and_an_unpause_lets_go(self, needs, driver, host, guest, state):
        """Each twice."""
        needs("supports_pause")
        twice(lambda: driver.unpause(host, guest.uuid))
        assert state() == RUNNING
        twice(lambda: driver.pause(host, guest.uuid))
        assert state() == PAUSED
        twice(lambda: driver.unpause(host, guest.uuid))
        assert state() == RUNNING

    @contract(Suspending)
    @pytest.mark.parametrize("before", ["running", "paused"])
    def test_a_suspended_guest_goes_on(self, needs, driver, host, guest, state, before):
        """One that ran, and one that was paused."""
        needs("supports_suspend", *(["supports_pause"] if before == "paused" else []))
        if before == "paused":
            driver.pause(host, guest.uuid)
        twice(lambda: driver.suspend(host, guest.uuid))
        assert state() in (SUSPENDED, SHUTDOWN)
        twice(lambda: driver.resume(host, guest))
        assert state() == RUNNING

    @contract(Pausing, Suspending)
    @pytest.mark.parametrize("way_out", WAYS_OUT)
    @pytest.mark.parametrize("held", ["paused", "suspended"])
    def test_a_guest_that_is_held_obeys_the_required_verbs(self, needs, driver, host, guest, state, held, way_out):
        """Paused or suspended, it can be shut down, started, reset, removed."""
        needs("supports_pause" if held == "paused" else "supports_suspend")
        (driver.pause if held == "paused" else driver.suspend)(host, guest.uuid)
        act, end = WAYS_OUT[way_out]
        act(driver, host, guest)
        if end is None:
            assert driver.list_guests(host) == []
        else:
            assert state() == end

    @contract(Pausing, Suspending)
    def test_a_guest_that_is_shut_down_cannot_be_paused_or_suspended(self, needs, driver, host, guest, state):
        """The hypervisor's no is a DriverError."""
        needs("supports_pause", "supports_suspend")
        driver.power_off(host, guest.uuid, timeout_s=0)
        for verb in (driver.pause, driver.suspend):
            with pytest.raises(DriverError):
                verb(host, guest.uuid)
        assert state() == SHUTDOWN

    @contract(Rescuing)
    def test_rescue_and_back(self, needs, driver, host, guest, state, booted):
        """It boots, stays in rescue over a reboot, and goes with all that belongs to it."""
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

    @contract(Rescuing)
    def test_a_guest_that_is_shut_down_can_be_rescued(self, needs, driver, host, guest, state):
        """That is when it is needed."""
        needs("supports_rescue")
        driver.power_off(host, guest.uuid, timeout_s=0)
        driver.rescue(host, guest)
        assert state() == RUNNING

    @contract(Snapshotting)
    @pytest.mark.parametrize("before", ["running", "paused", "shut down", "suspended"])
    def test_a_snapshot_sends_the_disk_and_leaves_the_guest_as_it_was(
        self, needs, driver, host, guest, images, state, before
    ):
        """Whatever the guest was doing."""
        needs("supports_snapshot", *{"paused": ["supports_pause"], "suspended": ["supports_suspend"]}.get(before, []))
        {
            "running": lambda: None,
            "paused": lambda: driver.pause(host, guest.uuid),
            "shut down": lambda: driver.power_off(host, guest.uuid, timeout_s=0),
            "suspended": lambda: driver.suspend(host, guest.uuid),
        }[before]()
        was = state()
        twice(lambda: driver.snapshot(host, guest, TARGET))
        disk_format, content = images.sent[TARGET.image_id]
        assert disk_format in ("raw", "qcow2") and content
        assert state() == was

    @contract(Snapshotting)
    def test_a_snapshot_that_cannot_be_sent_harms_nobody(self, needs, driver, host, guest, images, state, tmp_path):
        """Nothing of the copy is left, and the next one can be made."""
        needs("supports_snapshot")
        files = {path for path in tmp_path.rglob("*") if path.is_file()}
        images.failure = DriverError("the image service wants no more")
        with pytest.raises(DriverError, match="wants no more"):
            driver.snapshot(host, guest, TARGET)
        assert state() == RUNNING
        left = {path for path in tmp_path.rglob("*") if path.is_file()} - files
        assert not [path for path in left if "lock" not in path.parts and "locks" not in path.parts]
        images.failure = None
        driver.snapshot(host, guest, TARGET)
        assert TARGET.image_id in images.sent

    @contract(ConsoleReading)
    def test_the_console_output_is_the_end_of_what_the_guest_said(self, needs, driver, host, guest, booted):
        """Also of a guest that is shut down."""
        needs("supports_console_output")
        booted(guest)
        said = driver.get_console_output(host, guest.uuid, most_bytes=1000)
        assert said
        assert driver.get_console_output(host, guest.uuid, most_bytes=3) == said[-3:]
        driver.power_off(host, guest.uuid, timeout_s=0)
        assert driver.get_console_output(host, guest.uuid, most_bytes=1000).startswith(said)

    @contract(RemoteConsole)
    def test_a_running_guest_has_consoles_and_one_that_is_down_has_none(self, needs, driver, host, guest):
        """Screen, serial line, picture."""
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

    @contract(Plugging)
    @pytest.mark.parametrize("before", ["running", "shut down"])
    def test_interfaces_come_and_go(self, needs, driver, host, guest, make_nic, before):
        """Seen in the guest's diagnostics."""
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
        if not self.lets_go:
            driver.power_off(host, guest.uuid, timeout_s=0)
        twice(lambda: driver.detach_interface(host, with_both, first))
        assert macs(driver, host, guest) == {second.mac}
        driver.power_on(host, msgspec.structs.replace(guest, nics=(second,)))
        assert macs(driver, host, guest) == {second.mac}

    @contract(Plugging)
    def test_a_guest_has_the_interfaces_it_was_built_with_and_a_hard_reboot_gives_it_those_of_the_order(
        self, needs, driver, host, make_instance, make_nic
    ):
        """Seen in the guest's diagnostics."""
        needs("supports_attach_interface", "supports_diagnostics")
        first, second = make_nic(), make_nic()
        instance = make_instance(nics=(first, second))
        driver.spawn(host, instance)
        assert macs(driver, host, instance) == {first.mac, second.mac}
        driver.reboot(host, instance, hard=True)
        assert macs(driver, host, instance) == {first.mac, second.mac}

    @contract(Filtering)
    def test_filters_are_put_on_and_changed_while_the_guest_runs(self, needs, driver, host, make_instance, make_nic):
        """Of some ports, of none, of one that the guest does not have."""
        needs("supports_firewall")
        nics = (make_nic(), make_nic())
        instance = make_instance(nics=nics, firewalls=(Firewall(port_id=nics[0].port_id, rules=(SSH, *ANY)),))
        driver.spawn(host, instance)
        twice(lambda: driver.apply_firewall(host, instance.uuid, (Firewall(port_id=nics[1].port_id, rules=ANY),)))
        driver.apply_firewall(host, instance.uuid, ())
        driver.apply_firewall(
            host, instance.uuid, (Firewall(port_id="00000000-0000-4000-8000-00000000000b", rules=ANY),)
        )
        assert driver.get_power_state(host, instance.uuid) == RUNNING
        driver.destroy(host, instance.uuid)

    @contract(Diagnosing)
    def test_diagnostics_count(self, needs, driver, host, guest, booted):
        """Of a running guest."""
        needs("supports_diagnostics")
        booted(guest)
        found = driver.get_diagnostics(host, guest.uuid)
        assert isinstance(found, Diagnostics)
        assert (found.state, bool(found.driver)) == ("running", True)

    @contract(abilities)
    def test_no_verb_finds_a_guest_that_is_not_there(self, driver, host, make_instance, make_nic):
        """Every verb of every declared ability."""
        instance = make_instance(nics=(make_nic(),))
        for verb, (flag, act) in NOT_THERE.items():
            if getattr(driver.abilities, flag):
                with pytest.raises(GuestNotFound):
                    act(driver, host, instance)
                    pytest.fail(f"{verb} did something")

    @contract(abilities, Abilities)
    def test_every_verb_of_a_declared_ability_is_there(self, driver):
        """Whatever is missing is named."""
        for verb, (flag, _) in NOT_THERE.items():
            assert not getattr(driver.abilities, flag) or callable(getattr(driver, verb, None)), verb

    @contract(Pausing, Plugging)
    def test_what_was_done_to_a_guest_outlives_the_process(self, needs, driver, host, make_instance, make_nic, restart):
        """The next incarnation finds it paused, with its interface."""
        needs("supports_pause", "supports_attach_interface", "supports_diagnostics")
        nic = make_nic()
        instance = make_instance()
        driver.spawn(host, instance)
        driver.attach_interface(host, msgspec.structs.replace(instance, nics=(nic,)), nic)
        driver.pause(host, instance.uuid)
        again = restart()
        assert again.get_power_state(host, instance.uuid) == PAUSED
        assert macs(again, host, instance) == {nic.mac}
