"""A deployment of many processes over RabbitMQ and PostgreSQL, whose processes and broker can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import openstack
import pytest
import sqlalchemy as sa

from tests import servers

BIN = Path(sys.executable).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
SERVICES = {
    "api": "corenova-api",
    "conductor-1": "corenova-conductor",
    "conductor-2": "corenova-conductor",
    "scheduler-1": "corenova-scheduler",
    "scheduler-2": "corenova-scheduler",
    "compute-1": "corenova-compute",
    "compute-2": "corenova-compute",
}
HOSTS = 3
"""Fake hosts of each compute; those of compute-1 are called one-001 and so on."""
PREFIXES = {"compute-1": "one-", "compute-2": "two-"}


class Broker:
    """An own RabbitMQ node, which can be killed and started again on its data (tests/servers.py has one that lives)."""

    def __init__(self, home: Path, held: contextlib.ExitStack):
        self._home = home
        self._program = servers._program("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
        self._port, distribution, mapper = servers._free_ports(3)
        self.url = f"rabbit://guest:guest@127.0.0.1:{self._port}//"
        for name in ("enabled_plugins", "rabbitmq-env.conf", "rabbitmq.conf"):
            (home / name).write_text("[].\n" if name == "enabled_plugins" else "")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"corenova-{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        port_mapper = [servers._program("/usr/bin/epmd", "epmd"), "-port", str(mapper)]
        held.enter_context(servers._running(port_mapper, home, mapper, env=self._environment, end=signal.SIGTERM))
        self._node = held.enter_context(contextlib.ExitStack())
        self.start()

    def start(self) -> None:
        """Start the node and wait until it listens."""
        self._node.enter_context(
            servers._running([self._program], self._home, self._port, env=self._environment, end=signal.SIGKILL)
        )

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._node.close()


class Deployment:
    """The processes, each with an ini file, a log and a state directory of its own."""

    def __init__(self, path: Path, broker: Broker, database_url: str):
        self.path = path
        self.broker = broker
        self._database_url = database_url
        self._processes: dict[str, subprocess.Popen] = {}
        self._connections: list[openstack.connection.Connection] = []

    def start(self, *names: str) -> None:
        """Start services, all at once, and wait until they are ready."""
        for name in names:
            with self.log(name).open("a") as log:
                self._processes[name] = subprocess.Popen(
                    [BIN / SERVICES[name], "--config-file", self.ini(name)],
                    cwd=self.path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
        for name in names:
            line = self._processes[name].stdout.readline()
            assert " is ready" in line, self.log(name).read_text()[-3000:]

    def kill(self, name: str) -> None:
        """Kill a service with SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        process.stdout.close()

    def stop(self) -> dict[str, int]:
        """End all services in good order, and return their exit codes."""
        for connection in self._connections:
            connection.close()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(20) for name, process in self._processes.items()}
        for process in self._processes.values():
            process.stdout.close()
        self._processes.clear()
        return codes

    def ini(self, name: str) -> Path:
        """Write the ini file of a service and return its path."""
        lines = [
            "[DEFAULT]",
            f"host = {name}",
            f"state_path = {self.path}/{name}",
            f"transport_url = {self.broker.url}",
            "[api]",
            "bind_port = 0",
            "[fake]",
            f"hosts = {HOSTS}",
            "spawn_latency_s = 0.1",
        ]
        if name in PREFIXES:  # and no database
            lines.append(f"name_prefix = {PREFIXES[name]}")
        else:
            lines += ["[database]", f"connection = {self._database_url}"]
        file = self.path / f"{name}.conf"
        file.write_text("\n".join([*lines, ""]))
        return file

    def log(self, name: str) -> Path:
        """Return the path of what a service has written to stderr."""
        return self.path / f"{name}.log"

    def connect(self, cloud: str) -> openstack.connection.Connection:
        """Return a connection as clouds.yaml of the API host says."""
        config = openstack.config.OpenStackConfig(config_files=[str(self.path / "api" / "clouds.yaml")])
        connection = openstack.connection.Connection(config=config.get_one(cloud=cloud))
        self._connections.append(connection)
        return connection

    def audit(self) -> subprocess.CompletedProcess:
        """Run ``corenova-manage audit`` on the API host."""
        command = [BIN / "corenova-manage", "--config-file", self.ini("api"), "audit"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


def wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until ``condition`` holds; False when it does not within ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@contextlib.contextmanager
def own_database(url: str) -> Iterator[str]:
    """Make a database on the server of ``url``."""
    name = f"scale_out_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    yield sa.make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def deployment(postgresql_url, tmp_path_factory):
    """All services, ready."""
    with contextlib.ExitStack() as held:
        home = held.enter_context(servers._directory())
        broker = Broker(home, held)
        database_url = held.enter_context(own_database(postgresql_url))
        deployment = Deployment(tmp_path_factory.mktemp("deployment"), broker, database_url)
        held.callback(deployment.stop)
        deployment.start(*SERVICES)
        yield deployment
        assert set(deployment.stop().values()) == {0}


@pytest.fixture(scope="module")
def user(deployment):
    """The SDK as the user demo."""
    return deployment.connect("corenova")


@pytest.fixture(scope="module")
def admin(deployment):
    """The SDK as the administrator."""
    return deployment.connect("corenova-admin")
