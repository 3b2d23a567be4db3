"""The API in worker processes of gunicorn. There is no broker: what it accepts is a row."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from corenova import loader
from tests.distributions import Installer

gunicorn = pytest.importorskip("gunicorn", reason="gunicorn is not installed")
WORKERS = 2
WITNESS = """\
import os
import pathlib

from corenova.contracts.hooks import hookimpl


class Witness:
    def write(self, word, binary):
        with open(pathlib.Path(os.environ["WITNESS"], str(os.getpid())), "a") as file:
            print(word, binary, file=file)

    @hookimpl
    def service_started(self, binary):
        self.write("started", binary)

    @hookimpl
    def service_stopped(self, binary):
        self.write("stopped", binary)
"""


@pytest.fixture
def serve(place):
    """Give a function that starts gunicorn on the ini file."""

    def serve(port: int, **environment: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "gunicorn", "-w", str(WORKERS), "--threads", "4", "-b", f"127.0.0.1:{port}"]
        process = subprocess.Popen(
            [*command, "corenova.cmd.wsgi:application"],
            cwd=place.path,
            env=os.environ | environment | {"CORENOVA_CONFIG_FILES": f":{place.ini}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        place.processes.append(process)
        return process

    return serve


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_workers_serve_and_accept_without_a_bus(place, serve, tmp_path, monkeypatch):
    """Hooks hear of each worker that it has started, and that it has stopped."""
    install = Installer(tmp_path, monkeypatch)
    install("witness-dist", WITNESS, "Witness", group=loader.HOOKS)
    words = tmp_path / "words"
    words.mkdir()
    port = _free_port()
    bus = f"transport_url = rabbit://guest:guest@127.0.0.1:{_free_port()}/"
    place.write("[plugins]\nenabled_hooks = Witness\n", default=bus, port=port)
    process = serve(port, PYTHONPATH=str(install.path[0]), WITNESS=str(words))
    api = place.client(f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"{api.url}/v3").read()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    api.log_in()
    image = api.call("GET", "/image/v2/images")["images"][0]["id"]
    started = time.monotonic()
    api.call("POST", "/compute/v2.1/servers", {"server": {"name": "s", "flavorRef": "1", "imageRef": image}})
    assert time.monotonic() - started < 10
    for _ in range(4 * WORKERS):  # whichever worker takes it
        assert [(server["name"], server["status"]) for server in api.servers()] == [("s", "BUILD")]
    while len(list(words.iterdir())) < WORKERS:  # the other one may be starting yet
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err
    said = [file.read_text().splitlines() for file in words.iterdir()]
    assert said == [["started nova-osapi_compute", "stopped nova-osapi_compute"]] * WORKERS


def test_what_refuses_the_start_stops_gunicorn_too(place, serve):
    place.write("[api]\nthreads = many\n")
    process = serve(_free_port())
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    lines = [line for line in err.splitlines() if line.startswith("corenova-api: ")]
    assert 1 <= len(lines) <= WORKERS
    assert f"[api] threads in {place.ini} is not valid" in lines[0]
    assert not place.state.exists()
