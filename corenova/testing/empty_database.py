"""A database at the schema of this version, made once in a process and copied: migrating takes longer than all else."""

import functools
import tempfile
from pathlib import Path

from corenova.db import migrate
from corenova.db.engine import Database


def put(file: Path) -> None:
    """Write an empty SQLite database to ``file`` unless it exists."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_content())


@functools.cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite"
        db = Database(f"sqlite:///{file}")
        migrate.upgrade(db)
        db.close()  # the last connection writes the log back into the file
        return file.read_bytes()
