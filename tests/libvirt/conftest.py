"""Fixtures of the tests on real libvirt: a guest's console log, and waiting for something."""

import re
import time

import pytest


class Serial:
    """A guest's console log."""

    def __init__(self, path):
        self.path = path

    def text(self):
        return self.path.read_text(errors="replace").replace("\r", "") if self.path.exists() else ""

    def wait(self, pattern, timeout_s=60):
        """Wait until the log has ``pattern``, and return the match."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.text())):
            assert time.monotonic() < deadline, f"no {pattern!r} in the console log:\n{self.text()[-2000:]}"
            time.sleep(0.05)
        return found


@pytest.fixture
def serial(tmp_path):
    """The console log of a guest of this test."""
    return Serial(tmp_path / "console.log")


@pytest.fixture
def until():
    """Return a function that waits until its argument returns something true, and returns that."""

    def wait(condition, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)
        return result

    return wait
