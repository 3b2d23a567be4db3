"""What lives in processes and not in the database: guests, threads, counters; for the admin API and the audit."""

import os
import resource
import threading

import msgspec

from corenova.cmd.parts import Parts
from corenova.db import services
from corenova.exceptions import Unavailable
from corenova.rpc.compute import ComputeAPI


class Processes:
    """Looks into this process, and asks every compute for its guests."""

    def __init__(self, parts: Parts, compute: ComputeAPI):
        self._parts = parts
        self._compute = compute

    def describe(self) -> list[dict[str, object]]:
        """Return one entry a process: ``kind`` (api or compute), ``address``, and what it says of itself.

        A compute that does not answer has an ``error`` instead of ``hosts``.
        """
        down_time_s = float(self._parts.conf.service_down_time)
        rows = self._parts.db.read(
            lambda c: services.list_services(c, down_time_s=down_time_s, binary=services.COMPUTE)
        )
        addresses = sorted({row.address for row in rows if row.is_up})
        return [self._own(), *(self._ask(address) for address in addresses)]

    def _own(self) -> dict[str, object]:
        return {
            "kind": "api",
            "address": self._parts.name,
            "pid": os.getpid(),
            "threads": threading.active_count(),
            "open_files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None,
            "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "hook_faults": self._parts.events.hooks.faults,
            "alarms": list(self._parts.report(services.API).alarms),
        }

    def _ask(self, address: str) -> dict[str, object]:
        entry: dict[str, object] = {"kind": "compute", "address": address}
        try:
            entry["hosts"] = msgspec.to_builtins(self._compute.list_guests(address))
        except Unavailable as error:
            entry["error"] = str(error)
        return entry
