"""Unmodified clients against a real corenova-all: openstacksdk, openstack image ..., and a file larger than the memory
that it may take."""

import hashlib
import http.client
import json
import os
import re
from pathlib import Path

import openstack
import pytest

from corenova.testing import openstack_command
from tests import disks
from tests.functional.start.conftest import Place

LARGE = 512 * 1024**2
MOST_GROWTH_KB = 64 * 1024


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A corenova-all with its port and its state."""
    place = Place(tmp_path_factory.mktemp("clients"))
    running = place.start()
    running.state = place.state
    yield running
    for process in place.processes:
        process.kill()
        process.communicate()


@pytest.fixture
def connection(running, monkeypatch):
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(running.clouds_yaml))
    with openstack.connect(cloud="corenova") as connection:
        yield connection


def test_the_sdk(running, connection, tmp_path):
    file, back = tmp_path / "disk.qcow2", tmp_path / "back"
    file.write_bytes(disks.qcow2())
    made = connection.image.create_image(
        "disk", filename=str(file), disk_format="qcow2", container_format="bare", validate_checksum=True, tags=["t"],
        wait=True, hw_disk_bus="scsi", min_disk=1,
    )  # fmt: skip
    image = connection.image.get_image(made.id)
    assert (image.status, image.size, image.virtual_size) == ("active", file.stat().st_size, 1024**3)
    assert (image.hw_disk_bus, image.tags, image.min_disk) == ("scsi", ["t"], 1)
    assert image.properties["owner_specified.openstack.md5"] == image.checksum
    again = connection.image.create_image("disk", filename=str(file), disk_format="qcow2", container_format="bare",
                                          validate_checksum=True)  # fmt: skip
    assert again.id == made.id, "it is there, and up to date"

    connection.image.download_image(image, output=str(back))
    assert back.read_bytes() == file.read_bytes()
    connection.image.update_image(image, name="other", hw_disk_bus="ide")
    connection.image.add_tag(image, "u")
    connection.image.deactivate_image(image)
    assert connection.image.get_image(image.id).status == "deactivated"
    connection.image.reactivate_image(image)
    assert sorted(connection.image.find_image("other").tags) == ["t", "u"]
    member = connection.image.add_member(image, member_id="f" * 32)
    assert (member.member_id, member.status) == ("f" * 32, "pending")
    assert [one.member_id for one in connection.image.members(image)] == ["f" * 32]
    connection.image.remove_member("f" * 32, image)
    connection.delete_image(image.id)
    assert connection.image.find_image("other") is None
    assert list((running.state / "images").glob(f"{image.id}.*")) == []


def test_the_sdk_is_told_why(connection, tmp_path):
    file = tmp_path / "disk.qcow2"
    file.write_bytes(disks.qcow2(backing_file=b"/etc/passwd"))
    with pytest.raises(openstack.exceptions.BadRequestException, match="backing_file"):
        connection.image.create_image("bad", filename=str(file), disk_format="qcow2", container_format="bare")
    assert connection.image.find_image("bad") is None


def test_a_server_boots_from_an_image_that_was_uploaded(connection):
    image = connection.image.create_image("boots", data=b"x" * 1000, disk_format="raw", container_format="bare")
    server = connection.compute.create_server(name="s", image_id=image.id, flavor_id="1", networks="auto")
    assert connection.compute.wait_for_server(server, wait=30).status == "ACTIVE"
    connection.compute.delete_server(server)


def cli(running, *words):
    environ = os.environ | {"OS_CLIENT_CONFIG_FILE": str(running.clouds_yaml)}
    done = openstack_command.run("--os-cloud", "corenova", "image", *words, env=environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "json" in words else done.stdout


def test_the_command_line(running, tmp_path):
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_bytes(os.urandom(100_000))
    made = cli(running, "create", "--file", str(file), "--property", "hw_x=1", "--tag", "t", "-f", "json", "cli")
    assert (made["status"], made["size"], made["tags"]) == ("active", 100_000, ["t"])
    cli(running, "set", "--name", "renamed", "--property", "hw_y=2", "--min-disk", "3", "--protected", made["id"])
    shown = cli(running, "show", "-f", "json", "renamed")
    assert (shown["min_disk"], shown["protected"], shown["checksum"]) == (3, True, made["checksum"])
    assert (shown["properties"]["hw_x"], shown["properties"]["hw_y"]) == ("1", "2")
    cli(running, "save", "--file", str(back), "renamed")
    assert back.read_bytes() == file.read_bytes()
    cli(running, "set", "--unprotected", "renamed")
    cli(running, "delete", "renamed")
    assert "renamed" not in [image["Name"] for image in cli(running, "list", "-f", "json")]


def resident_kb(process, what):
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def test_a_large_image_takes_no_memory(running, tmp_path):
    """Up and down; the most that the process ever had is what counts."""
    running.log_in()
    wanted = {"name": "large", "disk_format": "raw", "container_format": "bare"}
    image_id = running.call("POST", "/image/v2/images", wanted)["id"]
    path = f"/image/v2/images/{image_id}/file"
    with open(tmp_path / "large", "wb+") as file:
        file.truncate(LARGE)
        Path(f"/proc/{running.process.pid}/clear_refs").write_text("5")  # forget the highest mark
        before = resident_kb(running.process, "VmRSS")
        connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=120, blocksize=1024 * 1024)
        headers = {"X-Auth-Token": running.token, "Content-Type": "application/octet-stream"}
        connection.request("PUT", path, body=file, headers={**headers, "Content-Length": str(LARGE)})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (204, b"")
    connection.request("GET", path, headers={"X-Auth-Token": running.token})
    answer, digest, size = connection.getresponse(), hashlib.md5(), 0
    while chunk := answer.read(1024 * 1024):
        digest.update(chunk)
        size += len(chunk)
    connection.close()
    growth = resident_kb(running.process, "VmHWM") - before
    image = running.call("GET", f"/image/v2/images/{image_id}")
    assert (size, digest.hexdigest()) == (LARGE, image["checksum"])
    assert growth < MOST_GROWTH_KB, f"{LARGE} bytes took {growth} KiB"
    print(f"{LARGE} bytes up and down: {growth} KiB more at the most")


def test_bytes_that_nobody_wants_take_no_memory(running):
    """Who has no token can still send; the server must not keep it."""
    before = resident_kb(running.process, "VmHWM")
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=60)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(LARGE)}
    connection.putrequest("PUT", "/image/v2/images/x/file")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    piece, sent = bytes(1024 * 1024), 0
    with pytest.raises(OSError):
        while sent < LARGE:
            connection.send(piece)
            sent += len(piece)
    assert resident_kb(running.process, "VmHWM") - before < MOST_GROWTH_KB
    connection.close()
