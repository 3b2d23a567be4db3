"""A corenova-all to measure, in a directory of its own, and what a benchmark asks of it beside the load."""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import yaml

from benchmarks import client, machine
from benchmarks.figures import NotMeasuredError, check

COMMAND = Path(sys.executable).with_name("corenova-all")
NANO = "1"
"""The smallest of the flavors that a new deployment has."""
_INI = """\
[DEFAULT]
state_path = {folder}/state
[api]
bind_port = {port}
[fake]
hosts = {hosts}
"""
_SETTLE_S = 120.0


class Server:
    """A process of corenova-all.

    :param port: 0 takes a free one, told by :meth:`wait_ready`.
    :param ini: with places for ``folder``, ``port`` and ``hosts``.
    :param environment: of the process; ours if None.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hosts: int,
        port: int = 0,
        ini: str = _INI,
        environment: Mapping[str, str] | None = None,
    ):
        self.state_path = folder / "state"
        self.port = port
        self._ini = folder / "corenova.conf"
        self._ini.write_text(ini.format(folder=folder, port=port, hosts=hosts))
        self._log = folder / "corenova.log"
        self._token = ""
        self._image = ""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [COMMAND, "--config-file", self._ini],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        self.pid = self.process.pid

    def wait_ready(self) -> None:
        """Wait for the ready line."""
        found = re.search(r"ready: http://[^:]+:(\d+)", self.process.stdout.readline())
        check(found is not None, f"corenova-all did not start: {self._log.read_text()[-2000:]}")
        self.port = int(found[1])

    def log_in(self, line: client.Line) -> None:
        """Get a token and the image, once the server answers."""
        clouds = yaml.safe_load((self.state_path / "clouds.yaml").read_text())["clouds"]
        auth = clouds["corenova"]["auth"]
        user = {"name": auth["username"], "domain": {"name": "Default"}, "password": auth["password"]}
        scope = {"project": {"name": auth["project_name"], "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        line.send(client.request("POST", "/v3/auth/tokens", body=body), time.perf_counter())
        raw = bytearray()
        while b"\r\n\r\n" not in raw:
            part = line.socket.recv(65536)
            check(bool(part), "the identity service closed the connection")
            raw += part
        token = re.search(rb"(?i)\r\nX-Subject-Token: *([^\r]+)", raw)
        check(token is not None, f"no token: {bytes(raw[:200])!r}")
        self._token = token[1].decode()
        line.close()

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Return a request of the logged-in user to the compute API."""
        return client.request(method, f"/compute/v2.1{path}", body=body, token=self._token)

    def ask(self, method: str, path: str, body: object = None) -> client.Answer:
        """Send one request of the logged-in user on a connection of its own."""
        return self.ask_raw(self.request(method, path, body))

    def ask_raw(self, data: bytes) -> client.Answer:
        """Send a request that was made before on a connection of its own."""
        with contextlib.closing(client.Line(self.port)) as line:
            return line.ask(data)

    def create(self, name: str, count: int = 1) -> bytes:
        """Return a POST for ``count`` servers of the smallest flavor."""
        if not self._image:
            answer = self.ask_raw(client.request("GET", "/image/v2/images", token=self._token))
            self._image = msgspec.json.decode(answer.body)["images"][0]["id"]
        server = {"name": name, "imageRef": self._image, "flavorRef": NANO, "networks": "none"}
        if count > 1:
            server |= {"min_count": count, "max_count": count}
        return self.request("POST", "/servers", {"server": server})

    def settle(self) -> None:
        """Wait until no server is being built."""
        deadline = time.monotonic() + _SETTLE_S
        data = self.request("GET", "/servers?status=BUILD&limit=1")
        with contextlib.closing(client.Line(self.port)) as line:
            while msgspec.json.decode(line.ask(data).body)["servers"]:
                check(time.monotonic() < deadline, f"servers are still being built after {_SETTLE_S:g} s")
                time.sleep(0.02)

    def count_active(self) -> int:
        """Return how many servers are ACTIVE, by reading the whole list."""
        count, marker = 0, ""
        while True:
            answer = self.ask("GET", f"/servers?status=ACTIVE&limit=1000{marker}")
            check(answer.status == 200, f"the list of servers answered {answer.status}: {answer.body[:200]!r}")
            page = msgspec.json.decode(answer.body)["servers"]
            if not page:
                return count
            count, marker = count + len(page), f"&marker={page[-1]['id']}"

    def cpu_s(self) -> float:
        """Return the CPU seconds that the process has used."""
        return machine.cpu_s(self.pid)

    def stop(self) -> None:
        """Stop the process."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise NotMeasuredError("corenova-all did not stop within 5 s") from None
        finally:
            self.process.stdout.close()


@contextlib.contextmanager
def server(
    *, hosts: int, port: int = 0, ini: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server on an empty state path; it has been started, and nothing more is promised.

    :param ini: lines beside those that every benchmark needs.
    """
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder:
        running = Server(Path(folder), hosts=hosts, port=port, ini=_INI + ini, environment=environment)
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def ready_server(*, hosts: int) -> Iterator[Server]:
    """Run a server that has said that it is ready, with a user logged in."""
    with server(hosts=hosts) as running:
        running.wait_ready()
        running.log_in(client.Line(running.port))
        yield running
