"""A directory of this user for what is the same in every run of the tests and takes long to make."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def directory() -> Path:
    """Return the directory, which exists."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corenova"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process of this user at a time do what ``name`` stands for."""
    with (directory() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
