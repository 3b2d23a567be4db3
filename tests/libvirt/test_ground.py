"""The ground that tests of the libvirt driver stand on: private hosts, the boot sector guest and the Debian guest."""

import contextlib
import http.server
import io
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from corenova.testing import boot_sector
from tests import libvirt_host as hosts

pytestmark = [pytest.mark.libvirt, pytest.mark.timeout(300)]
# Half a minute for what the driver's tests and the demonstration show of this guest too: it boots from a disk, reads a
# config drive, asks DHCP, runs user data, serves HTTP and SSH, and sees nics come. Of its own there is the metadata
# service, which no code of ours is yet; plan.awk and flatten.awk have their tests in tests/unit/test_guest_scripts.py.
debian = pytest.mark.chaos
ROOT = Path(__file__).parents[2]
MACS = ("52:54:00:c0:de:01", "52:54:00:c0:de:02")


def definition(name, log, *, boot="<boot dev='hd'/>", memory_mib=32, devices=""):
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>{memory_mib}</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os><features><acpi/><apic/></features>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
<devices><serial type='pty'><log file='{log}' append='on'/></serial>{devices}</devices></domain>"""


def disk(path, form="raw"):
    return f"""<disk type='file' device='disk'><driver name='qemu' type='{form}'/><source file='{path}'/>
<target dev='vda' bus='virtio'/></disk>"""


def nic(network, mac=""):
    address = f"<mac address='{mac}'/>" if mac else ""
    return f"<interface type='network'>{address}<source network='{network.name}'/><model type='virtio'/></interface>"


@pytest.fixture
def connect():
    """Return a function that connects to a host; at the end the connection is closed and the host cleared."""
    import libvirt

    libvirt.registerErrorHandler(lambda context, error: None, None)

    def close(connection):
        with contextlib.suppress(libvirt.libvirtError):  # its daemon may have been killed
            connection.close()

    with contextlib.ExitStack() as stack:

        def go(host):
            stack.callback(host.clear)
            connection = libvirt.open(host.uri)
            stack.callback(close, connection)
            return connection

        yield go


@pytest.fixture
def sector_guest(tmp_path, serial):
    """Return the definition of a guest of one sector, whose disk is ``disk.raw`` in tmp_path."""

    def make(**options):
        (tmp_path / "disk.raw").write_bytes(boot_sector.disk(**options))
        return definition("sector", serial.path, devices=disk(tmp_path / "disk.raw"))

    return make


def test_a_guest_of_one_sector_boots_reboots_and_obeys_the_button(
    libvirt_host, connect, sector_guest, serial, until, tmp_path
):
    domain = connect(libvirt_host).defineXML(sector_guest())
    domain.create()
    serial.wait("A BOOT SECTOR READY")
    domain.reboot(1)  # VIR_DOMAIN_REBOOT_ACPI_POWER_BTN
    serial.wait("B BOOT SECTOR READY")
    domain.shutdown()
    until(lambda: not domain.isActive())
    assert boot_sector.boots((tmp_path / "disk.raw").read_bytes()) == 2


def test_a_deaf_guest_ignores_the_button(libvirt_host, connect, sector_guest, serial):
    domain = connect(libvirt_host).createXML(sector_guest(text="DEAF", deaf=True))
    serial.wait("A DEAF")
    domain.shutdown()
    with pytest.raises(AssertionError):  # one that obeys needs 0.1 s
        serial.wait("B DEAF", timeout_s=1)
    assert domain.isActive()


def test_guests_outlive_a_libvirtd_that_crashes(libvirt_host, connect, sector_guest, serial):
    connect(libvirt_host).defineXML(sector_guest()).create()
    serial.wait("A BOOT SECTOR READY")
    guest, daemon = libvirt_host.guest_pid("sector"), libvirt_host.pid
    libvirt_host.kill()
    assert (libvirt_host.pid, libvirt_host.guest_pid("sector")) == (0, guest)
    libvirt_host.start()
    assert libvirt_host.pid not in (0, daemon)
    domain = connect(libvirt_host).lookupByName("sector")
    assert domain.isActive()
    assert libvirt_host.guest_pid("sector") == guest
    domain.reboot(1)
    serial.wait("B BOOT SECTOR READY")


def test_nothing_is_left_when_the_test_process_is_killed(libvirt_host, until):
    program = """if True:
        import sys, time
        from tests import libvirt_host
        with libvirt_host._hosts("killed") as (host,):
            print(host.network().bridge, host.slot, *host.processes(), flush=True)
            time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        bridge, slot, *pids = process.stdout.readline().split()
        process.kill()
    assert len(pids) >= 6  # the keeper, what it waits with, two daemons, two of dnsmasq
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    with hosts._slot() as number:  # the next to come sweeps; another run may have been quicker
        assert number != int(slot) or not Path(f"/sys/class/net/{bridge}").exists()


