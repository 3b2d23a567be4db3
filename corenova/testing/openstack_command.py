"""The unmodified ``openstack`` command, whose modules are loaded once: that takes a second or two, a command far less.

Each command is a process of its own still, with its own arguments, environment, working directory and exit code. It is
forked off one that has the modules, which is what this file does as a program; that one ends with whoever started it.
"""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

_one_at_a_time = threading.Lock()


def run(
    *words: str, env: Mapping[str, str], cwd: str | Path = ".", timeout_s: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run ``openstack`` with these words, and return its exit code and what it has printed.

    :param env: its whole environment.
    :param cwd: its working directory.
    :param timeout_s: seconds after which it is killed.
    :raises subprocess.TimeoutExpired: it has been killed.
    """
    command = ["openstack", *words]
    with tempfile.TemporaryDirectory(prefix="corenova-openstack-") as folder, _one_at_a_time:
        out, err = Path(folder, "out"), Path(folder, "err")
        order = {"argv": command, "env": dict(env), "cwd": str(Path(cwd).resolve()), "timeout_s": timeout_s}
        code = int(_ask({**order, "out": str(out), "err": str(err)}))
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(command, timeout_s)
        return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())


def _ask(order: dict[str, Any]) -> str:
    loaded = _loaded()
    try:
        loaded.stdin.write(json.dumps(order) + "\n")
        loaded.stdin.flush()
        return loaded.stdout.readline()
    except BaseException:  # an interrupt: its answer would be taken for that of the next command
        loaded.kill()
        _loaded.cache_clear()
        raise


@functools.cache
def _loaded() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve() -> None:
    """Load the modules, and run the commands that are ordered on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: for the command that runs
    groups = [group for group in entry_points().groups if group.startswith("openstack.")]
    for module in {"openstackclient.shell", *(entry.module for group in groups for entry in entry_points(group=group))}:
        with contextlib.suppress(ImportError):  # a command that cannot be loaded is missing there, too
            importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(order: dict[str, Any]) -> NoReturn:
    """Be the command: nothing of the process that has the modules is left but them."""
    from cliff.app import App
    from openstackclient import shell

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, order["timeout_s"])
    for number, file in enumerate((os.devnull, order["out"], order["err"])):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv, App.NAME = order["argv"], "openstack"
    code: object = 1
    try:
        code = shell.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve()
