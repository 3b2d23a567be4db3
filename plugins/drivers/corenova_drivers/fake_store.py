"""The guests of the fake fleet: in memory for reading, in the journal for the next process.

The key of a guest is (host, uuid): nothing stops the same uuid on two hosts, because a test of the control plane must
be able to see that it happened.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from corenova import exceptions
from corenova_drivers.fake_journal import JOURNAL, Journal, Record, read

_STRIPES = 64
_SELDOM = ("rescued", "nics", "firewalls")  # written only where there is something: most guests have none


class FakeGuest(NamedTuple):
    """One guest on one host.

    :param owner: the deployment id that it was spawned under.
    :param power_state: what its last start or stop left it in; a guest that dies by itself is not written down again.
    :param started_at: seconds since the epoch, so that it means something to the next process.
    :param nics: MACs by port; ``firewalls``: the rules by port.
    """

    host: str
    uuid: str
    name: str
    owner: str
    power_state: int
    started_at: float = 0.0
    rescued: bool = False
    nics: dict[str, str] = {}
    firewalls: dict[str, Any] = {}


class FakeStore:
    """All guests of one state directory. Safe to use from several threads.

    No lock is held over all guests while a record is written: a thread that waits there for the interpreter would
    make all others wait with it. Writers of one uuid exclude each other, writers of different uuids seldom meet.
    """

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder)
        self._hosts: dict[str, dict[str, FakeGuest]] = {}
        self._stripes = [threading.RLock() for _ in range(_STRIPES)]
        self._is_open = False

    def open(self, *, power_cut: bool = False, keep_history: bool = False) -> None:
        """Read what earlier processes left and take the store for this one.

        ``power_cut`` starts with no guest at all; ``keep_history`` leaves the journal uncompacted. Raises
        ConfigurationError when another process has the store.
        """
        if keep_history:
            self._journal.open()
            self._hosts = _replay(read(self._journal.path))
            self._is_open = True
            if power_cut:
                self._hosts = {}
                self._journal.append({"op": "power_cut"})
            return

        def compact(records: Iterable[Record]) -> Iterator[Record]:
            self._hosts = {} if power_cut else _replay(records)
            return (_record("keep", guest) for guests in self._hosts.values() for guest in guests.values())

        self._journal.open(compact)
        self._is_open = True

    def close(self) -> None:
        """Let go of the files, after whoever writes at this moment has finished. Guests stay."""
        for stripe in self._stripes:
            stripe.acquire()
        try:
            self._is_open = False
            self._journal.close()
        finally:
            for stripe in self._stripes:
                stripe.release()

    def get(self, host: str, uuid: str) -> FakeGuest | None:
        """Return the guest, or None."""
        return self._hosts.get(host, {}).get(uuid)

    def on_host(self, host: str) -> list[FakeGuest]:
        """Return all guests of ``host``, whoever owns them."""
        # list() of a dict's values is one step of the interpreter, so a writer beside it does no harm.
        return list(self._hosts.get(host, {}).values())

    def changing(self, uuid: str) -> AbstractContextManager:
        """Exclude other changes of this uuid, for a look that is followed by a write."""
        return self._stripes[hash(uuid) % _STRIPES]

    def put(self, guest: FakeGuest, *, op: str = "put") -> None:
        """Create or replace a guest. ``op`` is the word for it in the journal: ``spawn`` for a new one."""
        with self.changing(guest.uuid):
            self._append(_record(op, guest))
            self._hosts.setdefault(guest.host, {})[guest.uuid] = guest

    def remove(self, host: str, uuid: str) -> None:
        """Forget a guest; no error when there is none."""
        with self.changing(uuid):
            if self.get(host, uuid) is not None:
                self._append({"op": "destroy", "host": host, "uuid": uuid})
                self._hosts[host].pop(uuid, None)

    def _append(self, record: Record) -> None:
        if not self._is_open:
            raise exceptions.DriverError("The fake driver is stopped.")
        self._journal.append(record)


def read_history(state_path: str | Path) -> list[Record]:
    """Return every record of the journal below ``state_path``; whole only with ``[fake] keep_history``.

    For tests: records with ``op`` ``spawn`` are guests that were created, with their host and uuid.
    """
    return list(read(folder_of(state_path) / JOURNAL))


def folder_of(state_path: str | Path) -> Path:
    """Return the folder below ``state_path`` that is the fake driver's own."""
    return Path(state_path) / "fake"


def _record(op: str, guest: FakeGuest) -> Record:
    return {
        "op": op,
        "host": guest.host,
        "uuid": guest.uuid,
        "name": guest.name,
        "owner": guest.owner,
        "power_state": guest.power_state,
        "started_at": guest.started_at,
        **{name: value for name in _SELDOM if (value := getattr(guest, name))},
    }


def _replay(records: Iterable[Record]) -> dict[str, dict[str, FakeGuest]]:
    """Return the guests that are left after all ``records``, by host and uuid."""
    hosts: dict[str, dict[str, FakeGuest]] = {}
    for record in records:
        op = record["op"]
        if op == "power_cut":
            hosts.clear()
        elif op == "destroy":
            hosts.get(record["host"], {}).pop(record["uuid"], None)
        else:
            guest = FakeGuest(**{field: record[field] for field in FakeGuest._fields if field in record})
            hosts.setdefault(guest.host, {})[guest.uuid] = guest
    return hosts
