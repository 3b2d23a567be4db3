"""The API in worker processes of gunicorn. There is no broker: what it accepts is a row."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

gunicorn = pytest.importorskip("gunicorn", reason="gunicorn is not installed")
WORKERS = 2


@pytest.fixture
def serve(place):
    """Give a function that starts gunicorn on the ini file."""

    def serve(port: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "gunicorn", "-w", str(WORKERS), "--threads", "4", "-b", f"127.0.0.1:{port}"]
        process = subprocess.Popen(
            [*command, "corenova.cmd.wsgi:application"],
            cwd=place.path,
            env=os.environ | {"CORENOVA_CONFIG_FILES": f":{place.ini}"},
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


def test_workers_serve_and_accept_without_a_bus(place, serve):
    port = _free_port()
    place.write(default=f"transport_url = rabbit://guest:guest@127.0.0.1:{_free_port()}/", port=port)
    process = serve(port)
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
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_what_refuses_the_start_stops_gunicorn_too(place, serve):
    place.write("[api]\nthreads = many\n")
    process = serve(_free_port())
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    lines = [line for line in err.splitlines() if line.startswith("corenova-api: ")]
    assert 1 <= len(lines) <= WORKERS
    assert f"[api] threads in {place.ini} is not valid" in lines[0]
    assert not place.state.exists()
