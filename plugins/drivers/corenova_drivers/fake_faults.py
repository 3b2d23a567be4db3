"""What goes wrong in the fake fleet, and how long things take there.

The driver asks at the moment a real hypervisor would fail, so that what follows (clean-up, reschedule, fault records)
is the real code. Nothing here knows about guests or files.
"""

import fnmatch
import random
import threading
from collections.abc import Sequence
from typing import Any

from corenova import exceptions


class Faults:
    """The latencies and failures that ``[fake]`` asks for."""

    def __init__(self, section: Any) -> None:
        self._section = section
        self._random = random.Random(section.seed)
        self._stopped = threading.Event()
        # Most fleets have no faults: then a spawn costs one look at this flag.
        self._none = not any(
            (
                section.spawn_latency_s,
                section.spawn_latency_jitter_s,
                section.spawn_failure_rate,
                section.spawn_failure_names,
                section.spawn_failure_hosts,
                section.spawn_abort_names,
                section.spawn_hang_names,
            )
        )

    def before_spawn(self, host: str, name: str) -> None:
        """Take the time that a spawn takes, then fail when this one is to fail.

        Raises BuildAbort when it would fail on every host, DriverError when another host is worth a try.
        """
        if self._none:
            return
        section = self._section
        if _matches(name, section.spawn_hang_names):
            self._sleep(None)
        self._sleep(section.spawn_latency_s + section.spawn_latency_jitter_s * self._random.random())
        if _matches(name, section.spawn_abort_names):
            raise exceptions.BuildAbort(f"Told by [fake] spawn_abort_names to abort the build of {name}.")
        if _matches(host, section.spawn_failure_hosts):
            raise exceptions.DriverError("Told by [fake] spawn_failure_hosts that nothing can be built on this host.")
        if _matches(name, section.spawn_failure_names):
            raise exceptions.DriverError(f"Told by [fake] spawn_failure_names to fail the build of {name}.")
        if self._random.random() < section.spawn_failure_rate:
            raise exceptions.DriverError("Chosen by [fake] spawn_failure_rate to fail.")

    def before_power(self) -> None:
        """Take the time that a change of power takes."""
        if self._section.power_latency_s:
            self._sleep(self._section.power_latency_s)

    def crashes(self, name: str) -> bool:
        """Tell whether a guest of this name crashes as soon as it runs."""
        return bool(self._section.die_names) and _matches(name, self._section.die_names)

    def stop(self) -> None:
        """Wake whoever sleeps or hangs; they raise DriverError."""
        self._stopped.set()

    def _sleep(self, seconds: float | None) -> None:
        if seconds != 0.0 and self._stopped.wait(seconds):
            raise exceptions.DriverError("The driver was stopped in the middle of this.")


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
