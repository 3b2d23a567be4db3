"""Images between a served image service and a compute, over a network that fails."""

import hashlib
import io
import socket
import threading

import msgspec
import pytest

from corenova.compute.images import HttpImageTransfer
from corenova.exceptions import BuildAbort, DriverError, Unavailable
from corenova.objects import tickets
from tests import disks
from tests.functional.image.conftest import TOKENS

DATA = bytes(range(256)) * 20_000
SNAPSHOT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def transfer():
    return HttpImageTransfer(timeout_s=5, tries=3, wait_s=0.01)


@pytest.fixture
def leave(images, served):
    """Return what gives a compute leave to read or write an image at the served port."""

    def leave(image_id, verb="reading", **changes):
        images.store.serve(f"http://127.0.0.1:{served}")
        access = images.db.write("test", lambda c: getattr(images.store, verb)(c, image_id))
        return msgspec.structs.replace(access, **changes)

    return leave


@pytest.fixture
def snapshot(images):
    images.db.write("test", lambda c: images.store.new_snapshot(c, TOKENS["red"], SNAPSHOT, "snap", {}))
    return SNAPSHOT


@pytest.fixture
def breaking():
    """Return what serves these answers, one a connection, then hangs up; and its port."""
    servers = []

    def serve(*answers):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/image/v2/images/x/file"

    yield serve
    for server in servers:
        server.close()


def test_there(images, leave, transfer):
    file = io.BytesIO(b"before")
    file.seek(6)
    transfer.fetch(leave(images.stored(DATA)), file)
    assert file.getvalue() == b"before" + DATA


def test_and_back(images, leave, transfer, snapshot):
    file = io.BytesIO(b"before" + DATA)
    access = leave(snapshot, "writing")
    for _ in range(2):  # once more, when the answer was lost
        file.seek(6)
        transfer.send(access, file, disk_format="raw")
    image = images.show(snapshot)
    assert (image["status"], image["disk_format"], image["size"]) == ("active", "raw", len(DATA))
    assert image["os_hash_value"] == hashlib.sha512(DATA).hexdigest()


def test_what_is_gone(images, leave, transfer):
    access = leave(images.stored(DATA))
    images.ask("red", "DELETE", f"/v2/images/{access.image_id}", 204)
    with pytest.raises(BuildAbort, match="is gone"):
        transfer.fetch(access, io.BytesIO())


def test_a_snapshot_that_is_gone(images, leave, transfer, snapshot):
    access = leave(snapshot, "writing")
    images.db.write("test", lambda c: images.store.give_up(c, snapshot))
    with pytest.raises(DriverError, match="is gone"):
        transfer.send(access, io.BytesIO(DATA), disk_format="raw")


@pytest.mark.parametrize(
    "changes", [{"size": len(DATA) - 1}, {"size": len(DATA) + 1}, {"hash_value": hashlib.sha512(b"x").hexdigest()}]
)
def test_what_is_not_what_was_said(images, leave, transfer, changes):
    with pytest.raises(BuildAbort, match=r"that it should have|what it should be"):
        transfer.fetch(leave(images.stored(DATA), **changes), io.BytesIO())


def test_what_is_refused(images, leave, transfer, snapshot):
    with pytest.raises(DriverError, match=r"400.*declared as raw, but its content is qcow2"):
        transfer.send(leave(snapshot, "writing"), io.BytesIO(disks.qcow2()), disk_format="raw")
    assert images.show(snapshot)["status"] == "queued"


def test_what_other_bytes_have_taken(leave, transfer, snapshot):
    access = leave(snapshot, "writing")
    transfer.send(access, io.BytesIO(DATA), disk_format="raw")
    with pytest.raises(DriverError, match="409"):
        transfer.send(access, io.BytesIO(DATA[1:]), disk_format="raw")


def test_a_large_one_that_is_refused_at_once(images, leave, transfer):
    """The reason is told although not all could be sent."""
    access = leave(images.stored(DATA))
    with pytest.raises(Unavailable, match="ticket"):
        transfer.send(access, io.BytesIO(bytes(20 * 1024 * 1024)), disk_format="raw")


def test_a_ticket_that_is_no_longer_good(images, leave, transfer):
    with pytest.raises(Unavailable, match="ticket"):
        transfer.fetch(leave(images.stored(DATA), headers={tickets.HEADER: "1.x"}), io.BytesIO())


def test_nobody_there(images, leave, transfer):
    access = leave(images.stored(DATA))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        with pytest.raises(Unavailable, match="cannot be reached"):
            transfer.fetch(msgspec.structs.replace(access, url=url), io.BytesIO())


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


def reading(url):
    from corenova.objects.image import ImageAccess

    return ImageAccess(
        image_id="x", url=url, size=5, hash_algo="sha512", hash_value=hashlib.sha512(b"hello").hexdigest()
    )


@pytest.mark.parametrize("first", [BROKEN, BUSY, b""])
def test_another_try_begins_anew(transfer, breaking, first):
    file = io.BytesIO(b"..")
    file.seek(2)
    transfer.fetch(reading(breaking(first, WHOLE)), file)
    assert file.getvalue() == b"..hello"


def test_tries_end(transfer, breaking):
    with pytest.raises(Unavailable, match="hung up 3 bytes before the end"):
        transfer.fetch(reading(breaking(BROKEN, BROKEN, BROKEN)), io.BytesIO())


def test_a_full_disk_is_not_the_networks_fault(transfer, breaking):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        transfer.fetch(reading(breaking(WHOLE)), Full())
