"""What a simulated fleet looked like over time, and the figures that sum it up.

Everything follows from where each request went: per host a running sum over its events, then over the fleet a running
sum of what each event changed. So the simulation itself keeps no books.
"""

from dataclasses import dataclass

import numpy as np

from corenova.scheduler.trace import Workload

SETTLING = 0.3
"""The share of the span at its start that averages leave out: an empty fleet fills."""
STRANDED_VCPUS, STRANDED_RAM_MB = 8, 14 * 1024
"""Free vCPUs are stranded on a host that could not take this server."""


@dataclass(frozen=True)
class Peak:
    """The most that was wanted at any one time."""

    instances: int
    vcpus: int
    ram_mb: int


@dataclass(frozen=True)
class Timeline:
    """The fleet after each event; one array entry an event.

    :ivar time_s: when.
    :ivar vcpus: vCPUs in use, ``ram_mb`` likewise.
    :ivar busy_hosts: hosts with at least one server.
    :ivar stranded_vcpus: free vCPUs on hosts that cannot take 8 vCPUs and 14 GiB.
    """

    time_s: np.ndarray
    vcpus: np.ndarray
    ram_mb: np.ndarray
    busy_hosts: np.ndarray
    stranded_vcpus: np.ndarray


def peak(workload: Workload) -> Peak:
    """Return the most that was wanted at once, if nothing were rejected."""
    _, request, sign = workload.events()
    return Peak(
        instances=int(np.cumsum(sign).max()),
        vcpus=int(np.cumsum(sign * workload.vcpus[request]).max()),
        ram_mb=int(np.cumsum(sign * workload.ram_mb[request]).max()),
    )


def timeline(workload: Workload, row: np.ndarray, *, hosts: int, vcpus: int, ram_mb: int) -> Timeline:
    """Return the course of a simulation.

    :param row: host of each request, negative for none.
    :param vcpus: what each host has; ``ram_mb`` likewise.
    """
    time_s, request, sign = workload.events(np.flatnonzero(row >= 0))
    on = row[request]
    change = np.stack([sign, sign * workload.vcpus[request], sign * workload.ram_mb[request]])
    after = _per_host(on, change)
    states = np.stack([after - change, after])
    busy = states[:, 0] > 0
    free_vcpus, free_ram = vcpus - states[:, 1], ram_mb - states[:, 2]
    stranded = np.where((free_vcpus < STRANDED_VCPUS) | (free_ram < STRANDED_RAM_MB), free_vcpus, 0)
    empty_strands = vcpus if vcpus < STRANDED_VCPUS or ram_mb < STRANDED_RAM_MB else 0
    return Timeline(
        time_s,
        np.cumsum(change[1]),
        np.cumsum(change[2]),
        np.cumsum(busy[1].astype(np.int64) - busy[0]),
        hosts * empty_strands + np.cumsum(stranded[1] - stranded[0]),
    )


def _per_host(on: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the running sums of ``change``, each event's of its own host."""
    order = np.argsort(on, kind="stable")
    sums = np.cumsum(change[:, order], axis=1)
    first = np.flatnonzero(np.diff(on[order], prepend=-1))
    before = sums[:, first] - change[:, order][:, first]
    sums -= np.repeat(before, np.diff(first, append=len(order)), axis=1)
    after = np.empty_like(sums)
    after[:, order] = sums
    return after


def shares(course: Timeline, *, hosts: int, vcpus: int) -> dict[str, np.ndarray]:
    """Return the figures of packing after each event, under their names in the report.

    :param vcpus: what each host has.
    """
    free = hosts * vcpus - course.vcpus
    return {
        "density_non_empty": course.vcpus / np.maximum(course.busy_hosts * vcpus, 1),
        "empty_hosts_share": 1 - course.busy_hosts / hosts,
        "stranded_cpu_share": course.stranded_vcpus / np.maximum(free, 1),
    }


def average(course: Timeline, values: np.ndarray, start_s: float, end_s: float) -> float:
    """Return the average over time of a value that each event sets, once the fleet has settled; 0 without events."""
    if not len(values):
        return 0.0
    since = start_s + SETTLING * (end_s - start_s)
    edges = np.clip(np.append(course.time_s, end_s), since, end_s)
    lasting = np.diff(edges)
    return float(values @ lasting / lasting.sum()) if lasting.any() else float(values[-1])


def sampled(
    course: Timeline, shares: dict[str, np.ndarray], start_s: float, end_s: float, points: int
) -> dict[str, list[float]]:
    """Return the course at ``points`` evenly spaced moments, one list a value."""
    moments = np.linspace(start_s, end_s, points)
    columns = {"vcpus_used": course.vcpus, "ram_mb_used": course.ram_mb, "hosts_used": course.busy_hosts, **shares}
    at = np.searchsorted(course.time_s, moments, side="right") - 1
    told = {"time_s": moments.round(1).tolist()}
    for name, values in columns.items():
        told[name] = np.where(at < 0, 0, values[np.maximum(at, 0)]).round(4).tolist() if len(values) else [0] * points
    return told
