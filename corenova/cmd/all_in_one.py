"""corenova-all: the whole control plane in one process. Read this file first: it shows every part and the order.

A request enters at ``front`` (HTTP), is made durable by the API, scheduled by conductor and scheduler, and carried out
by the compute with its driver. Each part is the same as in its own command; only the bus is ``local://``.
"""

from corenova.cmd import api, compute, conductor, scheduler
from corenova.cmd.parts import Parts
from corenova.cmd.process import main as run
from corenova.cmd.service_host import ServiceHost
from corenova.scheduler.manager import build_pipeline


def build(parts: Parts, host: ServiceHost):
    """Wire all services; returns what announces that they run."""
    # What can refuse the start comes first, and has written nothing when it does: plug-ins, bus, port, then the state.
    pipeline = build_pipeline(parts.conf)
    driver = compute.load_driver(parts)
    parts.check()
    front = api.Front(parts)
    parts.be_alone("corenova-all")

    conductor.add(parts, host)
    scheduler.add(parts, host, pipeline)
    compute.add(parts, host, driver)
    api.add(parts, host, front)

    def announce() -> None:
        print(
            f"corenova is ready: {front.url}  (OS_CLIENT_CONFIG_FILE={parts.clouds_yaml} openstack --os-cloud corenova "
            "server list)",
            flush=True,
        )

    return announce


def main() -> None:
    """Entry point of the command."""
    run("corenova-all", build)
