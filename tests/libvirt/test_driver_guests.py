"""What guests of the libvirt driver are made of, as libvirt and the guests themselves see it."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from corenova.objects.image import ImageAccess
from corenova.objects.topology import ClaimedCell, TopologyClaim
from corenova.testing import boot_sector
from tests.libvirt.conftest import NOTHING

pytestmark = [pytest.mark.libvirt, pytest.mark.timeout(300)]


@pytest.fixture
def boots(until):
    """Return a function that waits until a guest has booted so often."""

    def wait(driver, instance, times=1):
        mark = f"{chr(ord('@') + times)} BOOT".encode()
        until(lambda: mark in driver.get_console_output("h", instance.uuid, most_bytes=10_000), timeout_s=60)

    return wait


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("bus", ["virtio", "scsi", "sata", "ide"])
def test_guests_boot_from_every_bus(rig, boots, machine, bus):
    if (machine, bus) == ("q35", "ide"):
        pytest.skip("q35 has no IDE")
    driver = rig.start()
    instance = rig.instance(hw_machine_type=machine, hw_disk_bus=bus)
    driver.spawn("h", instance)
    boots(driver, instance)


def test_a_q35_guest_takes_more_interfaces_while_it_runs(rig, boots):
    driver = rig.start()
    instance = rig.instance(hw_machine_type="q35")
    driver.spawn("h", instance)
    boots(driver, instance)
    nics = tuple(rig.nic(port_security=False) for _ in range(3))
    for count, nic in enumerate(nics, start=1):
        driver.attach_interface("h", msgspec.structs.replace(instance, nics=nics[:count]), nic)
    assert len(driver.get_diagnostics("h", instance.uuid).nics) == 3


def test_a_pinned_guest_runs_where_it_was_told(rig, boots):
    driver = rig.start(cpu_dedicated_set=["1"])
    cells = driver.inventory("h").topology.cells
    assert (1,) in cells[0].dedicated and (1,) not in cells[0].shared
    claim = TopologyClaim(cells=(ClaimedCell(cell=cells[0].id, memory_mb=32, pins={0: 1}),))
    instance = msgspec.structs.replace(rig.instance(), topology=claim)
    driver.spawn("h", instance)
    boots(driver, instance)
    assert rig.host.virsh("vcpupin", f"corenova-{instance.uuid}", "--vcpu", "0").split()[-1] == "1"


def test_all_that_an_image_may_ask_for_at_once(rig, boots):
    driver = rig.start()
    wishes = {
        "hw_machine_type": "q35", "hw_watchdog_action": "reset", "hw_qemu_guest_agent": "yes", "hw_vif_model": "e1000",
        "hw_pointer_model": "usbtablet", "hw_video_model": "virtio", "os_type": "windows", "hw_cpu_sockets": "1",
    }  # fmt: skip
    quotas = {"quota:disk_total_iops_sec": "1000"}  # not quota:vif_*: that takes queues which some kernels lack
    instance = rig.instance(nics=(rig.nic(port_security=False),), extra_specs=quotas, **wishes)
    driver.spawn("h", instance)
    boots(driver, instance)


def test_auto_chooses_what_runs_and_remembers_it(rig, boots):
    driver = rig.start(virt_type="auto")
    instance = rig.instance()
    driver.spawn("h", instance)
    boots(driver, instance)
    document = rig.host.virsh("dumpxml", f"corenova-{instance.uuid}")
    kept = rig.state_path / "libvirt" / "kvm.json"
    works = kept.exists() and json.loads(kept.read_text())["works"]  # a machine without KVM is not tried
    assert f"<domain type='{'kvm' if works else 'qemu'}'" in document


@pytest.mark.parametrize("state", ["running", "shut down"])
def test_a_snapshot_is_a_whole_disk_of_that_moment(rig, boots, tmp_path, state):
    driver = rig.start()
    instance = rig.instance()
    driver.spawn("h", instance)
    boots(driver, instance)
    driver.reboot("h", instance, hard=True)
    boots(driver, instance, 2)
    if state == "shut down":
        driver.power_off("h", instance.uuid, timeout_s=0)
    driver.snapshot("h", instance, ImageAccess(image_id="00000000-0000-4000-8000-00000000000c", url="file:"))
    ((disk_format, content),) = rig.images.sent.values()
    (tmp_path / "copy").write_bytes(content)
    facts = json.loads(
        subprocess.check_output(["qemu-img", "info", "-f", disk_format, "--output=json", tmp_path / "copy"])
    )
    assert "backing-filename" not in facts and facts["virtual-size"] == 1 << 30
    command = ["qemu-img", "dd", "-f", disk_format, "-O", "raw", f"if={tmp_path}/copy", f"of={tmp_path}/raw"]
    subprocess.run([*command, "bs=512", "count=4"], check=True)
    assert boot_sector.boots((tmp_path / "raw").read_bytes()) == 2


def test_a_snapshot_that_a_dead_process_had_begun_does_not_hold_up_the_next(rig, boots):
    driver = rig.start()
    instance = rig.instance()
    driver.spawn("h", instance)
    boots(driver, instance)
    copy = rig.state_path / "libvirt" / "instances" / instance.uuid / "snapshot-dead"
    rig.host.virsh("blockcopy", f"corenova-{instance.uuid}", "vda", "--dest", str(copy), "--format", "qcow2",
                   "--transient-job")  # fmt: skip
    driver.stop()
    again = rig.start()
    assert not copy.exists()
    again.snapshot("h", instance, ImageAccess(image_id="00000000-0000-4000-8000-00000000000c", url="file:"))
    assert rig.images.sent


def test_of_guests_that_go_at_once_one_takes_the_network_along(rig):
    driver = rig.start()
    instances = [rig.instance(nics=(rig.nic(),)) for _ in range(4)]
    for instance in instances:
        driver.spawn("h", instance)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda instance: driver.destroy("h", instance.uuid), instances))
    assert rig.left() == NOTHING
