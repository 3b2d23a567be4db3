"""The bytes of images: up, down, in part, too many, too few, and by ticket."""

import hashlib
import socket
import struct
import threading
import time

import pytest

from corenova.db import deployment
from corenova.exceptions import Conflict, InvalidInput, NotFound, OverQuota, Unavailable
from corenova.image.store import EmbeddedImages
from corenova.image.uploads import GB, Body
from corenova.objects import tickets
from tests.functional.image.conftest import BYTES, TOKENS

DATA = bytes(range(256)) * 1000


def test_up_and_down(images):
    image_id = images.create()
    path = f"/v2/images/{image_id}/file"
    images.ask("red", "GET", path, 204)
    images.upload(image_id, DATA)
    image = images.show(image_id)
    expected = {
        "status": "active", "size": len(DATA), "virtual_size": len(DATA), "checksum": hashlib.md5(DATA).hexdigest(),
        "os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(DATA).hexdigest(),
    }  # fmt: skip
    assert {name: image[name] for name in expected} == expected
    response = images.ask("red", "GET", path)
    assert response.content == DATA
    assert response.headers["Content-MD5"] == image["checksum"]
    assert response.headers["Content-Length"] == str(len(DATA))
    assert response.headers["Content-Type"] == BYTES
    images.upload(image_id, b"other", 409)
    assert images.ask("red", "GET", path).content == DATA
    assert len(images.files()) == 1


def test_the_first_image_has_no_bytes(images):
    [cirros] = images.get("red", "/v2/images")["images"]
    images.ask("red", "GET", f"/v2/images/{cirros['id']}/file", 204)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-9", 0, 9), ("bytes=10-", 10, 255999), ("bytes=-5", 255995, 255999),
        ("bytes=255990-999999", 255990, 255999),
        ("bytes=0-0", 0, 0),
    ],
)  # fmt: skip
def test_a_part(images, wanted, first, last):
    path = f"/v2/images/{images.stored(DATA)}/file"
    response = images.ask("red", "GET", path, 206, headers={"Range": wanted})
    assert response.content == DATA[first : last + 1]
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"


def test_parts_that_are_none(images):
    path = f"/v2/images/{images.stored(DATA)}/file"
    for wanted in ("bytes=256000-", "bytes=-0"):
        images.ask("red", "GET", path, 416, headers={"Range": wanted})
    for wanted in ("bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=5-2"):
        assert images.ask("red", "GET", path, 200, headers={"Range": wanted}).content == DATA


def test_an_upload_must_say_what_it_is(images):
    image_id = images.create()
    path = f"/v2/images/{image_id}/file"
    images.ask("red", "PUT", path, 415, body=b"x", headers={"Content-Type": "application/json"})
    images.ask("red", "PUT", path, 411, headers={"Content-Type": BYTES})
    images.upload(image_id, b"x", 400, **{"X-OpenStack-Image-Size": "2"})
    images.upload(image_id, b"x", 400, **{"X-OpenStack-Image-Size": "some"})
    bare = images.ask("red", "POST", "/v2/images", 201, json={}).json["id"]
    assert "disk_format, container_format" in images.upload(bare, b"x", 400).text
    assert (images.show(image_id)["status"], images.show(bare)["status"]) == ("queued", "queued")
    assert images.files() == []
    images.upload(image_id, b"x", **{"X-OpenStack-Image-Size": "1"})


def test_too_large(make):
    images = make(max_image_size_gb=1000 / GB, max_virtual_size_gb=500 / GB)
    image_id = images.create()
    images.upload(image_id, b"x" * 1001, 413)
    assert "max_virtual_size_gb" in images.upload(image_id, b"x" * 501, 400).text
    assert (images.show(image_id)["status"], images.files()) == ("queued", [])
    images.upload(image_id, b"x" * 500)


def test_all_of_a_projects_bytes_are_limited(make):
    images = make(quota_size_gb=1000 / GB)
    first, second = images.stored(b"x" * 600), images.create()
    assert "600 bytes of 1000" in images.upload(second, b"x" * 401, 413).text
    assert images.show(second)["status"] == "queued"
    assert len(images.files()) == 1
    images.upload(images.create(who="blue"), b"x" * 1000, who="blue")
    images.ask("red", "DELETE", f"/v2/images/{first}", 204)
    images.upload(second, b"x" * 1000)


