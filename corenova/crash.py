"""Crash points: named places where a test may kill the process, on every side of every commit and every send.

``Database.write`` and ``rpc`` call these, so each durable step of the pipeline has a point before and after it. In
production a point costs one comparison. ``CORENOVA_CRASH_AT=name`` or ``name:n`` (the n-th pass, counted from 1) kills
a real process with exit code 137, as SIGKILL would; in-process tests install a handler that raises SimulatedCrash.
"""

import os
import threading
from collections.abc import Callable

Handler = Callable[[str], None]

_handler: Handler | None = None


class SimulatedCrash(BaseException):
    """Raised by test handlers. A BaseException, so that no ``except Exception`` in the code survives the crash."""


def crash_point(name: str) -> None:
    """Give an installed handler the chance to end this process here. ``name`` is ``<step>.<before|after>``."""
    if _handler is not None:
        _handler(name)


def install(handler: Handler | None) -> None:
    """Install ``handler`` for the whole process, or remove it with None. For tests and :func:`install_from_env`."""
    global _handler
    _handler = handler


def install_from_env() -> None:
    """Honour ``CORENOVA_CRASH_AT``; called once by every command before it starts its services."""
    where = os.environ.get("CORENOVA_CRASH_AT")
    if where:
        name, _, nth = where.partition(":")
        install(_exit_at(name, int(nth or 1)))


def _exit_at(name: str, nth: int) -> Handler:
    lock, left = threading.Lock(), [nth]

    def handler(point: str) -> None:
        if point != name:
            return
        with lock:
            left[0] -= 1
            if left[0] == 0:
                os._exit(137)

    return handler