def config_drive(path, key, network_data):
    import pycdlib

    files = {
        "meta_data.json": {"uuid": "1b2c", "hostname": "first.example", "public_keys": {"my key": key}},
        "network_data.json": network_data,
    }
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident="config-2")
    for directory in ("/openstack", "/openstack/latest"):
        iso.add_directory(directory, rr_name=Path(directory).name, joliet_path=directory)
    contents = {name: json.dumps(content).encode() for name, content in files.items()}
    contents["user_data"] = b"#!/bin/sh\necho user data ran on $(hostname)\n"
    for name, content in contents.items():
        place = f"/openstack/latest/{name}"
        iso.add_fp(io.BytesIO(content), len(content), place, rr_name=name, joliet_path=place)
    iso.write(str(path))
    iso.close()


@debian
def test_the_debian_guest_with_two_nics_a_config_drive_and_ssh(
    libvirt_host, guest_image, connect, serial, until, tmp_path
):
    static, leased = libvirt_host.network(0), libvirt_host.network(1)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config_drive(
        tmp_path / "config.iso",
        key.with_suffix(".pub").read_text(),
        {
            "links": [
                {"id": f"tap{number}", "type": "phy", "ethernet_mac_address": mac, "mtu": None}
                for number, mac in enumerate(MACS)
            ],
            "networks": [
                {"id": "net0", "link": "tap0", "type": "ipv4_dhcp"},
                {
                    "id": "net1",
                    "link": "tap1",
                    "type": "ipv4",
                    "ip_address": static.fixed(9),
                    "netmask": static.netmask,
                    "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": static.address}],
                },
            ],
            "services": [],
        },
    )
    root = tmp_path / "disk.qcow2"
    backing = ["-b", guest_image.qcow2, "-F", "qcow2"]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, root, "64M"], check=True)
    cdrom = f"""<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{tmp_path}/config.iso'/>
<target dev='hda' bus='ide'/><readonly/></disk>"""
    devices = disk(root, "qcow2") + cdrom + nic(leased, MACS[0]) + nic(static, MACS[1])
    domain = connect(libvirt_host).defineXML(definition("debian", serial.path, memory_mib=128, devices=devices))
    domain.create()

    ready = serial.wait(r"COREGUEST READY (.*)\n", timeout_s=200)[1]
    said = dict(word.split("=", 1) for word in ready.split())
    assert said["host"] == "first.example"
    assert (said["via"], said["nics"], said["root_mb"], said["boots"]) == ("dhcp,static", "eth0,eth1", "64", "1")
    addresses = said["ip"].split(",")
    assert addresses[0].startswith(f"{leased.prefix}.1") and addresses[1] == f"{static.fixed(9)}/24"
    serial.wait("user data ran on first.example")

    for address in (addresses[0].partition("/")[0], static.fixed(9)):
        with urllib.request.urlopen(f"http://{address}/", timeout=20) as answer:
            assert answer.read().decode() == "first.example 1b2c boots=1\n"

    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    command = ["ssh", "-q", *options, "-i", key, f"root@{static.fixed(9)}", "hostname"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout == "first.example\n"

    domain.attachDevice(
        f"<interface type='network'><source network='{leased.name}'/><model type='virtio'/></interface>"
    )
    there = rf"{leased.prefix}\.1"  # of the old nic and of the new one
    serial.wait(rf"COREGUEST CHANGE ip={there}\S+{there}\S+ .*nics=eth0,eth1,eth2 ")

    domain.shutdown()
    until(lambda: not domain.isActive())


@pytest.fixture
def metadata_service(libvirt_host):
    """Return a function that serves files (by path) to the guests of a network, as http://169.254.169.254 does."""
    with contextlib.ExitStack() as stack:

        def serve(network, files):
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200 if self.path in files else 404)
                    self.end_headers()
                    self.wfile.write(files.get(self.path, b""))

            server = stack.enter_context(http.server.ThreadingHTTPServer((network.address, 0), Handler))
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            rule = f"PREROUTING -i {network.bridge} -d 169.254.169.254 -p tcp --dport 80 -j REDIRECT --to-ports"
            words = ["iptables", "-w", "-t", "nat", "-A", *rule.split(), str(server.server_port)]
            subprocess.run(words, check=True)
            stack.callback(subprocess.run, ["-D" if word == "-A" else word for word in words], check=True)

        yield serve


