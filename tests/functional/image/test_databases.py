"""The same images on every database: leases, limits, sharing and order, and what older versions have left."""

import uuid

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa

from corenova.db import images as rows
from corenova.db import migrate
from corenova.db.engine import Database
from corenova.exceptions import NotFound, OverQuota
from tests.functional.image.conftest import Images
from tests.races import all_at_once, at_once

SERVERS = [
    pytest.param("postgresql_url", marks=pytest.mark.pg),
    pytest.param("mariadb_url", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request, tmp_path):
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/db"
    name = f"image_{uuid.uuid4().hex}"
    server = request.getfixturevalue(request.param)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        utf8 = " CHARACTER SET utf8mb4" if request.param == "mariadb_url" else ""
        connection.execute(sa.text(f"CREATE DATABASE {name}{utf8}"))
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def make(url, tmp_path):
    made = []

    def make(**options):
        made.append(Images(tmp_path, url, **options))
        return made[-1]

    yield make
    for images in made:
        images.db.close()


def test_a_story(make):
    images = make()
    first, nameless = images.stored(b"one", tags=["a", "b"], hw_x="snow\u2603"), images.create(name=None)
    images.patch("red", first, ("replace", "min_disk", 2))
    assert images.names("red", "?tag=a&hw_x=snow%E2%98%83") == ["one"]
    assert images.names("red", "?sort=name:asc") == [None, "cirros", "one"]
    assert images.get("red", f"/v2/images?sort=name:asc&limit=1&marker={nameless}")["images"][0]["name"] == "cirros"
    members = f"/v2/images/{first}/members"
    images.ask("red", "POST", members, 200, json={"member": "blue"})
    images.ask("red", "POST", members, 409, json={"member": "blue"})
    images.ask("blue", "PUT", f"{members}/blue", 200, json={"status": "accepted"})
    images.ask("blue", "PUT", f"{members}/blue", 200, json={"status": "accepted"})
    assert images.names("blue") == ["one", "cirros"]
    images.ask("red", "DELETE", f"/v2/images/{first}", 204)
    assert images.names("blue") == ["cirros"]
    assert images.files() == []


def test_of_eight_uploads_at_once_one_gets_the_image(make):
    images = make()
    image_id = images.create()

    def begin(number):
        upload_id = str(uuid.UUID(int=number))
        return images.db.write("test", lambda c: rows.begin_upload(c, image_id, upload_id, lease_s=30))

    assert sorted(all_at_once(8, begin)) == [False] * 7 + [True]
    holder = images.db.read(lambda c: rows.get(c, image_id)).upload_id
    extend = lambda who: images.db.write("test", lambda c: rows.extend_upload(c, image_id, who, lease_s=-1))  # noqa: E731
    assert not extend(str(uuid.UUID(int=99)))
    assert extend(holder)
    assert images.show(image_id)["status"] == "queued"
    assert images.names("red", "?status=saving") == []
    assert sorted(all_at_once(8, begin)) == [False] * 7 + [True]


def test_eight_at_once_get_exactly_the_quota(make):
    images = make(quota_images=5)

    def create(number):
        image = rows.Image(
            uuid=str(uuid.UUID(int=number)), name="n", owner="new", status="queued", visibility="private",
            disk_format="raw", container_format="bare",
        )  # fmt: skip
        images.db.write("test", lambda c: rows.add(c, image, most=5))

    outcomes = at_once(8, create)
    assert outcomes.count(None) == 5
    assert sum(isinstance(outcome, OverQuota) for outcome in outcomes) == 3


def test_bytes_at_once_get_exactly_the_quota(make):
    images = make()
    ids = [images.create() for _ in range(6)]
    for number, image_id in enumerate(ids):
        images.db.write(
            "test", lambda c, i=image_id, n=number: rows.begin_upload(c, i, str(uuid.UUID(int=n)), lease_s=30)
        )
    content = rows.Content(size=100, virtual_size=100, checksum="", os_hash_value="")

    def finish(number):
        upload_id = str(uuid.UUID(int=number))
        return images.db.write("test", lambda c: rows.finish_upload(c, ids[number], upload_id, content, most=350))

    outcomes = at_once(6, finish)
    assert outcomes.count(True) == 3
    assert sum(isinstance(outcome, OverQuota) for outcome in outcomes) == 3


def test_more_than_fits_into_32_bits(make):
    images = make()
    image_id = images.create()
    images.db.write("test", lambda c: rows.begin_upload(c, image_id, image_id, lease_s=30))
    content = rows.Content(size=2**40, virtual_size=2**50, checksum="", os_hash_value="")
    assert images.db.write("test", lambda c: rows.finish_upload(c, image_id, image_id, content))
    assert (images.show(image_id)["size"], images.show(image_id)["virtual_size"]) == (2**40, 2**50)
    assert images.names("red", f"?size_min={2**39}") == ["one"]


def test_images_of_before_are_as_they_were(url):
    db = Database(url)
    config = alembic.config.Config()
    config.set_main_option("script_location", str(migrate._FOLDER).replace("%", "%%"))
    with db.raw_writer().connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0006")
        connection.execute(
            sa.text(
                "INSERT INTO images (uuid, name, owner, status, visibility, size, disk_format, container_format,"
                " min_disk, min_ram, properties, created_at, updated_at) VALUES ('one', 'cirros', 'p', 'active',"
                " 'public', 0, 'qcow2', 'bare', 1, 2, '{\"a\":\"b\"}', 1.0, 2.0)"
            ).execution_options(no_parameters=True)
        )
    migrate.upgrade(db)
    image = db.read(lambda c: rows.get(c, "one"))
    assert (image.name, image.min_disk, image.properties, image.tags) == ("cirros", 1, {"a": "b"}, ())
    assert (image.protected, image.os_hidden, image.has_bytes, image.created_at) == (False, False, False, 1.0)
    db.write("test", lambda c: rows.remove(c, "one"))
    with pytest.raises(NotFound):
        db.read(lambda c: rows.get(c, "one"))
    db.close()
