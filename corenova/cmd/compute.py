"""corenova-compute: runs guests with the driver that the ini file names. It has no database."""

from corenova import loader
from corenova.cmd.parts import Parts, announced
from corenova.cmd.process import main as run
from corenova.cmd.service_host import ServiceHost
from corenova.compute import provider_config, questions
from corenova.compute.images import HttpImageTransfer
from corenova.compute.manager import ComputeManager
from corenova.db.services import COMPUTE
from corenova.guards.driver import DriverGuard
from corenova.rpc import compute as rpc
from corenova.rpc.conductor import ConductorAPI
from corenova.rpc.server import RpcServer

_ANSWER_S = 10
"""A conductor answers within milliseconds. One that was killed with the question in hand never does, and until the
compute asks the next one, nothing is reported."""


def load_driver(parts: Parts) -> DriverGuard:
    """Load the driver that the ini file names; raises ConfigurationError for it or for the files that add to it."""
    provider_config.load(parts.conf.compute.provider_config_location)  # read again later; here nothing is written yet
    guard = DriverGuard(parts.plugins.load_one(loader.DRIVERS, parts.conf.compute.driver), parts.conf)
    parts.plugins.hear(loader.DRIVERS, guard.alarms)
    return guard


def add(parts: Parts, host: ServiceHost, driver: DriverGuard) -> None:
    """Add a compute to the process."""
    manager = ComputeManager(
        parts.conf,
        driver,
        ConductorAPI(parts.transport, timeout_s=min(parts.conf.rpc_response_timeout, _ANSWER_S)),
        hooks=parts.events.hooks,
        images=HttpImageTransfer(),
        state_path=str(parts.state_path),
        address=parts.name,
        incarnation=parts.incarnation,
        report=lambda: parts.report(COMPUTE),
    )
    server = RpcServer(parts.transport, rpc.TOPIC, parts.name, manager, executor_threads=questions.THREADS)
    with announced(parts, host, COMPUTE):
        host.add("compute", server.start, lambda: server.stop(1.0))
        host.add("compute work", manager.start, lambda: manager.stop(1.0))


def main() -> None:
    """Entry point of the command."""

    def build(parts: Parts, host: ServiceHost):
        driver = load_driver(parts)
        parts.check(apart=True)
        add(parts, host, driver)
        return lambda: print(f"corenova-compute {parts.name} is ready", flush=True)

    run("corenova-compute", build)
