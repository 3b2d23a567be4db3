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
        self._code = 0
        self._wake: int | None = None

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT end the process in good order, or after ``stop_s`` wherever it stands.

        A thread waits for them: the main one may be inside a start that waits for a broker, and what it holds then a
        handler must not ask for.
        """
        here, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._watch, args=(here,), name="signals", daemon=True).start()

    def end(self, code: int) -> None:
        """End the process as a signal would, with this exit code; returns at once. Before :meth:`listen`: nothing."""
        if self._wake is not None:
            self._code = code
            os.write(self._wake, b"\0")

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

    @property
    def is_running(self) -> bool:
        """Whether any service runs."""
        return bool(self._running)

    def stop(self) -> None:
        """Stop all services that run, the last one first. Never raises."""
        while self._running:
            name, stop = self._running.pop()
            try:
                stop()
            except Exception:
                LOG.exception("Stopping %s failed", name)

    def run(self, ready: Callable[[], None]) -> None:
        """Start, call ``ready``, wait for a signal (see :meth:`listen`) or an :meth:`end`, stop, end the process."""
        with contextlib.suppress(AttributeError, ValueError):
            faulthandler.register(signal.SIGUSR2, all_threads=True)
        self.start()
        if not self._signalled.is_set():
            ready()
        self._signalled.wait()
        self.stop()
        end(self._code)

    def _watch(self, pipe: int) -> None:
        os.read(pipe, 1)
        self._signalled.set()
        # A handler that hangs must not keep the process: Python would wait for its thread at exit.
        time.sleep(self._stop_s)
        LOG.warning("Still stopping after %s s; ending. The next start takes up what is left.", self._stop_s)
        end(self._code)


def end(code: int) -> None:
    """End the process now, whatever threads are left."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
