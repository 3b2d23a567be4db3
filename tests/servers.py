"""Real servers for tests: RabbitMQ, PostgreSQL and MariaDB, each started by the first test that asks for its URL.

Every server is private to the run: own data in a temporary directory, a free port of the loopback interface, gone at
the end. The workers of a run share one, on which each test takes names of its own. Where a program is missing,
``tests/missing.py`` says what becomes of the test.
"""

import contextlib
import fcntl
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.missing import refuse

REMEDY = "run tools/install-test-servers"
START_S = 60

# Waits until whoever started it has ended, by whatever, and then ends the process group $1 and removes the folder $2.
GUARD = """read -r _; kill -INT -- "-$1"; sleep 1; kill -KILL -- "-$1"; rm -rf "$2" """


@pytest.fixture(scope="session")
def rabbit_url(request: pytest.FixtureRequest) -> str:
    """The transport_url of an own RabbitMQ node; quorum queues work on it."""
    return _shared(request, "rabbit", _rabbit)


@contextlib.contextmanager
def _rabbit() -> Iterator[str]:
    # Debian's wrapper in sbin insists on its system user; the script behind it does not.
    program = _program("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
    port, distribution, epmd = _free_ports(3)
    with _directory() as home:
        (home / "enabled_plugins").write_text("[].")
        (home / "rabbitmq-env.conf").touch()
        (home / "rabbitmq.conf").write_text("loopback_users.guest = true\n")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),  # the Erlang cookie is made there
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"corenova-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            # One scheduler that sleeps when idle: the node shares the machine with the tests.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        # An own port mapper, which the node would otherwise start as a daemon that outlives it.
        mapper = [_program("/usr/bin/epmd", "epmd"), "-port", str(epmd)]
        with (
            _running(mapper, home, epmd, env=environment, end=signal.SIGTERM),
            _running([program], home, port, env=environment, end=signal.SIGKILL),
        ):
            yield f"rabbit://guest:guest@127.0.0.1:{port}//"


@pytest.fixture(scope="session")
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """The SQLAlchemy URL of a superuser on an own PostgreSQL server."""
    return _shared(request, "postgresql", _postgresql)


@contextlib.contextmanager
def _postgresql() -> Iterator[str]:
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres")) or [shutil.which("postgres") or ""]
    program = _program(binaries[-1], "postgres")
    (port,) = _free_ports(1)
    with _directory() as home:
        command: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--"]
            account = pwd.getpwnam("postgres")
            os.chown(home, account.pw_uid, account.pw_gid)
        data = str(home / "data")
        initdb = str(Path(program).with_name("initdb"))
        _run([*command, initdb, "-D", data, "-U", "corenova", "-A", "trust", "-E", "UTF8", "--no-sync"], home)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            "fsync": "off",
            "max_connections": 400,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with _running([*command, program, "-D", data, *options], home, port, end=signal.SIGINT):
            yield f"postgresql+psycopg://corenova@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="session")
def mariadb_url(request: pytest.FixtureRequest) -> str:
    """The SQLAlchemy URL of the root user on an own MariaDB server, with an empty database ``corenova``."""
    return _shared(request, "mariadb", _mariadb)


@contextlib.contextmanager
def _mariadb() -> Iterator[str]:
    program = _program("/usr/sbin/mariadbd", "mariadbd")
    installer = _program("/usr/bin/mariadb-install-db", "mariadb-install-db")
    (port,) = _free_ports(1)
    with _directory() as home:
        data = [f"--datadir={home}/data", f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]
        _run([installer, "--no-defaults", *data, "--auth-root-authentication-method=normal", "--skip-test-db"], home)
        (home / "init.sql").write_text("CREATE DATABASE corenova CHARACTER SET utf8mb4;\n")
        options = [
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={home}/socket",
            f"--pid-file={home}/pid",
            f"--init-file={home}/init.sql",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
            "--skip-log-bin",
            "--max-connections=400",
        ]
        with _running([program, "--no-defaults", *data, *options], home, port, end=signal.SIGTERM):
            yield f"mysql+pymysql://root@127.0.0.1:{port}/corenova?charset=utf8mb4"


def _shared(request: pytest.FixtureRequest, name: str, start: Callable[[], AbstractContextManager[str]]) -> str:
    """Return the URL of the run's server of this name: its first worker starts it, and ends it when all have ended."""
    place = request.getfixturevalue("tmp_path_factory").getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    held = contextlib.ExitStack()
    # At the end of the session instead of its last test, whose time the waiting for other workers is not.
    request.config.add_cleanup(held.close)
    with (place / f"{name}.start").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        users = held.enter_context((place / f"{name}.users").open("w"))
        fcntl.flock(users, fcntl.LOCK_SH)
        told = place / f"{name}.url"
        if not told.exists():
            told.write_text(held.enter_context(start()))
            held.callback(told.unlink)
            held.callback(fcntl.flock, users, fcntl.LOCK_EX)
        return told.read_text()


def _program(usual_path: str, name: str) -> str:
    found = usual_path if os.access(usual_path, os.X_OK) else shutil.which(name)
    return found or refuse(name, REMEDY)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:  # all at once, so that they differ
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    # Not pytest's tmp_path: PostgreSQL runs as another user, and the path of a unix socket must be short.
    path = Path(tempfile.mkdtemp(prefix="corenova-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _run(command: list[str], home: Path) -> None:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


@contextlib.contextmanager
def _running(
    command: list[str], home: Path, port: int, *, end: signal.Signals, env: dict[str, str] | None = None
) -> Iterator[None]:
    """Run ``command`` in a process group of its own until the block ends, which begins once ``port`` answers."""
    log = home / f"output-{port}"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=home, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    # xdist kills a worker that takes too long after an interrupt.
    guard = subprocess.Popen(
        ["bash", "-c", GUARD, "guard", str(server.pid), str(home)],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        yield
    finally:
        for number in (end, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=10)
                break
        guard.kill()
        guard.communicate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
