"""Writes down what a decision was made on, so that it can be made again: see records.py and ``corenova-manage replay``.

A thread collects the changes of the table every few seconds, out of the way of the decisions; a copy of the columns
begins the record, and another one every ten minutes keeps replay short. What was decided in the last seconds before a
crash cannot be replayed; nothing else depends on these records.
"""

import logging
import math
import threading
import time
import uuid

import sqlalchemy as sa

from corenova.db import fleet_records
from corenova.db.engine import Database
from corenova.scheduler import records
from corenova.scheduler.hosts import HostTable

LOG = logging.getLogger(__name__)
_COPY_EVERY_S = 600.0
_WRITE_EVERY_S = 2.0
_PATIENCE_S = 1.0
_FORGET = 100


class Recorder:
    """Records one table, from the moment that it is made and the table still empty.

    :param lock: held by whoever changes the table; the recorder takes it for the moment that collecting takes.
    :param retention_s: how long records are kept; 0: nothing is recorded.
    :ivar picture: the name of what is recorded, which decisions carry; empty when nothing is.
    """

    def __init__(self, db: Database, table: HostTable, lock: threading.Lock, *, retention_s: float):
        self.picture = str(uuid.uuid4()) if retention_s else ""
        self._db = db
        self._table = table
        self._lock = lock
        self._retention_s = retention_s
        self._written = table.revision
        self._copied_at = time.monotonic()
        self._pending: list[fleet_records.Record] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        if self.picture:
            table.log = []
            self._pending.append((table.revision, True, records.copy_of(table)))

    def start(self) -> None:
        """Begin to record."""
        if self.picture:
            self._thread.start()

    def stop(self) -> None:
        """Write what is left and end."""
        if self._thread.is_alive():
            self._stopped.set()
            self._thread.join(5.0)

    def give_up(self) -> None:
        """End without waiting: whoever holds the lock may never let it go."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(_WRITE_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        try:
            self.write()
        except Exception as error:
            LOG.warning("What decisions are made on is not recorded at the moment: %s", error)
            self._pending.clear()
            self._copied_at = -math.inf  # there is a gap: go on with a copy

    def write(self) -> None:
        """Write what has changed since the last time, and a copy of the table when one is due."""
        table = self._table
        is_due = time.monotonic() - self._copied_at > _COPY_EVERY_S
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return  # a long decision; next time
        try:
            log, table.log = table.log, []
            begin, self._written = self._written, table.revision
            gathered = records.gathered(table) if is_due else None
        finally:
            self._lock.release()
        if log:
            self._pending.append((begin, False, records.changes_of(log)))
        if gathered is not None:
            self._pending.append((self._written, True, records.packed(gathered)))
            self._copied_at = time.monotonic()
        if self._pending:
            self._db.write("scheduler.record", self._put)
            self._pending.clear()

    def _put(self, connection: sa.Connection) -> None:
        fleet_records.put(connection, self.picture, self._pending)
        fleet_records.forget(connection, older_than_s=self._retention_s, most=_FORGET)
