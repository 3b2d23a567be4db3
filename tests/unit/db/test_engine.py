"""The engine: whole transactions, tried again as a whole, with a crash point on either side of the commit."""

import threading

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova import crash
from corenova.db import migrate
from corenova.db.engine import Database
from corenova.db.schema import deployment
from corenova.exceptions import ConfigurationError, Unavailable


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.setattr("corenova.db.engine.time.sleep", lambda seconds: None)
    db = Database(f"sqlite:///{tmp_path}/folder/db", max_retries=5)
    migrate.upgrade(db)
    yield db
    db.close()
    crash.install(None)


def put(connection, key="k"):
    connection.execute(sa.insert(deployment).values(key=key, value="v"))


def keys(db):
    return db.read(lambda c: c.execute(sa.select(deployment.c.key)).scalars().all())


def failing(times, error):
    """Work that writes and then fails so many times; its ``tries`` counts."""

    def work(connection):
        work.tries += 1
        put(connection)
        if work.tries <= times:
            raise error
        return "done"

    work.tries = 0
    return work


@pytest.mark.parametrize(
    "error",
    [
        db_error.DBDeadlock(),
        db_error.DBConnectionError(),
        db_error.RetryRequest(RuntimeError("overtaken")),
        sa.exc.OperationalError("UPDATE", {}, Exception("database is locked")),
        sa.exc.OperationalError(None, None, Exception("connection refused")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again_from_the_beginning(db, error):
    work = failing(4, error)
    assert db.write("test", work) == "done"
    assert (work.tries, keys(db)) == (5, ["k"])


def test_what_does_not_pass_is_unavailable_and_nothing_is_written(db):
    work = failing(99, db_error.DBDeadlock())
    with pytest.raises(Unavailable):
        db.write("test", work)
    assert (work.tries, keys(db)) == (5, [])


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), sa.exc.OperationalError("SELECT", {}, Exception("no such table: x"))]
)
def test_a_mistake_is_not_tried_again_and_nothing_is_written(db, error):
    work = failing(99, error)
    with pytest.raises(type(error)):
        db.write("test", work)
    assert (work.tries, keys(db)) == (1, [])


def test_writers_of_a_sqlite_file_wait_for_each_other_and_need_no_second_try(db):
    """BEGIN IMMEDIATE: a transaction that reads first and writes then would be refused at once while another writes."""
    impatient = Database(db.url.render_as_string(), max_retries=1)
    db.write("test", lambda c: c.execute(sa.insert(deployment).values(key="count", value="0")))
    errors = []

    def one_more(connection):
        found = connection.execute(sa.select(deployment.c.value)).scalar()
        connection.execute(sa.update(deployment).values(value=str(int(found) + 1)))

    def run():
        try:
            for _ in range(30):
                impatient.write("test", one_more)
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    impatient.close()
    assert errors == []
    assert db.read(lambda c: c.execute(sa.select(deployment.c.value)).scalar()) == "180"


def test_reads_are_tried_again_too(db):
    left = [db_error.DBConnectionError()] * 3

    def look(connection):
        if left:
            raise left.pop()
        return 42

    assert db.read(look) == 42


@pytest.mark.parametrize(("point", "written"), [("test.before", []), ("test.after", ["k"])])
def test_a_crash_before_the_commit_writes_nothing_and_one_after_it_everything(db, point, written):
    def handler(name):
        if name == point:
            raise crash.SimulatedCrash(name)

    crash.install(handler)
    with pytest.raises(crash.SimulatedCrash):
        db.write("test", put)
    crash.install(None)
    assert keys(db) == written


def test_a_reader_sees_one_state_however_long_it_looks(db):
    with db.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(deployment)).scalar()
        db.write("test", put)
        assert connection.execute(sa.select(sa.func.count()).select_from(deployment)).scalar() == before
    assert keys(db) == ["k"]


@pytest.mark.parametrize("url", ["rubbish", "nosuch://x/y", "postgresql+nosuch://u:secret@h/d"])
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(ConfigurationError, match=r"\[database\] connection") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_what_is_written_is_not_in_the_words_of_an_error(tmp_path):
    """Errors are logged, and rows hold passwords."""
    db = Database(f"sqlite:///{tmp_path}/db")
    with pytest.raises(Exception) as raised:
        db.write("test", lambda c: c.execute(sa.text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "s3cret"}))
    assert "s3cret" not in str(raised.value)
    db.close()
