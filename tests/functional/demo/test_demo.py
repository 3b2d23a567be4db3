"""examples/demo, as a newcomer runs it and as a newcomer interrupts it."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "examples" / "demo"
COMMAND = [sys.executable, str(DEMO / "demo.py")]
# What would make rich write for a terminal although there is none.
ENVIRONMENT = {
    key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "TTY_COMPATIBLE", "DRIVER")
}


def servers_of(count: int) -> int:
    """How many servers the first ``count`` requests of the sample ask for."""
    with (DEMO / "azure-v1-sample.csv").open(newline="") as file:
        return sum(int(row["servers"]) for row in list(csv.DictReader(file))[:count])


@pytest.fixture
def running(tmp_path):
    """The demonstration with all its requests, not waited for; its files go to ``tmp_path``."""
    with subprocess.Popen(
        COMMAND,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    ) as process:
        yield process
        process.kill()


def test_it_ends_well_and_says_how_many():
    done = subprocess.run([*COMMAND, "--requests", "30"], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    match = re.fullmatch(r"demo: (\d+) servers ACTIVE in \d+\.\d s, 0 lost", last)
    assert match, last
    assert int(match[1]) == servers_of(30)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout), "control characters without a terminal"
    for told in ("fake-020", "accepted and durable", "No valid host was found. Of 20 hosts", "Clean."):
        assert told in done.stdout
    assert done.stderr == ""


def test_an_interrupt_ends_it_with_one_line(running, tmp_path):
    for line in running.stdout:
        if line.startswith("Replaying"):
            break
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    started = time.monotonic()
    rest, _ = running.communicate(timeout=10)
    assert running.returncode == 130
    assert time.monotonic() - started < 5
    assert rest.splitlines()[-1] == "demo: interrupted; the cloud is stopped and gone."
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_a_driver_without_a_demonstration_is_one_line():
    done = subprocess.run([*COMMAND, "--driver", "xen"], capture_output=True, text=True, timeout=30, env=ENVIRONMENT)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "'xen'" in done.stderr
