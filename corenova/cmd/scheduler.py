"""corenova-scheduler: chooses hosts and claims them."""

from corenova import loader
from corenova.cmd.heartbeat import Heartbeat
from corenova.cmd.parts import Parts, announced
from corenova.cmd.process import main as run
from corenova.cmd.service_host import ServiceHost
from corenova.db.services import SCHEDULER
from corenova.rpc import scheduler as rpc
from corenova.rpc.server import RpcServer
from corenova.scheduler.manager import SchedulerManager, build_pipeline
from corenova.scheduler.pipeline import Pipeline


def add(parts: Parts, host: ServiceHost, pipeline: Pipeline) -> None:
    """Add a scheduler to the process."""
    manager = SchedulerManager(parts.conf, parts.db, parts.events, pipeline)
    server = RpcServer(parts.transport, rpc.TOPIC, parts.name, manager, executor_threads=16)
    parts.plugins.add(pipeline.plugins, pipeline.left_out)
    parts.plugins.hear(loader.FILTERS, pipeline.breakers.alarms)
    beat = Heartbeat(parts, SCHEDULER)
    with announced(parts, host, SCHEDULER):
        host.add("scheduler decisions", manager.start, manager.stop)
        host.add("scheduler", server.start, lambda: server.stop(1.0))
        host.add("scheduler heartbeat", beat.start, beat.stop)


def main() -> None:
    """Entry point of the command."""

    def build(parts: Parts, host: ServiceHost):
        pipeline = build_pipeline(parts.conf)
        parts.check(apart=True)
        add(parts, host, pipeline)
        return lambda: print(f"corenova-scheduler {parts.name} is ready", flush=True)

    run("corenova-scheduler", build)
