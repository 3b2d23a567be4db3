"""A good start and a good end: the ready line, signals, clouds.yaml, and what survives."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

PROMISED_S = 2.0
BUSY_S = 1.0
"""What a machine full of other tests may take on top."""


def test_the_ready_line_names_a_command_that_works(place):
    running = place.start()
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        running.command, shell=True, env=os.environ | path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert running.clouds_yaml == place.state / "clouds.yaml"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order_and_nothing_is_lost(place, number):
    place.write("[fake]\nspawn_latency_s = 0.2\n")
    running = place.start()
    running.log_in()
    image = running.call("GET", "/image/v2/images")["images"][0]["id"]
    wanted = {"name": "s", "flavorRef": "1", "imageRef": image, "min_count": 60, "max_count": 60}
    running.call("POST", "/compute/v2.1/servers", {"server": wanted})
    seconds, err = running.stop(number)
    assert running.process.returncode == 0
    assert seconds < PROMISED_S + BUSY_S
    assert "Traceback" not in err
    assert " ERROR " not in err

    again = place.start()
    again.token = running.token  # good for its whole life, not for that of a process
    deadline = time.monotonic() + 30
    while any(server["status"] == "BUILD" for server in again.servers()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [server["status"] for server in again.servers()] == ["ACTIVE"] * 60
    assert again.auth["password"] == running.auth["password"]
    out, err = place.popen("--config-file", place.ini, "audit", command="corenova-manage").communicate(timeout=60)
    assert place.processes[-1].returncode == 0, out + err


def test_a_signal_ends_a_start_that_waits(place):
    """A compute waits for its broker and its conductor, for ever; not once it is told to end."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        place.write(default=f"transport_url = rabbit://guest:guest@127.0.0.1:{nobody.getsockname()[1]}/")
        waiting = place.popen(command="corenova-compute")
        for line in waiting.stderr:
            if re.search("ECONNREFUSED|refused", line):
                break
        started = time.monotonic()
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert time.monotonic() - started < PROMISED_S + BUSY_S


def test_clouds_yaml_is_private_and_follows_the_port(place):
    first = place.start()
    assert stat.S_IMODE(first.clouds_yaml.stat().st_mode) == 0o600
    assert first.auth["auth_url"] == f"{first.url}/v3"
    content = yaml.safe_load(first.clouds_yaml.read_text())
    content["clouds"]["mine"] = {"auth": {"auth_url": "https://elsewhere.example.org/v3"}}
    first.stop(signal.SIGTERM)
    first.clouds_yaml.write_text(yaml.safe_dump(content))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place.write(port=port)
    again = place.start()
    assert again.url == f"http://127.0.0.1:{port}"
    assert again.auth["auth_url"] == f"{again.url}/v3"
    assert stat.S_IMODE(again.clouds_yaml.stat().st_mode) == 0o600
    assert "mine" in yaml.safe_load(again.clouds_yaml.read_text())["clouds"]
    again.log_in()


def test_without_any_ini_file_all_is_in_the_current_directory(place):
    place.ini.unlink()
    # No argument at all; the environment only keeps it from the one port that others may use at this moment.
    running = place.start("--nodebug", OS_API__BIND_PORT="0")
    running.log_in()
    assert running.call("GET", "/compute/v2.1/servers") == {"servers": []}
    assert {path.name for path in place.path.iterdir()} == {"state"}
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o750
    running.stop(signal.SIGTERM)
    assert running.process.returncode == 0
