"""The real process, over HTTP: killed at any moment and started again, it has lost nothing that it accepted."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent


class Process:
    """One corenova-all and a client for it."""

    def __init__(self, path: Path):
        self.path = path
        self.ini = path / "corenova.conf"
        self.ini.write_text(f"[DEFAULT]\nstate_path = {path}/state\n[api]\nbind_port = 0\n")
        self.process = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [BIN / "corenova-all", "--config-file", self.ini],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("corenova is ready: http"), line
        self.url = line.split()[3]
        cloud = yaml.safe_load((self.path / "state" / "clouds.yaml").read_text())["clouds"]["corenova"]
        assert cloud["auth"]["auth_url"] == f"{self.url}/v3"
        user = {"name": cloud["auth"]["username"], "domain": {"id": "default"}, "password": cloud["auth"]["password"]}
        scope = {"project": {"name": cloud["auth"]["project_name"], "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
        _, headers = self.call("POST", "/v3/auth/tokens", {"auth": auth}, token=None)
        self.token = headers["X-Subject-Token"]

    def call(self, method, path, body=None, *, token=""):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if token is not None:
            request.add_header("X-Auth-Token", token or self.token)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
            return (json.loads(text) if text else None), answer.headers

    def create(self, number, image):
        body = {"server": {"name": f"s{number}", "flavorRef": "1", "imageRef": image}}
        return self.call("POST", "/compute/v2.1/servers", body)[0]["server"]["id"]

    def servers(self):
        return self.call("GET", "/compute/v2.1/servers/detail?limit=1000")[0]["servers"]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def audit(self) -> subprocess.CompletedProcess:
        command = [BIN / "corenova-manage", "--config-file", self.ini, "audit"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path)
    process.start()
    yield process
    if process.process.poll() is None:
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(10) == 0


@pytest.mark.parametrize("moment", [0.05, 0.25, 0.6])
def test_kill_9_during_200_creates_loses_nothing(process, moment):
    image = process.call("GET", "/image/v2/images")[0]["images"][0]["id"]
    token, accepted, numbers = process.token, [], iter(range(200))

    def create():
        for number in numbers:
            try:
                accepted.append(process.create(number, image))
            except urllib.error.HTTPError:
                raise  # an answer, and not the one we want
            except (OSError, http.client.HTTPException):
                return  # the connection broke: whether this one was accepted is unknown, and it is not counted

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(moment + random.uniform(0, 0.1))
    process.kill()
    for thread in threads:
        thread.join()
    process.start()
    for number in numbers:
        accepted.append(process.create(number, image))
    deadline = time.monotonic() + 60
    while any(server["status"] == "BUILD" for server in process.servers()) and time.monotonic() < deadline:
        time.sleep(0.1)
    servers = {server["id"]: server for server in process.servers()}
    assert set(accepted) <= set(servers)
    assert {server["status"] for server in servers.values()} == {"ACTIVE"}
    process.call("GET", "/compute/v2.1/servers", token=token)  # a token of the time before is good
    audit = process.audit()
    assert (audit.returncode, audit.stderr) == (0, ""), audit.stdout + audit.stderr


def test_sigterm_stops_within_two_seconds_and_frees_the_name_for_the_next(process, tmp_path):
    started = time.monotonic()
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(5) == 0
    assert time.monotonic() - started < 5
    process.start()


def test_two_on_one_state_path_is_refused(process, tmp_path):
    second = subprocess.run(
        [BIN / "corenova-all", "--config-file", process.ini],
        capture_output=True, text=True, timeout=30, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert second.returncode != 0
    last = second.stderr.strip().splitlines()[-1]
    assert last.startswith("corenova-all: ")
