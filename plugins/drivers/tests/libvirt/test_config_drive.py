"""The config drive, read back by other programs than the one that wrote it, and its content against cloud-init's."""

import base64
import json
import shutil
import subprocess
from io import BytesIO

import msgspec
import pycdlib
import pytest

from corenova.exceptions import BuildAbort
from corenova.objects.instance import GuestConfig
from corenova.objects.network import FixedIP, Nic
from corenova_drivers.libvirt import config_drive

KEY = "ssh-ed25519 AAAAC3Nza someone@example"
STATIC = FixedIP(
    address="10.0.0.5", subnet_id="s1", cidr="10.0.0.0/22", gateway="10.0.0.1", dns=("10.0.0.2", "10.0.0.3"), dhcp=False
)
DHCP = FixedIP(address="10.1.0.5", subnet_id="s2", cidr="10.1.0.0/24", gateway="10.1.0.1", dns=("10.0.0.2",))
V6 = FixedIP(address="fd00::5", subnet_id="s3", cidr="fd00::/64", gateway="fd00::1", dhcp=False, version=6)


def make_nic(number: int, *ips: FixedIP, **more) -> Nic:
    port_id = f"0000000{number}-1111-4000-8000-000000000000"
    mac = f"fa:16:3e:00:00:0{number}"
    return Nic(port_id=port_id, network_id=f"net{number}", network_name="n", mac=mac, fixed_ips=ips, **more)


@pytest.fixture
def server(make_instance):
    guest = GuestConfig(
        availability_zone="nova",
        launch_index=3,
        key_name="mine",
        public_key=KEY,
        user_data=base64.b64encode(b"#!/bin/sh\necho \xff\n").decode(),
        admin_pass="secret",
    )
    nics = (make_nic(1, STATIC, tag="front", mtu=1450), make_nic(2, DHCP), make_nic(3, V6), make_nic(4))
    return msgspec.structs.replace(make_instance("gr\u00fcn"), metadata={"role": "web"}, guest=guest, nics=nics)


def read(path, name: str) -> bytes:
    """Read one file of a volume by its Joliet name."""
    iso, out = pycdlib.PyCdlib(), BytesIO()
    iso.open(str(path))
    try:
        iso.get_file_from_iso_fp(out, joliet_path=name)
    finally:
        iso.close()
    return out.getvalue()


def test_a_guest_finds_what_it_is_told(server, tmp_path):
    path = tmp_path / "disk.config"
    config_drive.build(server, path)
    for version in ("latest", "2018-08-27", "2017-02-22", "2012-08-10"):
        said = json.loads(read(path, f"/openstack/{version}/meta_data.json"))
        assert len(base64.b64decode(said.pop("random_seed"))) == 512
        assert said == {
            "uuid": server.uuid,
            "name": "gr\u00fcn",
            "hostname": "vm",
            "availability_zone": "nova",
            "launch_index": 3,
            "project_id": "p",
            "public_keys": {"mine": KEY},
            "keys": [{"name": "mine", "type": "ssh", "data": KEY}],
            "meta": {"role": "web"},
            "admin_pass": "secret",
            "devices": [
                {"type": "nic", "bus": "none", "address": "none", "mac": "fa:16:3e:00:00:01", "tags": ["front"]}
            ],
        }
        assert read(path, f"/openstack/{version}/user_data") == b"#!/bin/sh\necho \xff\n"
        assert read(path, f"/openstack/{version}/vendor_data.json") == b"{}"
    ec2 = json.loads(read(path, "/ec2/latest/meta-data.json"))
    assert (ec2["instance-id"], ec2["local-ipv4"]) == (server.uuid, "10.0.0.5")
    assert read(path, "/ec2/2009-04-04/user-data") == b"#!/bin/sh\necho \xff\n"
    assert path.stat().st_mode & 0o077 == 0, "a password is in it"
    assert [entry.name for entry in tmp_path.iterdir()] == ["disk.config"]


