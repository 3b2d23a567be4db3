"""Whole clouds on real libvirt: the demonstration, two hosts, and processes that are killed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corenova.testing import boot_sector, openstack_command
from corenova.testing.cloud import Cloud
from tests.functional.guests.conftest import Site

pytestmark = [pytest.mark.libvirt, pytest.mark.timeout(400)]
DEMO = Path(__file__).parents[2] / "examples" / "demo" / "demo.py"
BIN = Path(sys.executable).parent


@pytest.mark.long
def test_the_demonstration_ends_well_and_leaves_nothing(libvirt_host, guest_image, tmp_path):
    environ = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "DRIVER")}
    done = subprocess.run(
        [sys.executable, DEMO, "--driver", "libvirt", "--connection-uri", libvirt_host.uri],
        capture_output=True,
        text=True,
        env=environ | {"TMPDIR": str(tmp_path)},
        timeout=380,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "demo: 3 servers booted and gone, 0 things left"
    plain = " ".join(done.stdout.split())
    for name in ("first", "second", "third"):
        assert f"COREGUEST READY host={name} " in plain
    assert "second is SUSPENDED" in plain and "second is ACTIVE" in plain
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def two_hosts(libvirt_hosts_apart, tmp_path):
    """A cloud of two libvirt hosts, each with a compute process of its own, and its users."""

    def of(host, name):
        return {"libvirt": {"connection_uri": host.uri, "instances_path": tmp_path / name / "instances",
                            "images_path": tmp_path / name / "images", "virt_type": "qemu"}}  # fmt: skip

    ini = {"compute": {"driver": "libvirt"}, **of(libvirt_hosts_apart[0], "a")}
    with Cloud(tmp_path / "cloud", ini) as cloud, cloud.another("compute", of(libvirt_hosts_apart[1], "b")):
        site = Site(cloud)
        yield site
        cloud.wait_settled()
        assert cloud.findings() == []
        site.stop()
    for host in libvirt_hosts_apart:
        host.clear()


def upload(site, **properties):
    """Make an image of the guest of one sector."""
    facts = {"disk_format": "raw", "container_format": "bare", "min_disk": 1, **properties}
    return site.user.image.create_image("sector", data=boot_sector.disk(), **facts)


def domains(host):
    return host.virsh("list", "--name").split()


def test_two_computes_are_a_cloud_of_two_hosts(two_hosts, libvirt_hosts_apart):
    site, image = two_hosts, upload(two_hosts)
    network = site.network(cidr="192.168.229.0/24")
    group = site.user.compute.create_server_group(name="apart", policy="anti-affinity")
    more = {"image_id": image.id, "scheduler_hints": {"group": group.id}, "networks": [{"uuid": network.id}]}
    servers = [site.boot(name, **more) for name in ("one", "two")]
    for host in libvirt_hosts_apart:
        assert len(domains(host)) == 1
    for server in servers:
        site.cloud.wait(lambda s=server: boot_sector.READY in console(site, s), what="the guest speaks", timeout_s=60)
        site.user.compute.delete_server(server)
        site.user.compute.wait_for_delete(server, interval=0.1, wait=60)
    for host in libvirt_hosts_apart:
        assert domains(host) == []
        assert "corenova" not in host.virsh("net-list", "--all", "--name")


def console(site, server):
    return site.user.compute.get_server_console_output(server)["output"]


def test_a_machine_type_that_there_is_not_is_a_clear_fault(two_hosts):
    site = two_hosts
    image = upload(site, hw_machine_type="abacus")
    compute = site.user.compute
    server = compute.create_server(
        name="odd", image_id=image.id, flavor_id=compute.find_flavor("m1.tiny").id, networks="none"
    )
    failed = compute.wait_for_server(server, status="ERROR", failures=[], interval=0.1, wait=60)
    assert "abacus" in site.cloud.server(server.id).fault_details
    assert "aborted" in failed.fault["message"]


def test_an_image_whose_bytes_are_lost_is_a_clear_fault(two_hosts):
    site, image = two_hosts, upload(two_hosts)
    for path in (site.cloud.path / "state" / "images").glob(f"{image.id}*"):
        path.unlink()
    compute = site.user.compute
    server = compute.create_server(
        name="lost", image_id=image.id, flavor_id=compute.find_flavor("m1.tiny").id, networks="none"
    )
    compute.wait_for_server(server, status="ERROR", failures=[], interval=0.1, wait=60)
    assert image.id in site.cloud.server(server.id).fault_details
    compute.delete_server(server)


@pytest.fixture
def start_all(libvirt_host, tmp_path):
    """Give a function that starts corenova-all on libvirt, on the same state each time."""
    ini = tmp_path / "corenova.conf"
    ini.write_text(
        f"[DEFAULT]\nstate_path = {tmp_path}/state\n[api]\nbind_port = 0\n[compute]\ndriver = libvirt\n"
        f"reconcile_interval_s = 2\n[libvirt]\nconnection_uri = {libvirt_host.uri}\nvirt_type = qemu\n"
    )
    processes = []

    def start():
        process = subprocess.Popen(
            [BIN / "corenova-all", "--config-file", ini], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert "ready" in process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
    libvirt_host.clear()


def openstack(state, *words):
    """Run the unmodified command line."""
    environ = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"), "OS_CLOUD": "corenova"}
    done = openstack_command.run(*words, env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_guest_outlives_corenova_and_libvirtd_and_is_found_again(start_all, libvirt_host, tmp_path):
    process, state = start_all(), tmp_path / "state"
    (tmp_path / "sector.raw").write_bytes(boot_sector.disk())
    openstack(state, "image", "create", "--file", str(tmp_path / "sector.raw"), "--disk-format", "raw", "sector")
    openstack(state, "server", "create", "--image", "sector", "--flavor", "m1.tiny", "--no-network",
              "--wait", "survivor")  # fmt: skip
    (domain,) = domains(libvirt_host)
    qemu = libvirt_host.guest_pid(domain)
    process.send_signal(signal.SIGKILL)
    process.wait()
    libvirt_host.restart()
    start_all()
    time.sleep(3)
    assert libvirt_host.guest_pid(domain) == qemu, "the same process: nobody has touched it"
    assert openstack(state, "server", "show", "survivor", "-c", "status", "-f", "value").strip() == "ACTIVE"
    assert re.search("A BOOT SECTOR READY", openstack(state, "console", "log", "show", "survivor"))
    openstack(state, "server", "delete", "--wait", "survivor")
    assert domains(libvirt_host) == []
