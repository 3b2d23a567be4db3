"""Every command says what it is for, before it touches anything."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import corenova

COMMANDS = sorted(ep.name for ep in metadata.distribution("corenova").entry_points if ep.group == "console_scripts")


def _run(command: str, argument: str, folder: Path) -> subprocess.CompletedProcess:
    program = Path(sys.executable).parent / command
    return subprocess.run([program, argument], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, tmp_path: Path):
    done = _run(command, "--help", tmp_path)
    assert done.returncode == 0, done.stderr
    assert command in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", COMMANDS)
def test_version(command: str, tmp_path: Path):
    done = _run(command, "--version", tmp_path)
    assert done.returncode == 0, done.stderr
    assert corenova.__version__ in done.stdout
    assert not list(tmp_path.iterdir())
