"""The process under demonstration: corenova-all on a free port, with a directory that is thrown away."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from openstack.config import OpenStackConfig
from openstack.connection import Connection

BIN = Path(sys.executable).parent
CPU_RATIO = 4.0
FLEET = """\
[DEFAULT]
state_path = {folder}/state
[api]
bind_port = 0
[compute]
driver = fake
[fake]
hosts = {hosts}
vcpus = 64
ram_mb = 262144
cpu_allocation_ratio = {cpu_ratio}
ram_allocation_ratio = 1.0
"""


class CloudError(Exception):
    """The cloud did not do what the demonstration needs."""


class Cloud:
    """A corenova-all of our own in ``folder``.

    :param ini: its configuration, with ``{folder}``, ``{hosts}`` and ``{cpu_ratio}`` to be filled in.
    """

    STOP_S = 2.0
    START_S = 30.0
    hosts = 20

    def __init__(self, folder: Path, ini: str = FLEET):
        self._text = ini
        self._folder = folder
        self._ini = folder / "corenova.conf"
        self._log = folder / "corenova.log"
        self._process: subprocess.Popen | None = None
        self._stop_s = 0.0
        self._connections: dict[str, Connection] = {}
        self.ready_s = 0.0
        self.url = ""

    def start(self) -> None:
        """Start the process and wait for its ready line; raises CloudError with the end of its log."""
        self._ini.write_text(self._text.format(folder=self._folder, hosts=self.hosts, cpu_ratio=CPU_RATIO))
        started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [BIN / "corenova-all", "--config-file", self._ini],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C goes to the demonstration, which then stops the cloud in good order.
                start_new_session=True,
            )
        # A process that neither gets ready nor ends would hold readline() for ever.
        watchdog = threading.Timer(self.START_S, self._process.kill)
        watchdog.daemon = True
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        found = re.search(r"ready: (\S+)", line)
        if not found:
            raise CloudError(f"corenova-all did not start. It says:\n{self.log_end()}")
        self.url = found[1]
        self.ready_s = time.monotonic() - started

    def connect(self, name: str = "corenova") -> Connection:
        """Return the SDK's connection as the user ``corenova`` or ``corenova-admin`` of the generated clouds.yaml."""
        if name not in self._connections:
            # The file that the cloud wrote, and nothing of the environment of whoever runs this.
            config = OpenStackConfig(config_files=[str(self._folder / "state" / "clouds.yaml")], load_envvars=False)
            connection = Connection(config=config.get_one(name))
            connection.authorize()
            self._connections[name] = connection
        return self._connections[name]

    def manage(self, *words: str) -> subprocess.CompletedProcess:
        """Run corenova-manage on this cloud."""
        command = [BIN / "corenova-manage", "--config-file", self._ini, *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CloudError(f"corenova-manage {words[0]} did not run: {error}") from error

    def log_end(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])

    def stop(self) -> float:
        """Stop the process if it runs; returns the seconds that took (again: those of the first time)."""
        process = self._process
        if process is None:
            return self._stop_s
        started = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(self.STOP_S + 3)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._process = None
        self._stop_s = time.monotonic() - started
        return self._stop_s
