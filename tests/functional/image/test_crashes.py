"""The process dies anywhere in an upload, a delete or a sweep: what is active is whole, and nothing stays for ever."""

import contextlib

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova import crash
from corenova.db import schema

DATA = b"0123456789" * 50_000


@contextlib.contextmanager
def death_at(point):
    """Let this process die at a crash point inside the block; it must."""
    met = []

    def handler(name):
        # Who is dead commits nothing more, whatever his handlers for errors try.
        if met or name == point:
            met.append(name)
            raise crash.SimulatedCrash(name)

    crash.install(handler)
    try:
        with pytest.raises(crash.SimulatedCrash):
            yield
    finally:
        crash.install(None)
    assert met[0] == point


def come_back(images):
    """Start again, once the lease of the dead is over."""
    images.boot()
    images.db.write("test", lambda c: c.execute(sa.update(schema.images).values(upload_until=0.0)))
    images.boot()


def assert_whole(images, image_id):
    """The image is queued without, or active with all its bytes; and can be filled."""
    image = images.show(image_id)
    assert image["status"] in ("queued", "active")
    if image["status"] == "queued":
        assert images.files() == []
        images.upload(image_id, DATA)
    assert images.ask("red", "GET", f"/v2/images/{image_id}/file").content == DATA
    assert len(images.files()) == 1


@pytest.mark.parametrize(
    "point",
    [
        "image.upload.begin.before", "image.upload.begin.after", "image.upload.sealed",
        "image.upload.finish.before", "image.upload.finish.after",
    ],
)  # fmt: skip
def test_in_an_upload(images, point):
    image_id = images.create()
    with death_at(point):
        images.upload(image_id, DATA)
    assert images.show(image_id)["status"] in ("queued", "saving", "active")
    come_back(images)
    assert images.show(image_id)["status"] == ("active" if point == "image.upload.finish.after" else "queued")
    assert_whole(images, image_id)


def test_until_the_lease_is_over_nobody_takes_the_image_or_its_bytes(images):
    image_id = images.create()
    with death_at("image.upload.sealed"):
        images.upload(image_id, DATA)
    images.boot()
    assert len(images.files()) == 1, "for all that the new process knows, another one is about to commit"
    images.upload(image_id, DATA, 409)
    images.db.write("test", lambda c: c.execute(sa.update(schema.images).values(upload_until=0.0)))
    images.upload(image_id, DATA)
    assert_whole(images, image_id)


@pytest.mark.parametrize("point", ["image.upload.abandon.before", "image.upload.abandon.after"])
def test_in_the_undoing_of_an_upload(images, point):
    image_id = images.create(disk_format="qcow2")
    with death_at(point):
        images.upload(image_id, DATA, 400)
    come_back(images)
    images.patch("red", image_id, ("replace", "disk_format", "raw"))
    assert_whole(images, image_id)


@pytest.mark.parametrize("point", ["image.delete.before", "image.delete.after"])
def test_in_a_delete(images, point):
    image_id = images.stored(DATA)
    with death_at(point):
        images.ask("red", "DELETE", f"/v2/images/{image_id}", 204)
    come_back(images)
    if point == "image.delete.before":
        assert_whole(images, image_id)
    else:
        images.get("red", f"/v2/images/{image_id}", 404)
        assert images.files() == []


@pytest.mark.parametrize("point", ["image.sweep.before", "image.sweep.after"])
def test_in_a_sweep(images, point):
    image_id, kept = images.create(), images.stored(DATA)
    with death_at("image.upload.sealed"):
        images.upload(image_id, DATA)
    images.db.write("test", lambda c: c.execute(sa.update(schema.images).values(upload_until=0.0)))
    with death_at(point):
        images.boot()
    come_back(images)
    images.ask("red", "DELETE", f"/v2/images/{kept}", 204)
    assert_whole(images, image_id)


def test_a_commit_whose_answer_is_lost_keeps_its_bytes(images, monkeypatch):
    """The transaction is run again, and finds its own work done."""
    image_id, write, lost = images.create(), images.db._write_once, []

    def once(name, work):
        result = write(name, work)
        if name == "image.upload.finish" and not lost:
            lost.append(name)
            raise lost_connection()
        return result

    monkeypatch.setattr(images.db, "_write_once", once)
    images.upload(image_id, DATA)
    assert lost
    assert_whole(images, image_id)


def test_an_upload_that_cannot_know_keeps_its_bytes(images, monkeypatch):
    """The database is gone after the commit: bytes that may be an image's stay."""
    image_id, write, lost = images.create(), images.db._write_once, []

    def once(name, work):
        if lost:
            raise lost_connection()
        result = write(name, work)
        if name == "image.upload.finish":
            lost.append(name)
            raise lost_connection()
        return result

    monkeypatch.setattr(images.db, "_write_once", once)
    monkeypatch.setattr("corenova.db.engine.time.sleep", lambda _: None)
    images.upload(image_id, DATA, 503)
    monkeypatch.undo()
    images.boot()
    assert images.show(image_id)["status"] == "active"
    assert_whole(images, image_id)


def lost_connection():
    return db_error.DBConnectionError("gone")


def test_what_is_not_ours_is_left_alone(images):
    images.stored()
    (images.folder / "readme.txt").write_text("mine")
    (images.folder / "6b1f5f3e-2f0a-4c1b-9d55-0c6d8a1f7e21").write_text("mine")
    stray = "6b1f5f3e-2f0a-4c1b-9d55-0c6d8a1f7e21.6b1f5f3e-2f0a-4c1b-9d55-0c6d8a1f7e21"
    (images.folder / stray).write_text("nobody's")
    images.boot()
    assert len(images.files()) == 3
    assert stray not in images.files()
