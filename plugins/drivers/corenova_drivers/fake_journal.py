"""The file in which the fake fleet's guests outlive the process: one JSON record a line, appended.

A real hypervisor keeps its guests when the compute dies, so the fake one must keep them through a SIGKILL at any
instant. Each record is one write to a descriptor opened for appending: what the kernel has taken survives the process.
"""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from corenova import exceptions

LOG = logging.getLogger(__name__)

JOURNAL = "journal.jsonl"
LOCK = "lock"

Record = dict[str, Any]

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Journal:
    """An append-only file of records below one folder, which one process at a time may hold."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self._lock_path = folder / LOCK
        self._lock_fd = -1
        self._fd = -1

    def open(self, compact: Callable[[Iterable[Record]], Iterable[Record]] | None = None) -> None:
        """Take the folder for this process and make the journal ready for :meth:`append`.

        ``compact`` is given all records and returns those to go on with; without it the file stays as it is.
        Raises ConfigurationError when another process holds the folder or it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_fd = _lock(self._lock_path)
            if compact is not None:
                _replace(self.path, compact(read(self.path)))
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
            self._end_torn_line()
        except OSError as error:
            raise exceptions.ConfigurationError(
                f"The fake driver cannot keep its guests in {self.path}: {error}"
            ) from error

    def append(self, record: Record) -> None:
        """Write one record; on return it survives the process. Raises DriverError when it cannot be written."""
        line = (_encode(record) + "\n").encode()
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            raise exceptions.DriverError(f"The fake driver cannot write to its journal: {error}") from error
        if written != len(line):
            # A full disk took a part. End the torn line, or it would swallow the next record too.
            with contextlib.suppress(OSError):
                os.write(self._fd, b"\n")
            raise exceptions.DriverError("The fake driver cannot write to its journal: the disk is full.")

    def close(self) -> None:
        """Give the folder free for another process. The caller sees to it that nobody appends any more."""
        for descriptor in (self._fd, self._lock_fd):
            if descriptor >= 0:
                os.close(descriptor)
        self._fd = self._lock_fd = -1

    def _end_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")


def read(path: Path) -> Iterator[Record]:
    """Yield the records of a journal in order; none when there is no file.

    A line that is no record was torn when the machine died or the disk was full: whoever wrote it was never told that
    it had succeeded, so it is left out.
    """
    with contextlib.suppress(FileNotFoundError), path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if isinstance(record, dict):
                yield record
            elif line.strip():
                LOG.warning("Line %d of %s is torn and was left out.", number, path)


def _replace(path: Path, records: Iterable[Record]) -> None:
    """Write the file anew: at every instant either the old one or the new one is there, whole."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.writelines((_encode(record) + "\n").encode() for record in records)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(path: Path) -> int:
    """Lock ``path`` for this process, until the returned descriptor is closed or the process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise exceptions.ConfigurationError(
            f"Another compute process (pid {holder}) runs the fake hosts kept in {path.parent}. "
            "Stop it, or give each compute process a state_path of its own."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
