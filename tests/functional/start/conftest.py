"""The commands as real processes, each in a directory of its own, and what they leave there."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
READY = re.compile(
    r"corenova is ready: (http://127\.0\.0\.1:\d+)  "
    r"\((OS_CLIENT_CONFIG_FILE=(\S+) openstack --os-cloud corenova server list)\)\n"
)


class Place:
    """A directory with an ini file, in which commands run."""

    def __init__(self, path: Path):
        self.path = path
        self.state = path / "state"
        self.ini = path / "corenova.conf"
        self.processes: list[subprocess.Popen] = []
        self.write()

    def write(self, text: str = "", *, default: str = "", port: int = 0) -> None:
        """Write the ini file, with these lines behind those that every test needs and these in [DEFAULT]."""
        head = f"[DEFAULT]\nstate_path = {self.state}\n{default}\n[api]\nbind_port = {port}\n"
        self.ini.write_text(f"{head}{text}\n")

    def popen(self, *args: object, command: str = "corenova-all", **environment: str) -> subprocess.Popen:
        """Start a command, with the ini file unless arguments are given."""
        process = subprocess.Popen(
            [BIN / command, *(args or ("--config-file", self.ini))],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT | environment,
        )
        self.processes.append(process)
        return process

    def refused(self, *args: object, command: str = "corenova-all") -> str:
        """Start a command that must end by itself, with one line on stderr and no trace; return the line."""
        before = self.snapshot()
        out, err = self.popen(*args, command=command).communicate(timeout=30)
        assert self.processes[-1].returncode not in (0, None)
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith(f"{command}: "), line
        assert self.snapshot() == before
        return line

    def snapshot(self) -> dict[str, tuple]:
        """Return every file of the directory with its mode and content."""
        return {
            str(path.relative_to(self.path)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
            for path in self.path.rglob("*")
        }

    def start(self, *args: object, **environment: str) -> "Running":
        """Start corenova-all and wait until it is ready."""
        return Running(self.popen(*args, **environment))

    def client(self, url: str) -> "Client":
        """Return a client for an API that uses this state directory."""
        return Client(url, self.state / "clouds.yaml")


class Client:
    """A client with what clouds.yaml says."""

    def __init__(self, url: str, clouds_yaml: Path):
        self.url = url
        self.clouds_yaml = clouds_yaml
        self.token = ""

    @property
    def auth(self) -> dict:
        """How clouds.yaml says to log in."""
        return self._auth("corenova")

    def _auth(self, cloud: str) -> dict:
        return yaml.safe_load(self.clouds_yaml.read_text())["clouds"][cloud]["auth"]

    def log_in(self, cloud: str = "corenova") -> None:
        """Get a token with what clouds.yaml says."""
        auth = self._auth(cloud)
        user = {"name": auth["username"], "domain": {"id": "default"}, "password": auth["password"]}
        scope = {"project": {"name": auth["project_name"], "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        self.token = self._ask("POST", f"{auth['auth_url']}/auth/tokens", body).headers["X-Subject-Token"]

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        """Ask with the token."""
        return json.loads(self._ask(method, f"{self.url}{path}", body).read())

    def _ask(self, method: str, url: str, body: dict | None) -> object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Auth-Token": self.token}
        return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=20)

    def servers(self) -> list[dict]:
        """Return all servers of the project."""
        return self.call("GET", "/compute/v2.1/servers/detail?limit=1000")["servers"]


class Running(Client):
    """A corenova-all that is ready, and a client for it."""

    def __init__(self, process: subprocess.Popen):
        line = process.stdout.readline()
        ready = READY.fullmatch(line)
        assert ready, line or process.stderr.read()
        super().__init__(ready[1], Path(ready[3]))
        self.process = process
        self.command = ready[2]

    def stop(self, number: int) -> tuple[float, str]:
        """Send a signal; return the seconds until the process is gone, and what it wrote to stderr."""
        started = time.monotonic()
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        return time.monotonic() - started, err


@pytest.fixture
def place(tmp_path):
    """A directory with nothing but an ini file."""
    place = Place(tmp_path)
    yield place
    for process in place.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
