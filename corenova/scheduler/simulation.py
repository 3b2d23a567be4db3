"""The scheduler on a trace: the pipeline that decides in a service decides here, without API, bus or database.

Values in, values out: :func:`run` plays a workload on a table of hosts and notes where each request went; everything
that is said about it (timeline.py) is computed from that afterwards. A build takes no time here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from corenova.exceptions import InvalidInput
from corenova.objects.host_row import Facts, HostRow
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU, Flavor, RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.timeline import peak
from corenova.scheduler.trace import Size, Workload

_CHUNK = 1000
_WIDEN = 0.1
REJECTED = -1


@dataclass(frozen=True)
class HostSize:
    """What each host of the fleet has; all allocation ratios are 1."""

    vcpus: int
    ram_mb: int
    disk_gb: int


@dataclass(frozen=True)
class Outcome:
    """What became of a workload.

    :ivar hosts: how many hosts there were.
    :ivar row: host of each request, REJECTED for none.
    :ivar wall_s: seconds that it took, departures included.
    :ivar cpu_s: the same in CPU time of the process.
    :ivar reason: why the first rejected request was, or empty.
    """

    hosts: int
    row: np.ndarray
    wall_s: float
    cpu_s: float
    reason: str = ""


def fleet(count: int, size: HostSize, *, zone: str = "nova") -> HostTable:
    """Return ``count`` empty hosts of one size."""
    inventories = {
        VCPU: Inventory(total=size.vcpus),
        MEMORY_MB: Inventory(total=size.ram_mb),
        DISK_GB: Inventory(total=size.disk_gb),
    }
    return HostTable.of([_host(number, inventories) for number in range(count)], default_zone=zone)


def _host(number: int, inventories: dict[str, Inventory]) -> HostRow:
    name = f"host-{number:05}"
    return HostRow(
        id=number,
        uuid=name,
        host=name,
        hypervisor_type="simulated",
        hypervisor_version=1,
        host_ip="",
        facts=Facts(),
        failed_builds=0,
        changed_at=0.0,
        revision=0,
        address=name,
        service_id=None,
        service_uuid=None,
        disabled=False,
        disabled_reason=None,
        is_up=True,
        inventories=inventories,
        num_instances=0,
        num_io_ops=0,
        aggregates=(),
    )


def spec_of(size: Size) -> RequestSpec:
    """Return the request for a server of this size; it asks for no disk."""
    flavor = Flavor(flavorid=size.flavor, name=size.flavor, vcpus=size.vcpus, memory_mb=size.ram_mb, root_gb=0)
    return RequestSpec(project_id="simulated", user_id="simulated", flavor=flavor)


def run(
    pipeline: Pipeline,
    hosts: HostTable,
    workload: Workload,
    *,
    all_or_none: bool = False,
    progress: Callable[[int], object] = lambda done: None,
) -> Outcome:
    """Play a workload on a table of empty hosts.

    :param all_or_none: stop at the first request that is rejected; the rest then counts as rejected.
    :param progress: told now and then how many more events are over.
    """
    specs = [spec_of(size) for size in workload.sizes]
    amounts = [spec.resources() for spec in specs]
    size = workload.size.tolist()
    row = [REJECTED] * len(size)
    reason = ""
    _, request, sign = workload.events()
    todo = np.where(sign > 0, request, ~request).tolist()
    pick, release, io_ops = pipeline.pick, hosts.release, hosts.io_ops_cells
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(todo), _CHUNK):
        for event in todo[start : start + _CHUNK]:
            if event < 0:
                if row[~event] != REJECTED:
                    release(row[~event], amounts[size[~event]])
                continue
            spec = specs[size[event]]
            chosen = pick(hosts, spec)
            if chosen is not None:
                row[event] = chosen
                io_ops[chosen] = 0  # built at once
            elif not reason:
                reason = pipeline.explain(hosts, spec).summary
        if reason and all_or_none:
            break
        progress(min(_CHUNK, len(todo) - start))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Outcome(len(hosts), np.array(row), wall, cpu, reason)


def lower_bound(workload: Workload, size: HostSize) -> int:
    """Return how many hosts the peak of what is asked for needs at least, if it could be cut at will."""
    most = peak(workload)
    return int(max(-(-most.vcpus // size.vcpus), -(-most.ram_mb // size.ram_mb)))


def find_hosts(play: Callable[[int], Outcome], workload: Workload, size: HostSize) -> Outcome:
    """Return the outcome of the smallest fleet, by bisection, that rejects nothing.

    :param play: plays the workload on a fleet of that many hosts; may stop at the first rejection.
    :raises InvalidInput: no number of hosts would do.
    """
    bound = lower_bound(workload, size)
    enough = max(bound, peak(workload).instances)
    below, step = bound - 1, max(1, round(bound * _WIDEN))
    found = None
    tried = bound + step
    while found is None:
        tried = min(tried, enough)
        outcome = play(tried)
        if not outcome.reason:
            found = outcome
        elif tried == enough:
            raise InvalidInput(f"No number of such hosts takes all requests. {outcome.reason}")
        else:
            below, step = tried, step * 2
            tried = below + step
    while found.hosts - below > 1:
        outcome = play((found.hosts + below) // 2)
        if outcome.reason:
            below = outcome.hosts
        else:
            found = outcome
    return found