def test_find_image_sees_an_upload_and_a_delete_at_once(images):
    image_id = images.create()
    with pytest.raises(InvalidInput):
        images.store.find_image(image_id, "red")
    images.upload(image_id, DATA)
    assert images.store.find_image(image_id, "red").size == len(DATA)
    images.patch("red", image_id, ("replace", "min_disk", 7))
    assert images.store.find_image(image_id, "red").min_disk == 7
    images.ask("red", "POST", f"/v2/images/{image_id}/actions/deactivate", 204)
    with pytest.raises(InvalidInput):
        images.store.find_image(image_id, "red")
    images.ask("red", "DELETE", f"/v2/images/{image_id}", 204)
    with pytest.raises(NotFound):
        images.store.find_image(image_id, "red")


# On the wire.


def head(image_id, *lines, token="red"):
    lines = (f"PUT /image/v2/images/{image_id}/file HTTP/1.1", "Host: x", f"X-Auth-Token: {token}", *lines)
    return ("\r\n".join((*lines, f"Content-Type: {BYTES}")) + "\r\n\r\n").encode()


def test_chunked(images, wire):
    image_id = images.create()
    chunks = b"5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n"
    assert wire(head(image_id, "Transfer-Encoding: chunked"), chunks)[0] == 204
    assert images.ask("red", "GET", f"/v2/images/{image_id}/file").content == b"hello, world"


def test_a_chunk_of_many_pieces(images, wire):
    image_id, data = images.create(), DATA * 4
    assert wire(head(image_id, "Transfer-Encoding: chunked"), b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n")[0] == 204
    assert images.show(image_id)["checksum"] == hashlib.md5(data).hexdigest()


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (("Content-Length: 100",), b"x" * 99),
        (("Transfer-Encoding: chunked",), b"5\r\nhel"),
        (("Transfer-Encoding: chunked",), b"5\r\nhello\r\n"),
        (("Transfer-Encoding: chunked",), b"5\r\nhello world\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"-1\r\nhello\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"0x5\r\nhello\r\n0\r\n\r\n"),
        (("Transfer-Encoding: chunked", "X-OpenStack-Image-Size: 6"), b"5\r\nhello\r\n0\r\n\r\n"),
    ],
)
def test_an_upload_that_breaks_off_leaves_nothing(images, wire, lines, body):
    image_id = images.create()
    assert wire(head(image_id, *lines), body, hang_up=True)[0] == 400
    assert (images.show(image_id)["status"], images.files()) == ("queued", [])
    images.upload(image_id, b"x")


def test_a_client_that_vanishes_leaves_nothing(images, served):
    image_id = images.create()
    with socket.create_connection(("127.0.0.1", served)) as connection:
        connection.sendall(head(image_id, "Content-Length: 100") + b"x" * 50)
        wait(lambda: images.files())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait(lambda: not images.files())
    assert images.show(image_id)["status"] == "queued"


