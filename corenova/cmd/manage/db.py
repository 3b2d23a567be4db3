"""``corenova-manage db``: the schema of the database. ``upgrade`` is the one command here that writes."""

from oslo_config import cfg

from corenova.cmd.manage import database
from corenova.cmd.manage.output import Output
from corenova.db import migrate


def version(conf: cfg.ConfigOpts, output: Output) -> int:
    """Show the schema that the database has and the one that this version needs."""
    with database.opened(conf) as (db, revision):
        shown = migrate.shown(db)
    output.json({"database": shown, "version": revision, "needed": migrate.head()})
    output.table(("database", "version", "needed"), [(shown, revision, migrate.head())])
    return 0


def upgrade(conf: cfg.ConfigOpts, output: Output) -> int:
    """Bring the database to the schema of this version; makes it when there is none."""
    from corenova.cmd.parts import Parts

    parts = Parts(conf)
    try:
        shown = migrate.shown(parts.db)
    finally:
        parts.close()
    output.json({"database": shown, "version": migrate.head()})
    output.line(f"{shown} is at schema {migrate.head()}.")
    return 0
