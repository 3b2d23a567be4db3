"""One process: the services it runs, started in order, stopped in reverse, within a bounded time."""

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

LOG = logging.getLogger(__name__)


class ServiceHost:
    """Runs services until a signal comes.

    :param stop_s: after this many seconds of stopping the process ends as it is: whatever was accepted is in the
        database, and a restart takes it up.
    """

    def __init__(self, *, stop_s: float = 1.8):
        self._stop_s = stop_s
        self._services: list[tuple[str, Callable[[], None], Callable[[], object]]] = []
        self._running: list[tuple[str, Callable[[], object]]] = []
        self._signalled = threading.Event()

    def add(self, name: str, start: Callable[[], None], stop: Callable[[], object]) -> None:
        """Register a service; the order of registration is the order of starting."""
        self._services.append((name, start, stop))

    def start(self) -> None:
        """Start all services; when one fails, stop those that run and raise."""
        try:
            for name, start, stop in self._services:
                start()
                self._running.append((name, stop))
                LOG.debug("%s runs", name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all services that run, the last one first. Never raises."""
        while self._running:
            name, stop = self._running.pop()
            try:
                stop()
            except Exception:
                LOG.exception("Stopping %s failed", name)

    def run(self, ready: Callable[[], None]) -> None:
        """Start, call ``ready``, wait for SIGTERM or SIGINT, stop, and end the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._signalled.set())
        with contextlib.suppress(AttributeError, ValueError):
            faulthandler.register(signal.SIGUSR2, all_threads=True)
        self.start()
        ready()
        self._signalled.wait()
        # A handler that hangs must not keep the process: Python would wait for its thread at exit.
        threading.Thread(target=self._deadline, daemon=True).start()
        self.stop()
        end(0)

    def _deadline(self) -> None:
        time.sleep(self._stop_s)
        LOG.warning("Still stopping after %s s; ending. The next start takes up what is left.", self._stop_s)
        end(0)


def end(code: int) -> None:
    """End the process now, whatever threads are left."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