def test_the_network_is_described_as_cloud_init_reads_it(server):
    said = config_drive.network_data(server.nics)
    assert said["links"][0] == {
        "id": "tap00000001-11",
        "vif_id": "00000001-1111-4000-8000-000000000000",
        "type": "phy",
        "mtu": 1450,
        "ethernet_mac_address": "fa:16:3e:00:00:01",
    }
    assert [link["id"] for link in said["links"]] == [f"tap0000000{number}-11" for number in (1, 2, 3, 4)]
    assert said["networks"] == [
        {
            "id": "network0",
            "link": "tap00000001-11",
            "network_id": "net1",
            "type": "ipv4",
            "ip_address": "10.0.0.5",
            "netmask": "255.255.252.0",
            "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"}],
            "services": [{"type": "dns", "address": "10.0.0.2"}, {"type": "dns", "address": "10.0.0.3"}],
        },
        {"id": "network1", "link": "tap00000002-11", "network_id": "net2", "type": "ipv4_dhcp"},
        {
            "id": "network2",
            "link": "tap00000003-11",
            "network_id": "net3",
            "type": "ipv6",
            "ip_address": "fd00::5",
            "netmask": "ffff:ffff:ffff:ffff::",
            "routes": [{"network": "::", "netmask": "::", "gateway": "fd00::1"}],
            "services": [],
        },
    ]
    assert said["services"] == [{"type": "dns", "address": "10.0.0.2"}, {"type": "dns", "address": "10.0.0.3"}]


def test_a_subnet_without_gateway_has_no_route():
    ip = msgspec.structs.replace(STATIC, gateway=None)
    assert config_drive.network_data((make_nic(1, ip),))["networks"][0]["routes"] == []


def test_what_was_not_given_is_not_there(make_instance):
    content = config_drive.files(make_instance(), b"seed")
    said = json.loads(content["openstack/latest/meta_data.json"])
    assert not {"admin_pass", "public_keys", "keys", "meta"} & set(said)
    assert "openstack/latest/user_data" not in content
    assert json.loads(content["openstack/latest/network_data.json"]) == {"links": [], "networks": [], "services": []}


def test_the_same_seed_makes_the_same_files(server):
    assert config_drive.files(server, b"seed") == config_drive.files(server, b"seed")
    assert config_drive.files(server, b"seed") != config_drive.files(server, b"other")


def test_a_drive_is_written_once(server, tmp_path):
    """The second order to start a guest carries no password; the guest keeps the one that it was given."""
    path = tmp_path / "disk.config"
    (tmp_path / "disk.config.part").write_bytes(b"half a drive of a dead process")
    config_drive.build(server, path)
    before = path.read_bytes()
    config_drive.build(msgspec.structs.replace(server, guest=GuestConfig()), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["disk.config"]


def test_two_drives_have_different_seeds(server, tmp_path):
    seeds = set()
    for name in ("a", "b"):
        config_drive.build(server, tmp_path / name)
        seeds.add(json.loads(read(tmp_path / name, "/openstack/latest/meta_data.json"))["random_seed"])
    assert len(seeds) == 2


def test_user_data_that_is_no_base64_leaves_nothing(server, tmp_path):
    guest = msgspec.structs.replace(server.guest, user_data="a")
    with pytest.raises(BuildAbort, match="no base64"):
        config_drive.build(msgspec.structs.replace(server, guest=guest), tmp_path / "disk.config")
    assert not list(tmp_path.iterdir())


def test_large_user_data_fits(server, tmp_path):
    data = bytes(range(256)) * 192  # 48 KiB, which is 64 KiB in base64: the most that the API takes
    guest = msgspec.structs.replace(server.guest, user_data=base64.b64encode(data).decode())
    config_drive.build(msgspec.structs.replace(server, guest=guest), tmp_path / "a")
    assert read(tmp_path / "a", "/openstack/latest/user_data") == data
    assert (tmp_path / "a").stat().st_size < 1 << 20


@pytest.mark.skipif(not shutil.which("blkid"), reason="needs blkid")
def test_blkid_finds_the_label_that_cloud_init_looks_for(server, tmp_path):
    config_drive.build(server, tmp_path / "a")
    done = subprocess.run(["blkid", "-p", "-o", "export", tmp_path / "a"], check=True, capture_output=True, text=True)
    assert {"LABEL=config-2", "TYPE=iso9660"} <= set(done.stdout.splitlines())


@pytest.mark.skipif(not shutil.which("isoinfo"), reason="needs isoinfo")
def test_isoinfo_reads_the_long_names(server, tmp_path):
    config_drive.build(server, tmp_path / "a")
    for words in (["-R"], ["-J"]):
        done = subprocess.run(
            ["isoinfo", *words, "-f", "-i", tmp_path / "a"], check=True, capture_output=True, text=True
        )
        assert "/openstack/latest/meta_data.json" in done.stdout.splitlines()