@debian
def test_the_debian_guest_without_disk_learns_from_the_metadata_service_and_can_be_deaf(
    libvirt_host, guest_image, connect, metadata_service, serial
):
    network = libvirt_host.network(2)
    metadata_service(
        network,
        {
            "/openstack/latest/meta_data.json": b'{"uuid":"77","hostname":"diskless","public_keys":{"a":"ssh-rsa A"}}',
            "/openstack/latest/user_data": b"#!/bin/sh\necho routes: $(ip route | grep -c default)",
        },
    )
    command_line = f"{guest_image.cmdline} coreguest.noacpi"
    boot = (
        f"<kernel>{guest_image.kernel}</kernel><initrd>{guest_image.initrd}</initrd><cmdline>{command_line}</cmdline>"
    )
    wanted = definition("diskless", serial.path, boot=boot, memory_mib=96, devices=nic(network))
    domain = connect(libvirt_host).createXML(wanted)
    ready = serial.wait(r"COREGUEST READY (.*)\n", timeout_s=200)[1]
    assert ready.startswith(f"host=diskless uuid=77 via=dhcp boots=none ip={network.prefix}.1"), serial.text()
    serial.wait("ssh on")
    serial.wait("routes: 1")
    domain.shutdown()
    with pytest.raises(AssertionError):
        serial.wait("power button", timeout_s=2)
    assert domain.isActive()


def test_two_hosts_apart_pass_a_running_guest_on(libvirt_hosts_apart, connect, sector_guest, serial):
    one, two = libvirt_hosts_apart
    assert len({one.uuid, two.uuid, one.virsh("hostname"), two.virsh("hostname"), one.address, two.address}) == 6
    source, target = connect(one), connect(two)
    domain = source.createXML(sector_guest())
    serial.wait("A BOOT SECTOR READY")
    # live, peer to peer, unsafe: the disk is on a file system that both see, which libvirt cannot know
    domain.migrateToURI3(two.uri, {"migrate_uri": f"tcp://{two.address}"}, 1 | 2 | 512)
    assert not one.guest_pid("sector")
    assert two.guest_pid("sector")
    target.lookupByName("sector").reboot(1)
    serial.wait("B BOOT SECTOR READY")


def test_two_hosts_on_one_network_stack_are_two(libvirt_hosts, connect, tmp_path):
    one, two = libvirt_hosts
    assert one.virsh("hostname") != two.virsh("hostname")
    assert one.network().prefix != two.network().prefix
    guests = []
    for number, host in enumerate(libvirt_hosts):
        (tmp_path / f"{number}.raw").write_bytes(boot_sector.disk())
        wanted = definition("twin", tmp_path / f"{number}.log", devices=disk(tmp_path / f"{number}.raw"))
        guests.append(connect(host).createXML(wanted))
    guests[0].destroy()
    assert guests[1].isActive()
    one.kill()
    assert two.virsh("net-list", "--name").split() == ["net0"]
    one.start()
    assert one.virsh("net-list", "--name").split() == ["net0"]
