"""The database as the services use it: one writer, many readers, whole transactions that are retried as a whole.

``Database.write(name, work)`` runs ``work(connection)`` in one transaction, with a crash point on either side of the
commit and a retry of the whole on deadlocks and lost connections, so ``work`` must do nothing but SQL. SQLite,
PostgreSQL and MariaDB take the same statements.
"""

import itertools
import operator
import pathlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import sqlalchemy as sa
from oslo_db import exception as db_error
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from corenova.crash import crash_point
from corenova.exceptions import ConfigurationError, Unavailable

T = TypeVar("T")
_ROWS = 50  # in one INSERT; below the limit of bound values, and few enough for the driver to keep the statements
_WAL_TRIES = 500


class now(FunctionElement):
    """The database's clock: seconds since the epoch, UTC, with fractions."""

    type = sa.Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: object, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: object, **_: object) -> str:
    # The clock, not the start of the transaction: a lease begins when it is taken.
    return "extract(epoch from clock_timestamp())"


@compiles(now, "mysql")
@compiles(now, "mariadb")
def _now_mysql(element: now, compiler: object, **_: object) -> str:
    return "unix_timestamp(sysdate(6))"


class Database:
    """Engines for one database URL.

    :param url: SQLAlchemy URL.
    :raises ConfigurationError: when the URL cannot be understood or its driver is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        durability: str = "normal",
        pool_size: int = 10,
        max_overflow: int = 20,
        max_retries: int = 10,
    ):
        try:
            self.url = sa.make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            create = _create_sqlite if self.is_sqlite else _create_server
            self._writer, self._reader = create(self.url, durability, pool_size, max_overflow)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigurationError(
                f"[database] connection = {_without_password(url)} cannot be used: {error}. Write a URL such as "
                "sqlite:///path, postgresql+psycopg://user:password@host/name or mysql+pymysql://..., and install the "
                "extra corenova[postgresql] or corenova[mysql]."
            ) from None
        self._max_retries = max_retries

    def write(self, name: str, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in one writing transaction and return its result; it is run again when the database says so.

        :param name: the step of the pipeline; crash points are ``<name>.before`` and ``<name>.after`` the commit.
        :raises Unavailable: the database cannot be reached or stays locked.
        """
        return self._retried(lambda: self._write_once(name, work))

    def _write_once(self, name: str, work: Callable[[sa.Connection], T]) -> T:
        with self._writer.connect() as connection, connection.begin():
            result = work(connection)
            crash_point(f"{name}.before")
        crash_point(f"{name}.after")
        return result

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one consistent state of the database."""
        try:
            with self._reader.connect() as connection, connection.begin():
                yield connection
        except (db_error.DBConnectionError, sa.exc.OperationalError) as error:
            raise Unavailable("The database cannot be reached.") from error

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` on a reading connection, again when the connection was lost."""

        def once() -> T:
            with self._reader.connect() as connection, connection.begin():
                return work(connection)

        return self._retried(once)

    def _retried(self, once: Callable[[], T]) -> T:
        for attempt in range(1, self._max_retries + 1):
            try:
                return once()
            except (db_error.DBDeadlock, db_error.DBConnectionError, db_error.RetryRequest) as error:
                failure = error
            except (sa.exc.OperationalError, db_error.DBError) as error:
                if not _may_pass(error):
                    raise
                failure = error
            time.sleep(min(0.01 * 2**attempt, 1.0) * random.uniform(0.5, 1.5))
        raise Unavailable("The database cannot be reached or is busy; try again.") from failure

    def raw_writer(self) -> sa.Engine:
        """Return the writing engine, for migrations only."""
        return self._writer

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()


def execute_many(
    connection: sa.Connection, statement: sa.Insert | sa.Update | sa.Delete, rows: Sequence[Mapping]
) -> int:
    """Run one statement for many rows and return how many rows it touched in all.

    For statements that are made once, with rows of the same keys and values that the driver takes as they are: the
    text is compiled once a dialect, and the rows go to the driver without the library's work on each of them, which
    was two thirds of the price of a row.
    """
    text, constants, order = _compiled(statement, connection.dialect, tuple(rows[0]))
    if constants:
        rows = [{**constants, **row} for row in rows]
    if order is None:
        return connection.exec_driver_sql(text, list(rows)).rowcount
    rows = [order(row) for row in rows]
    if statement.is_insert and len(rows) > 1:
        return sum(_insert(connection, text, rows[i : i + _ROWS]) for i in range(0, len(rows), _ROWS))
    return connection.exec_driver_sql(text, rows).rowcount