def wait(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_left_of_a_refused_body_is_not_the_next_request(images, wire):
    """The rest of a chunked body would be read as a request: it could be one that the proxy in front never saw."""
    smuggled = b"GET /image HTTP/1.1\r\nHost: x\r\n\r\n"
    chunks = b"%x\r\n" % len(smuggled) + smuggled + b"\r\n0\r\n\r\n"
    status, body = wire(head(images.create(), "Transfer-Encoding: chunked", token="nobody"), chunks)
    assert (status, b"versions" in body) == (401, False)


def test_a_huge_chunk_takes_no_memory(images, wire):
    image_id = images.create()
    assert wire(head(image_id, "Transfer-Encoding: chunked"), b"ffffffffffff\r\nsome", hang_up=True)[0] == 400
    assert images.files() == []


# Deleted, or taken over, while bytes come.


class Slow:
    """A body that stops in the middle until it is told to go on."""

    def __init__(self, data):
        self.pieces = [data[: len(data) // 2], data[len(data) // 2 :]]
        self.reached, self.go_on = threading.Event(), threading.Event()

    def read(self, size=-1):
        if len(self.pieces) == 1:
            self.reached.set()
            assert self.go_on.wait(20)
        return self.pieces.pop(0) if self.pieces else b""


def slowly(images, image_id, data=DATA):
    """Begin an upload in a thread; returns its body, the thread, and a list for its error."""
    slow, outcome = Slow(data), []

    def run():
        try:
            images.store.uploads.receive(image_id, Body(slow, length=len(data), most=2**40))
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert slow.reached.wait(20)
    return slow, thread, outcome


def test_while_an_upload_is_under_way(images):
    image_id = images.create()
    slow, thread, outcome = slowly(images, image_id)
    assert images.show(image_id)["status"] == "saving"
    images.upload(image_id, b"x", 409)
    images.ask("red", "GET", f"/v2/images/{image_id}/file", 204)
    images.boot()  # another process of the same store starts and sweeps
    slow.go_on.set()
    thread.join()
    assert outcome == [None]
    assert images.ask("red", "GET", f"/v2/images/{image_id}/file").content == DATA


def test_a_delete_during_an_upload_ends_it(images):
    image_id = images.create()
    slow, thread, outcome = slowly(images, image_id)
    images.ask("red", "DELETE", f"/v2/images/{image_id}", 204)
    slow.go_on.set()
    thread.join()
    assert "deleted during the upload" in str(outcome[0])
    assert images.files() == []
    images.get("red", f"/v2/images/{image_id}", 404)


def test_an_upload_that_was_given_up_for_dead_spoils_nothing_when_it_wakes(make):
    images = make(upload_lease_s=3)
    image_id = images.create()
    slow, thread, outcome = slowly(images, image_id)
    time.sleep(3.2)
    assert images.show(image_id)["status"] == "queued", "a lease that is over is no lease"
    assert images.names("red", "?status=queued") == ["one"]
    images.upload(image_id, b"the other")
    slow.go_on.set()
    thread.join()
    assert "could not be found after upload" in str(outcome[0])
    assert images.ask("red", "GET", f"/v2/images/{image_id}/file").content == b"the other"
    assert len(images.files()) == 1


def test_a_slow_upload_keeps_its_lease(make):
    images = make(upload_lease_s=3)
    image_id, seen = images.create(), []

    class Trickle:
        def read(self, size):
            time.sleep(0.4)
            seen.append(images.show(image_id)["status"])
            return b"x" * 10

    images.store.uploads.receive(image_id, Body(Trickle(), length=100, most=1000))
    assert set(seen) == {"saving"}
    assert images.show(image_id)["status"] == "active"


def test_a_full_disk_is_told_and_leaves_nothing(images, monkeypatch):
    image_id = images.create()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("corenova.image.uploads._write", full)
    assert "No space left" in images.upload(image_id, b"x", 503).text
    assert (images.show(image_id)["status"], images.files()) == ("queued", [])


# What conductors and computes do.


def in_a_transaction(images, work):
    return images.db.write("test", work)


def test_leave_to_read(images):
    image_id = images.stored(DATA)
    access = in_a_transaction(images, lambda c: images.store.reading(c, image_id))
    assert access.url == f"http://example.org/image/v2/images/{image_id}/file"
    assert (access.size, access.disk_format, access.hash_algo) == (len(DATA), "raw", "sha512")
    assert access.hash_value == hashlib.sha512(DATA).hexdigest()
    path = f"/v2/images/{image_id}/file"
    assert images.ask("", "GET", path, headers=access.headers).content == DATA
    images.ask("", "PUT", path, 401, body=b"x", headers=access.headers)
    images.ask("", "GET", f"/v2/images/{image_id}", 401, headers=access.headers)
    images.ask("", "GET", f"/v2/images/{images.stored(b'other')}/file", 401, headers=access.headers)
    images.ask("red", "DELETE", f"/v2/images/{image_id}", 204)
    images.ask("", "GET", path, 404, headers=access.headers)


def test_no_leave_where_there_is_nothing(images):
    [cirros] = images.get("red", "/v2/images")["images"]
    for image_id in (cirros["id"], images.create(), "00000000-0000-0000-0000-000000000000"):
        assert in_a_transaction(images, lambda c, i=image_id: images.store.reading(c, i)) is None
    stored = images.stored()
    assert in_a_transaction(images, lambda c: images.store.writing(c, stored)) is None


def test_a_ticket_ends(images):
    image_id = images.stored()
    access = in_a_transaction(images, lambda c: images.store.reading(c, image_id))
    key = images.db.read(lambda c: deployment.get(c, "image_ticket_key"))
    assert access.headers[tickets.HEADER].partition(".")[0] > str(time.time())
    old = tickets.make(key, image_id, tickets.READ, int(time.time()) - 1)
    images.ask("", "GET", f"/v2/images/{image_id}/file", 401, headers={tickets.HEADER: old})
    images.ask("red", "GET", f"/v2/images/{image_id}/file", 200, headers={tickets.HEADER: old})


def test_computes_may_have_a_way_of_their_own(make):
    images = make(internal_url="https://10.0.0.1:8774/")
    image_id = images.stored()
    access = in_a_transaction(images, lambda c: images.store.reading(c, image_id))
    assert access.url == f"https://10.0.0.1:8774/image/v2/images/{image_id}/file"


def test_another_process_makes_tickets_that_this_one_takes(images):
    image_id, conductor = images.stored(DATA), EmbeddedImages()
    conductor.start(images.db, images.conf)
    access = in_a_transaction(images, lambda c: conductor.reading(c, image_id))
    assert images.ask("", "GET", f"/v2/images/{image_id}/file", headers=access.headers).content == DATA


def test_before_any_api_has_run_there_is_nowhere_to_go(images):
    image_id = images.stored()
    images.db.write("test", lambda c: c.exec_driver_sql("DELETE FROM deployment WHERE key = 'image_url'"))
    with pytest.raises(Unavailable):
        in_a_transaction(images, lambda c: images.store.reading(c, image_id))


SNAPSHOT = "11111111-2222-4333-8444-555555555555"


def snapshot(images, who="red", **facts):
    context = TOKENS[who]
    in_a_transaction(
        images, lambda c: images.store.new_snapshot(c, context, SNAPSHOT, "snap", {"base_image_ref": "b"}, **facts)
    )


def test_a_snapshot_is_filled_by_its_compute(images):
    for _ in range(2):  # a handler may run again
        snapshot(images, min_disk=2, min_ram=64)
    image = images.show(SNAPSHOT)
    assert (image["status"], image["visibility"], image["owner"], image["min_disk"]) == ("queued", "private", "red", 2)
    assert image["base_image_ref"] == "b"
    access = in_a_transaction(images, lambda c: images.store.writing(c, SNAPSHOT))
    path, headers = f"/v2/images/{SNAPSHOT}/file", {**access.headers, "Content-Type": BYTES}
    images.ask("", "GET", path, 401, headers=access.headers)
    images.ask("", "PUT", path, 400, body=DATA, headers={**headers, "X-Image-Disk-Format": "floppy"})
    images.ask("", "PUT", path, 204, body=DATA, headers={**headers, "X-Image-Disk-Format": "raw"})
    assert images.show(SNAPSHOT)["disk_format"] == "raw"
    # The answer was lost, and the compute asks again.
    images.ask("", "PUT", path, 204, body=DATA, headers={**headers, "X-Image-Disk-Format": "raw"})
    images.ask("", "PUT", path, 409, body=DATA[1:], headers={**headers, "X-Image-Disk-Format": "raw"})
    in_a_transaction(images, lambda c: images.store.give_up(c, SNAPSHOT))
    assert images.show(SNAPSHOT)["status"] == "active", "what has all its bytes stays"


def test_a_snapshot_that_fails_goes(images):
    snapshot(images)
    slow, thread, outcome = slowly_as_raw(images)
    for _ in range(2):
        in_a_transaction(images, lambda c: images.store.give_up(c, SNAPSHOT))
    images.get("red", f"/v2/images/{SNAPSHOT}", 404)
    slow.go_on.set()
    thread.join()
    assert outcome[0] is not None
    assert images.files() == []
    with pytest.raises(Conflict):
        snapshot(images)


def slowly_as_raw(images):
    images.patch("red", SNAPSHOT, ("replace", "disk_format", "raw"))
    return slowly(images, SNAPSHOT)


def test_a_snapshot_of_somebody_elses_id_or_over_quota_is_refused(make):
    images = make(quota_images=1)
    snapshot(images)
    with pytest.raises(Conflict):
        snapshot(images, "blue")
    images.ask("red", "DELETE", f"/v2/images/{SNAPSHOT}", 204)
    images.create()
    with pytest.raises(OverQuota):
        in_a_transaction(images, lambda c: images.store.new_snapshot(c, TOKENS["red"], SNAPSHOT[:-1] + "6", "snap", {}))
