"""One lock a guest: orders, discards and security groups take it, so a driver never has two verbs for one at a time."""

import contextlib
import threading
import weakref
from collections.abc import Iterator


class GuestLocks:
    """One lock a guest, alive while somebody holds or wants it. The same instance on another host is another guest: its
    build there must not wait for one that hangs here."""

    def __init__(self):
        self._lock = threading.Lock()
        self._locks: weakref.WeakValueDictionary[tuple[str, str], _Lock] = weakref.WeakValueDictionary()

    @contextlib.contextmanager
    def of(self, host: str, uuid: str, *, timeout_s: float) -> Iterator[bool]:
        """Hold the lock of ``uuid`` on ``host``; False when it was not to be had within ``timeout_s``."""
        with self._lock:
            lock = self._locks.get((host, uuid))
            if lock is None:
                lock = self._locks[host, uuid] = _Lock()
        held = lock.lock.acquire(timeout=timeout_s)
        try:
            yield held
        finally:
            if held:
                lock.lock.release()


class _Lock:
    """A lock that can be referred to weakly."""

    __slots__ = ("__weakref__", "lock")

    def __init__(self):
        self.lock = threading.Lock()
