"""The same rows on every database: what is settled between processes must be settled there, too."""

import threading
import uuid

import pytest
import sqlalchemy as sa

from corenova.db import identity as rows
from corenova.db import images, schema
from corenova.db.engine import Database
from corenova.exceptions import Conflict
from corenova.identity import seed
from corenova.identity.tokens import Token, TokenSealer, rotate
from corenova.image import store


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql_url", marks=pytest.mark.pg),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def db(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    db = Database(f"sqlite:///{tmp_path}/db" if is_sqlite else _own_database(request.getfixturevalue(request.param)))
    schema.metadata.create_all(db.raw_writer())
    yield db
    db.close()


def _own_database(url):
    name = f"identity_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


def test_one_of_several_processes_seeds(db):
    found = []
    threads = [threading.Thread(target=lambda: found.append(seed.seed(db))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len([credentials for credentials in found if credentials]) == 1
    assert len(db.read(lambda connection: rows.find(connection, rows.Assignment))) == 3


def test_twice_is_as_good_as_once(db):
    seed.seed(db)
    [demo] = db.read(lambda connection: rows.find(connection, rows.User, name="demo"))
    [given] = db.read(lambda connection: rows.find(connection, rows.Assignment, user_id=demo.id))
    for _ in range(2):
        db.write("test", lambda connection: rows.assign(connection, given))
        db.write("test", lambda connection: rows.revoke(connection, "a", expires_at=5.0, at=4.0))
    assert db.read(lambda connection: rows.is_revoked(connection, "a"))
    db.write("test", lambda connection: rows.revoke(connection, "b", expires_at=9.0, at=8.0))
    assert not db.read(lambda connection: rows.is_revoked(connection, "a")), "forgotten after it expired"
    with pytest.raises(Conflict):
        db.write("test", lambda connection: rows.add(connection, rows.Role(id="x", name="admin")))
    assert [role.name for role in db.read(lambda conn: rows.standing(conn, demo.id, given.project_id)).roles] == [
        "member",
        "reader",
    ]
    assert [project.name for project in db.read(lambda connection: rows.projects_of(connection, demo.id))] == ["demo"]


def test_keys_are_shared(db):
    token = Token(
        user_id="u", project_id="p", methods=(), issued_at=0.0, expires_at=1.0, audit_ids=("a",), password_mark=b""
    )
    one, other = TokenSealer(db), TokenSealer(db)
    assert other.open(one.seal(token)) == token
    rotate(db)
    assert TokenSealer(db).open(one.seal(token)) == token


def test_images(db):
    for _ in range(2):
        store.seed(db, "admin")
    query = images.ImageQuery(project_id="x", sort=(("size", False), ("name", True)), properties={"a": "%"})
    assert db.read(lambda connection: images.page(connection, query)) == []
    query = images.ImageQuery(project_id="x", sort=(("size", False), ("created_at", True)))
    [cirros] = db.read(lambda connection: images.page(connection, query))
    assert cirros.created_at > 1.7e9
    behind = images.ImageQuery(project_id="x", sort=query.sort, marker=cirros.uuid)
    assert db.read(lambda connection: images.page(connection, behind)) == []
