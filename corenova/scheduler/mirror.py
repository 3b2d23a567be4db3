"""Keeps the scheduler's picture of the hosts (hosts.py) like the database, reading as little as possible.

Every change of a host raises its revision in the transaction that makes it. The scheduler counts the changes that it
has made itself, so a host whose revision is as expected is not read again, and a thousand claims a second cost nothing.
"""

import time
from collections.abc import Iterable

import numpy as np
import sqlalchemy as sa

from corenova.db import hosts as db_hosts
from corenova.db.engine import Database
from corenova.objects.host_row import HostRow
from corenova.scheduler.hosts import HostTable

_OVERLAP_S = 10.0
"""How far back a refresh looks: a transaction may commit this much after the moment that it stamped on its rows."""
_CHUNK = 500
_COMPARE_EVERY_S = 30.0


class Mirror:
    """A table and the database it mirrors. Not thread-safe: its owner locks.

    :param down_time_s: a service that was silent for so long is down.
    """

    def __init__(self, db: Database, table: HostTable, *, down_time_s: float):
        self.table = table
        self._db = db
        self._down_time_s = down_time_s
        self._revisions: dict[str, int] = {}
        self._uuids: dict[str, str] = {}
        self._census = (0, 0)
        self._compared_at = -1e9
        self._newest = 0.0
        self.refreshed_at = -1e9

    def refresh(self, *, thorough: bool = False) -> None:
        """Read what has changed since the last time.

        :param thorough: compare the revisions of all hosts, not of those alone that were touched lately: nothing is
            missed then, whatever the database's clock has done. Done every now and then in any case.
        """
        now = time.monotonic()
        thorough |= now - self._compared_at > _COMPARE_EVERY_S
        self._db.read(lambda connection: self._refresh(connection, thorough=thorough))
        self.refreshed_at = now
        if thorough:
            self._compared_at = now

    def _refresh(self, connection: sa.Connection, *, thorough: bool) -> None:
        census = db_hosts.census(connection)
        touched = db_hosts.changed(connection, 0.0 if thorough else self._newest - _OVERLAP_S)
        # A host may have gone and another, or one of the same name, have come in its place.
        is_known = all(self._uuids.get(row.host) == row.uuid for row in touched)
        if census != self._census or not is_known:
            self._load(db_hosts.snapshot(connection, down_time_s=self._down_time_s))
            self._census = census
            return
        self._read_again(connection, [row.host for row in touched if self._revisions.get(row.host) != row.revision])
        self._newest = max([self._newest, *(row.changed_at for row in touched)])
        self._take_services(db_hosts.out_of_service(connection, down_time_s=self._down_time_s))
        self._take_builds(db_hosts.builds(connection))

    def _load(self, rows: list[HostRow]) -> None:
        self.table.load(rows)
        self._revisions = {row.host: row.revision for row in rows}
        self._uuids = {row.host: row.uuid for row in rows}
        self._newest = max((row.changed_at for row in rows), default=0.0)

    def _read_again(self, connection: sa.Connection, names: list[str]) -> None:
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            rows = db_hosts.snapshot(connection, down_time_s=self._down_time_s, hosts=chunk)
            self.table.apply(row for row in rows if row.host in self.table.index)
            self._revisions |= {row.host: row.revision for row in rows}

    def _take_services(self, troubled: dict[str, tuple[bool, bool, str | None]]) -> None:
        table = self.table
        known = set(np.flatnonzero(~table.is_up | table.disabled).tolist())
        for host, (is_up, disabled, reason) in troubled.items():
            row = table.index.get(host)
            if row is not None:
                known.discard(row)
                table.set_service(row, is_up=is_up, disabled=disabled, reason=reason)
        for row in known:
            table.set_service(row, is_up=True, disabled=False)

    def _take_builds(self, builds: dict[str, int]) -> None:
        table = self.table
        for row in np.flatnonzero(table.num_io_ops).tolist():
            if table.names[row] not in builds:
                table.set_io_ops(row, 0)
        for host, number in builds.items():
            if host in table.index:
                table.set_io_ops(table.index[host], number)

    def claimed(self, hosts: Iterable[str]) -> None:
        """Note that a claim of ours has raised the revisions of these hosts; the table has it already."""
        for host in hosts:
            self._revisions[host] += 1

    def reload(self, hosts: Iterable[str]) -> None:
        """Read these hosts again: what was entered for them has not come true."""
        self._db.read(lambda connection: self._read_again(connection, sorted(set(hosts))))

    def distrust(self) -> None:
        """Read everything again next time."""
        self._census = (-1, -1)
        self.refreshed_at = -1e9
