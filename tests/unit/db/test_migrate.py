"""What a service does with the database it finds: its own, an older, a newer, a stranger's, none at all."""

import pytest
import sqlalchemy as sa

from corenova.db import migrate
from corenova.db.engine import Database
from corenova.db.schema import metadata
from corenova.exceptions import ConfigurationError


@pytest.fixture
def open_db(tmp_path):
    opened = []

    def make():
        opened.append(Database(f"sqlite:///{tmp_path}/db"))
        return opened[-1]

    yield make
    for db in opened:
        db.close()


def run(db, *statements):
    with db.raw_writer().begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_an_empty_database_is_brought_to_the_head_and_then_left_alone(open_db):
    db = open_db()
    assert migrate.current(db) is None
    migrate.upgrade(db)
    assert migrate.current(db) == migrate.head()
    assert set(metadata.tables) <= set(sa.inspect(db.raw_writer()).get_table_names())
    run(db, "INSERT INTO deployment (key, value) VALUES ('k', 'v')")
    migrate.upgrade(open_db())
    assert db.read(lambda c: c.execute(sa.text("SELECT value FROM deployment")).scalar()) == "v"


def test_a_newer_database_is_refused_with_both_versions(open_db):
    db = open_db()
    migrate.upgrade(db)
    run(db, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(
        ConfigurationError, match=rf"newer corenova \(schema 9999, this version knows {migrate.head()}\)"
    ):
        migrate.upgrade(db)


def test_a_strangers_database_is_refused_and_not_touched(open_db):
    db = open_db()
    run(db, "CREATE TABLE accounts (id INTEGER)")
    with pytest.raises(ConfigurationError, match="accounts"):
        migrate.upgrade(db)
    assert sa.inspect(db.raw_writer()).get_table_names() == ["accounts"]


def test_a_file_that_is_no_database_is_refused_with_a_remedy(open_db, tmp_path):
    (tmp_path / "db").write_text("this is not a database " * 100)
    with pytest.raises(ConfigurationError, match="restore it from a backup"):
        migrate.upgrade(open_db())
