"""Nothing in a corenova process is monkey-patched: oslo.service would choose eventlet unless told otherwise first."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, socket, threading, warnings
warnings.simplefilter("ignore")
import corenova

for module in pkgutil.walk_packages(corenova.__path__, "corenova."):
    if not module.name.startswith("corenova.db.migrations."):  # alembic runs these, nobody imports them
        importlib.import_module(module.name)

from oslo_config import cfg
from corenova.rpc.server import RpcServer
from corenova.rpc.transport import build_transport

conf = cfg.ConfigOpts()
conf([], default_config_files=[], default_config_dirs=[])
transport = build_transport(conf, "local:///architecture")
server = RpcServer(transport, "topic", "one", type("Endpoint", (), {})())
server.start()
server.stop()
transport.cleanup()

from eventlet import patcher
patched = [name for name in ("os", "select", "socket", "thread", "time", "subprocess", "ssl", "builtins", "MySQLdb",
                             "psycopg") if patcher.is_monkey_patched(name)]
assert not patched, f"eventlet patched {patched}"
assert socket.socket.__module__ == "socket", socket.socket
assert type(threading.Lock()).__module__ == "_thread", type(threading.Lock())
"""


def test_importing_and_starting_everything_patches_nothing():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
