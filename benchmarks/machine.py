"""The machine that the figures are from, and what its kernel says of a process."""

import json
import os
import platform
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, object]:
    """Return cores, CPU model, Python, kernel, and how busy the machine is with other things."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1min": round(os.getloadavg()[0], 2),
        "yardstick_ms": round(yardstick_ms(), 2),
    }


def yardstick_ms() -> float:
    """Return the CPU ms of a fixed piece of Python, best of nine.

    Neighbours slow a core down in CPU time too; divide by this before comparing figures of two runs.
    """
    times = []
    for _ in range(9):
        began = time.thread_time()
        json.loads(json.dumps([{"name": f"server-{n}", "number": n} for n in range(5000)]))
        times.append((time.thread_time() - began) * 1000)
    return min(times)


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def cpu_s(pid: int) -> float:
    """Return the CPU seconds, user and system, of all threads of a process and of programs it has run to their end.

    Resolution 10 ms.
    """
    # The name in parentheses may hold anything: fields are counted from its end.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")