def _insert(connection: sa.Connection, text: str, rows: Sequence[tuple]) -> int:
    """Insert many rows with one statement: SQLite's driver lets go of Python's lock once a statement and row."""
    parameters = tuple(itertools.chain.from_iterable(rows))
    return connection.exec_driver_sql(_repeated(text, len(rows)), parameters).rowcount


@lru_cache(maxsize=1024)
def _repeated(text: str, count: int) -> str:
    head, values = text.split(" VALUES ", 1)
    return f"{head} VALUES {', '.join([values] * count)}"


@lru_cache(maxsize=256)
def _compiled(
    statement: sa.Insert | sa.Update | sa.Delete, dialect: sa.Dialect, keys: tuple[str, ...]
) -> tuple[str, dict[str, object], Callable[[Mapping], tuple] | None]:
    """Return the driver's text, the statement's own values, and what puts a row in order (None: names are used)."""
    # What an UPDATE's parameters are called it says itself; an INSERT's are the keys of the rows.
    columns = list(keys) if statement.is_insert else None
    compiled = statement.compile(dialect=dialect, column_keys=columns, for_executemany=True)
    constants = {name: value for name, value in compiled.params.items() if name not in keys}
    for column in compiled.insert_prefetch:
        constants[column.key] = column.default.arg  # the schema has scalar defaults only
    if not compiled.positional:
        return str(compiled), constants, None
    names = tuple(compiled.positiontup)
    order = operator.itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    return str(compiled), constants, order


def _may_pass(error: Exception) -> bool:
    """Tell whether a later try may succeed: the database is locked, or no connection could be made (no statement)."""
    # Not the whole text: it has the statement in it, and there is a column called locked_by.
    cause = str(getattr(error, "orig", None) or getattr(error, "inner_exception", None) or "")
    return "is locked" in cause or getattr(error, "statement", "") is None


def for_update(select: sa.Select, connection: sa.Connection, *, skip_locked: bool = False) -> sa.Select:
    """Lock the selected rows until the commit; ``skip_locked`` leaves out those that another transaction holds.

    SQLite's writer has the whole database to itself already.
    """
    return select if connection.dialect.name == "sqlite" else select.with_for_update(skip_locked=skip_locked)


def _create_sqlite(url: sa.URL, durability: str, *_: int) -> tuple[sa.Engine, sa.Engine]:
    """The recipe: WAL, BEGIN IMMEDIATE on the writer (a deferred one fails when it turns into a writer while another
    writes), busy_timeout, and a pool, because closing the last connection forces a checkpoint at every commit."""
    if url.database and url.database != ":memory:":
        pathlib.Path(url.database).parent.mkdir(parents=True, exist_ok=True)

    def create(begin: str) -> sa.Engine:
        engine = sa.create_engine(url, poolclass=sa.pool.QueuePool, pool_size=32, max_overflow=64, hide_parameters=True)
        exc_filters.register_engine(engine)

        @sa.event.listens_for(engine, "connect")
        def _connect(dbapi_connection: sqlite3.Connection, _record: object) -> None:
            dbapi_connection.isolation_level = None  # sqlite3 would begin transactions by itself, deferred ones
            dbapi_connection.execute("PRAGMA busy_timeout=15000")
            _to_wal(dbapi_connection)
            dbapi_connection.execute(f"PRAGMA synchronous={durability.upper()}")

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    return create("BEGIN IMMEDIATE"), create("BEGIN")


def _to_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL; while another process does so this fails at once, busy_timeout or not."""
    for left in range(_WAL_TRIES, 0, -1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or left == 1:
                raise
        time.sleep(0.02)


def _create_server(url: sa.URL, _durability: str, pool_size: int, max_overflow: int) -> tuple[sa.Engine, sa.Engine]:
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_recycle=3600,
        hide_parameters=True,  # errors are logged, and rows hold passwords and user data
        # Every claim is a compare-and-swap in one statement; gap locks would only add deadlocks.
        isolation_level="READ COMMITTED",
    )
    exc_filters.register_engine(engine)
    if engine.dialect.name in ("mysql", "mariadb"):

        @sa.event.listens_for(engine, "connect")
        def _connect(dbapi_connection: object, _record: object) -> None:
            # unix_timestamp() reads local time, which one hour a year has twice.
            with dbapi_connection.cursor() as cursor:
                cursor.execute("SET time_zone = '+00:00'")

    return engine, engine


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "(not a URL)"
