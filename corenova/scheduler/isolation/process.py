"""A process of an isolated plug-in, as its scheduler sees it: started, asked, killed. One question at a time."""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref

import msgspec

from corenova.scheduler.hosts import HostTable
from corenova.scheduler.isolation.wire import Answer, Question, Start, decode_answer, receive, send

START_S = 30.0
"""How long it may take until the plug-in is loaded."""
END_S = 2.0
"""How long one that is killed may take to end."""


class Process:
    """One process; it begins to load the plug-in at once, nobody waits for that before the first question.

    :ivar table: whose hosts it knows, as a weak reference; None: nobody's.
    :ivar revision: as of which revision of the table.
    """

    def __init__(self, start: Start):
        self.table: weakref.ref[HostTable] | None = None
        self.revision = 0
        self._timeout_s = start.timeout_s
        self._loads_until: float | None = time.monotonic() + START_S  # None: it is loaded
        self._channel, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = ["-P", "-m", "corenova.scheduler.isolation.worker", str(number), msgspec.json.encode(start)]
            self._popen = subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.DEVNULL, pass_fds=[number], env=_environment()
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    @property
    def has_died(self) -> bool:
        """Whether it has ended since it was asked for the last time: killed by somebody else, say."""
        return self._loads_until is None and self._popen.poll() is not None

    def ask(self, question: Question) -> Answer:
        """Return the answer.

        :raises TimeoutError: it has not answered in time.
        :raises ChildProcessError: it has ended, or answers what is no answer. After either it is to be killed.
        """
        message = pickle.dumps(question, pickle.HIGHEST_PROTOCOL)
        try:
            loaded = self._wait_loaded()
            if loaded.fault:
                raise ChildProcessError(f"its process cannot load it: {loaded.fault}")
            deadline = time.monotonic() + self._timeout_s
            send(self._channel, message, deadline=deadline)
            return decode_answer(receive(self._channel, deadline=deadline))
        except TimeoutError:
            raise TimeoutError(f"it has not come back for {self._timeout_s:g} s, its process is killed") from None
        except ChildProcessError:
            raise
        except msgspec.MsgspecError as error:
            raise ChildProcessError(f"its process answers what is no answer: {error}") from None
        except (EOFError, OSError) as error:
            raise ChildProcessError(self._end() or f"its process cannot be reached: {error}") from None

    def _wait_loaded(self) -> Answer:
        if self._loads_until is None:
            return Answer()
        loaded = decode_answer(receive(self._channel, deadline=self._loads_until))
        self._loads_until = None
        return loaded

    def _end(self) -> str:
        """Say how it has ended; empty when it has not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._popen.wait(END_S)
            if code >= 0:
                return f"its process ended with exit code {code}"
            return f"its process ended by signal {-code} ({signal.Signals(-code).name})"
        return ""

    def kill(self) -> None:
        """End it, whatever it does; it may have ended already."""
        self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(END_S)
        self._channel.close()


def _environment() -> dict[str, str]:
    """Return an environment in which the same code is found; arithmetic needs no threads, each takes address space."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": path}
