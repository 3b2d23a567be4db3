"""Commands that need not import the world each time: one process has done so, and forks for each of them.

Run as a program with a socket's path it is that process. A command made of :data:`CLIENT` hands over its arguments,
variables, directory and standard files, and ends as the fork does. What is run is the command's own script.
"""

import contextlib
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Mapping

from stevedore import _cache
from stevedore.extension import ExtensionManager

WORLD = (
    "corenova.cmd.manage.main", "corenova.cmd.manage.explain", "corenova.cmd.process", "openstackclient.shell",
    "openstackclient.compute.v2.server", "openstack.connection", "openstack.compute.v2._proxy",
    "openstack.image.v2._proxy", "pip._internal.commands.install", "pytest", "hypothesis.strategies", "numpy",
)  # fmt: skip
CLIENT = """\
#!{python} -IS
import json, os, socket, sys, time
line = socket.socket(socket.AF_UNIX)
for _ in range(1200):
    if not line.connect_ex({socket!r}):
        break
    time.sleep(0.05)  # it is still importing
else:
    sys.exit("the process that runs commands has not come up")
told = json.dumps([{script!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(line, [len(told).to_bytes(4, "big")], [0, 1, 2])
line.sendall(told)
sys.exit(int(line.recv(16) or b"1"))
"""


def serve(path: str) -> None:
    """Take commands at a socket, one at a time, for ever."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        for name in WORLD:
            importlib.import_module(name)
        # What stevedore has looked up while it was imported is not what will be installed when it is asked.
        _cache._c._internal.clear()
        ExtensionManager.ENTRY_POINT_CACHE.clear()
        door.listen()
        while True:
            line, _ = door.accept()
            with line, contextlib.suppress(OSError):
                size, files, _, _ = socket.recv_fds(line, 4, 3)
                script, args, folder, variables = json.loads(line.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
                child = os.fork()
                if child == 0:
                    door.close()
                    for number, file in enumerate(files):
                        os.dup2(file, number)
                    os._exit(_run(script, args, folder, variables))
                for file in files:
                    os.close(file)
                line.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _run(script: str, args: list[str], folder: str, variables: Mapping[str, str]) -> int:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = [script, *args]
    try:
        runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve(sys.argv[1])
