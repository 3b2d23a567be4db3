"""Brings the database to the schema of this version; refuses one that a newer version has written.

Run by every service that opens the database: the first one does the work, under a lock of the database itself.
"""

import contextlib
import logging
import pathlib
import sqlite3
from collections.abc import Iterator

import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.engine import Database
from corenova.exceptions import ConfigurationError

LOG = logging.getLogger(__name__)
_FOLDER = pathlib.Path(__file__).with_name("migrations")
_LOCK_ID = 0x636F7265  # "core", for databases whose locks have numbers
_LOCK_WAIT_S = 60
_OURS = "deployment"  # a table that every version has


def head() -> str:
    """Return the newest revision that this version knows: the last file of ``migrations/versions``."""
    return max(path.name.split("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def current(db: Database) -> str | None:
    """Return the revision of the database, None for an empty one. Nothing is made or changed.

    :raises ConfigurationError: it is no database, cannot be opened, or is somebody else's.
    """

    def look(connection: sa.Connection) -> str | None:
        tables = sa.inspect(connection).get_table_names()
        found = None
        if "alembic_version" in tables:
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            if found is None or _OURS in tables:
                return found
        if tables:
            raise ConfigurationError(
                f"The database {shown(db)} has tables ({', '.join(sorted(tables)[:3])}, ...) but they are not "
                "corenova's. Name another one in [database] connection."
            )
        return None

    if db.is_sqlite and not pathlib.Path(db.url.database or "").exists():
        return None
    # With a connection of its own: the service's would turn a stranger's SQLite file to WAL.
    engine = sa.create_engine(db.url, poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            return look(connection)
    except (sa.exc.DatabaseError, sqlite3.DatabaseError, db_error.DBError) as error:
        raise ConfigurationError(_unusable(db, error)) from error


def upgrade(db: Database) -> None:
    """Bring the database to :func:`head`; nothing happens when it is there already.

    :raises ConfigurationError: the database is newer than this version, or cannot be used.
    """
    found = current(db)
    if found == head():
        return
    if found is not None and found > head():
        raise ConfigurationError(
            f"The database {shown(db)} was written by a newer corenova (schema {found}, this version knows {head()}). "
            "Install that version, or name another database in [database] connection."
        )
    # Imported here: a start that finds the schema in place need not pay for alembic.
    import alembic.command
    import alembic.config
    import alembic.util

    config = alembic.config.Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with _locked(db), db.raw_writer().connect() as connection, connection.begin():
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
    except (sa.exc.DatabaseError, sqlite3.DatabaseError, db_error.DBError, alembic.util.CommandError) as error:
        raise ConfigurationError(_unusable(db, error)) from error
    LOG.info("Database schema %s -> %s", found or "(empty)", head())


@contextlib.contextmanager
def _locked(db: Database) -> Iterator[None]:
    """Let one process migrate at a time. SQLite's BEGIN IMMEDIATE does that already.

    The lock is held by a connection of its own, because it must outlive the commit of the migration.
    """
    if db.is_sqlite:
        yield
        return
    with db.raw_writer().connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK_ID})"))
            yield
            return
        if connection.execute(sa.text(f"SELECT GET_LOCK('{_LOCK_ID}', {_LOCK_WAIT_S})")).scalar() != 1:
            raise ConfigurationError(f"Another process has been migrating {shown(db)} for {_LOCK_WAIT_S} s. Try again.")
        try:
            yield
        finally:
            # It would stay with the connection, which goes back to the pool.
            connection.execute(sa.text(f"SELECT RELEASE_LOCK('{_LOCK_ID}')"))


def shown(db: Database) -> str:
    """Return the database's URL without its password."""
    return db.url.render_as_string(hide_password=True)


def _unusable(db: Database, error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    remedy = "Check [database] connection."
    if "not a database" in cause or "malformed" in cause:
        remedy = "The file is damaged: restore it from a backup, or move it away to start empty."
    elif db.is_sqlite:
        remedy = "Check [DEFAULT] state_path and [database] connection, and who may write there."
    return f"The database {shown(db)} cannot be used: {cause}. {remedy}"
