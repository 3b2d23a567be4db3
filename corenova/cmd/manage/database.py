"""The database as reading commands open it: it must be there, at the schema of this version, and stays as it is."""

import pathlib
from collections.abc import Iterator
from contextlib import contextmanager

from oslo_config import cfg

from corenova.db import migrate
from corenova.db.engine import Database
from corenova.exceptions import ConfigurationError

NOTHING = "There is nothing yet in {where}; start corenova-all first, or name its ini file with --config-file."


@contextmanager
def opened(conf: cfg.ConfigOpts) -> Iterator[tuple[Database, str]]:
    """Open the database for reading and yield it with the revision that it has; whatever that is.

    :raises ConfigurationError: there is none, or it cannot be used. Nothing is made then.
    """
    section = conf.database
    url = section.connection or f"sqlite:///{pathlib.Path(conf.state_path).absolute()}/corenova.sqlite"
    _check_file(url)
    db = Database(url, max_retries=section.max_retries)
    try:
        revision = migrate.current(db)
        if revision is None:
            raise ConfigurationError(NOTHING.format(where=f"the database {migrate.shown(db)}"))
        yield db, revision
    finally:
        db.close()


@contextmanager
def reading(conf: cfg.ConfigOpts) -> Iterator[Database]:
    """Open the database for reading.

    :raises ConfigurationError: there is none, it cannot be used, or its schema is another version's.
    """
    with opened(conf) as (db, revision):
        head = migrate.head()
        if revision != head:
            remedy = (
                "it was written by a newer corenova: install that version"
                if revision > head
                else "bring it there with corenova-manage db upgrade, or start a service"
            )
            raise ConfigurationError(
                f"The database {migrate.shown(db)} has schema {revision} and this version needs {head}: {remedy}."
            )
        yield db


def _check_file(url: str) -> None:
    """See that a SQLite file is there: to open one that is not would make it."""
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return  # Database says what is wrong with it
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return
    file = pathlib.Path(parsed.database)
    try:
        if file.stat().st_size == 0:
            raise FileNotFoundError
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(NOTHING.format(where=file)) from None
