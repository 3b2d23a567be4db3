"""Crash points: silent in production, deadly where a test says so."""

import os
import subprocess
import sys

import pytest

from corenova import crash

PASSES = """
from corenova import crash
crash.install_from_env()
for name in ("a.before", "a.after", "b.before", "a.before", "a.after"):
    crash.crash_point(name)
    print(name, flush=True)
"""


@pytest.fixture(autouse=True)
def nobody_installed():
    yield
    crash.install(None)


def test_a_point_that_nobody_watches_does_nothing():
    assert crash.crash_point("a.before") is None


def test_a_handler_is_told_every_point_until_it_is_removed():
    heard = []
    crash.install(heard.append)
    crash.crash_point("a.before")
    crash.install(None)
    crash.crash_point("a.after")
    assert heard == ["a.before"]


def test_a_simulated_crash_passes_every_except_exception():
    def handler(name):
        raise crash.SimulatedCrash(name)

    crash.install(handler)
    with pytest.raises(crash.SimulatedCrash, match=r"a\.before"):
        try:
            crash.crash_point("a.before")
        except Exception:
            pytest.fail("an except Exception has survived the crash")


@pytest.mark.parametrize(
    ("where", "code", "passed"),
    [
        ("", 0, 5),
        ("never.before", 0, 5),
        ("b.before", 137, 2),
        ("a.after", 137, 1),
        ("a.after:2", 137, 4),
        ("a.after:3", 0, 5),
    ],
)
def test_a_real_process_dies_at_the_named_pass(where, code, passed):
    process = subprocess.run(
        [sys.executable, "-c", PASSES], capture_output=True, text=True, env={**os.environ, "CORENOVA_CRASH_AT": where}
    )
    assert (process.returncode, len(process.stdout.splitlines())) == (code, passed), process.stderr
