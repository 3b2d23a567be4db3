"""corenova-conductor: takes accepted requests through scheduling to their computes."""

from corenova.cmd.heartbeat import Heartbeat
from corenova.cmd.parts import Parts, announced
from corenova.cmd.process import main as run
from corenova.cmd.service_host import ServiceHost
from corenova.conductor.manager import ConductorManager
from corenova.db.services import CONDUCTOR
from corenova.rpc import conductor as rpc
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.scheduler import SchedulerAPI
from corenova.rpc.server import RpcServer


def add(parts: Parts, host: ServiceHost) -> None:
    """Add a conductor to the process."""
    manager = ConductorManager(
        parts.conf,
        parts.db,
        parts.events,
        parts.backends,
        # No longer than the work is ours: a scheduler that was killed with the question in hand never answers.
        scheduler=SchedulerAPI(
            parts.transport, timeout_s=min(parts.conf.rpc_response_timeout, parts.conf.conductor.lease_s)
        ),
        compute=ComputeAPI(parts.transport),
        name=parts.slot("conductor"),
    )
    server = RpcServer(parts.transport, rpc.TOPIC, parts.name, manager, executor_threads=16)
    beat = Heartbeat(parts, CONDUCTOR)
    with announced(parts, host, CONDUCTOR):
        host.add("conductor", server.start, lambda: server.stop(1.0))
        host.add("conductor work", manager.start, lambda: manager.stop(1.0))
        host.add("conductor heartbeat", beat.start, beat.stop)


def main() -> None:
    """Entry point of the command."""

    def build(parts: Parts, host: ServiceHost):
        parts.check(apart=True)
        add(parts, host)
        return lambda: print(f"corenova-conductor {parts.name} is ready", flush=True)

    run("corenova-conductor", build)
