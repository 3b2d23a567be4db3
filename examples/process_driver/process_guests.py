"""The guests of the process driver: three files and a process each, and how one is told from whoever has its pid now.

========================  =========================================================================================
``<uuid>.json``           what the guest is and whose: it exists as long as the guest does, running or not
``<uuid>.stat``           ``/proc/<pid>/stat`` as the process itself has copied it before it did anything else
``<uuid>.console``        what it has printed
========================  =========================================================================================

A process is known by its pid and the time it was started at (field 22 of the line): a pid alone is used again. The
guest writes that line, not the driver: were it the driver, one that dies in between would leave a process that nobody
knows of.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from corenova.exceptions import ConfigurationError, DriverError
from corenova.objects.states import PowerState

# $0 is the file for the line. The shell becomes the guest, or the program that makes its namespaces.
_INTRODUCE = 'cat /proc/$$/stat >"$0.new" && mv "$0.new" "$0" && exec "$@"'
# A process that is number 1 of its namespace gets no signal that it does not handle. So a shell is number 1.
NAMESPACES = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc", "--net")
_NUMBER_ONE = ("sh", "-c", '"$@"; exit $?', "init")
_LOOK_S = 0.005
_AGAIN_S = 0.2
_PATIENCE_S = 20.0


class Record(NamedTuple):
    """What ``<uuid>.json`` says.

    :param owner: the deployment id that it was spawned under: the marker.
    """

    uuid: str
    name: str
    owner: str


class Guests:
    """All guests below one directory, whoever owns them.

    :raises ConfigurationError: the directory cannot be made.
    """

    def __init__(self, folder: Path, command: Sequence[str], *, namespaces: bool):
        self._folder = folder
        self._command = [*NAMESPACES, *_NUMBER_ONE, *command] if namespaces else list(command)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"The process driver cannot use {folder}: {error}") from error

    def all(self) -> list[Record]:
        """Return what is there, in any order."""
        found = (self.get(file.stem) for file in self._folder.glob("*.json"))
        return [record for record in found if record is not None]

    def get(self, uuid: str) -> Record | None:
        """Return one guest, or None."""
        try:
            return Record(**json.loads(self._file(uuid, "json").read_bytes()))
        except FileNotFoundError:
            return None

    def put(self, record: Record) -> None:
        """Write a guest down, whole or not at all."""
        new = self._file(record.uuid, "json.new")
        new.write_text(json.dumps(record._asdict()))
        new.rename(self._file(record.uuid, "json"))

    def remove(self, uuid: str) -> None:
        """Kill the guest and forget it; the record goes last, so that what was left half way is found again."""
        self.stop(uuid, timeout_s=0)
        for suffix in ("stat", "stat.new", "console", "json"):
            self._file(uuid, suffix).unlink(missing_ok=True)

    # The process.

    def run(self, record: Record, environment: dict[str, str]) -> None:
        """Start the process of a guest that has none; on return it runs its command, or has run it."""
        stat, console = self._file(record.uuid, "stat"), self._file(record.uuid, "console")
        stat.unlink(missing_ok=True)
        into = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # Not subprocess: the process shall outlive this one, and nobody here waits for its end.
        pid = os.posix_spawnp(
            "sh",
            ["sh", "-c", _INTRODUCE, str(stat), *self._command],
            {"PATH": os.environ.get("PATH", os.defpath), **environment},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(console), into, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,  # its own session and process group: signals are sent to all of the group
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these, and who is ignored is inherited
        )
        if not _within(_PATIENCE_S, lambda: stat.exists() or _reaped(pid)):
            os.killpg(pid, signal.SIGKILL)
        if not stat.exists():
            raise DriverError(f"The process of guest {record.uuid} has not started: {self.console(record.uuid)!r}")

    def power_state(self, uuid: str) -> int:
        """Return RUNNING, PAUSED, or SHUTDOWN when there is no process."""
        return {"": PowerState.SHUTDOWN, "T": PowerState.PAUSED}.get(self._process(uuid)[1], PowerState.RUNNING)

    def becomes(self, uuid: str, power_state: int, *, within_s: float = _PATIENCE_S) -> bool:
        """Wait for a power state; return whether it has come. Signals take a moment to be obeyed."""
        return _within(within_s, lambda: self.power_state(uuid) == power_state)

    def stop(self, uuid: str, *, timeout_s: float) -> None:
        """End the process: SIGTERM and ``timeout_s`` to obey, if any, then SIGKILL. None is fine."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            # Again and again: one that has only just been started may not hear the first.
            if not self.signal(uuid, signal.SIGTERM, signal.SIGCONT):
                return
            if self.becomes(uuid, PowerState.SHUTDOWN, within_s=min(left_s, _AGAIN_S)):
                return
        if self.signal(uuid, signal.SIGKILL) and not self.becomes(uuid, PowerState.SHUTDOWN):
            raise DriverError(f"The process of guest {uuid} does not end.")

    def signal(self, uuid: str, *signals: int) -> bool:
        """Send signals to all processes of a guest; return whether there are any."""
        pid, state = self._process(uuid)
        with contextlib.suppress(ProcessLookupError):
            for number in signals if state else ():
                os.killpg(pid, number)
        return bool(state)

    def console(self, uuid: str, most_bytes: int = 1000) -> bytes:
        """Return the last of what it has printed."""
        try:
            with self._file(uuid, "console").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - most_bytes))
                return file.read(most_bytes)
        except FileNotFoundError:
            return b""

    def _process(self, uuid: str) -> tuple[int, str]:
        """Return the pid of a guest and the letter of its state; no letter when it has ended."""
        try:
            pid, _, started = _parsed(self._file(uuid, "stat").read_text())
            _, state, now = _parsed(Path(f"/proc/{pid}/stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            return 0, ""
        if now != started:  # somebody else has the pid by now
            return 0, ""
        if state in "ZX":
            _reaped(pid)
            return 0, ""
        return pid, state

    def _file(self, uuid: str, suffix: str) -> Path:
        return self._folder / f"{uuid}.{suffix}"


def _parsed(line: str) -> tuple[int, str, str]:
    """Return pid, state and start time; the name, second and in brackets, may hold anything."""
    before, _, after = line.rpartition(")")
    fields = after.split()
    return int(before.split()[0]), fields[0], fields[19]


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def _reaped(pid: int) -> bool:
    """Take note of the end of a process, if it is a child of this one; return whether it was and has ended."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False
