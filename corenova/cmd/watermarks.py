"""Limits of a process: what leaks, a plug-in as a rule, must not take the machine with it.

Over a limit the process stops in good order, with an exit code by which whoever supervises it starts it again. What it
had in hand is finished or given back, as at every stop. The machine has limits of its own: a process that can open no
file any more cannot even be looked at, and stops as well.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable

from oslo_config import cfg

LOG = logging.getLogger(__name__)
EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h: "try again". A start that is refused ends with 1."""


def rss_mb() -> int:
    """Return the resident memory of this process now, in MiB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def threads() -> int:
    """Return how many threads this process has, Python's and others."""
    return len(os.listdir("/proc/self/task"))


def open_files() -> int:
    """Return how many files this process has open; sockets and pipes are files, too."""
    return len(os.listdir("/proc/self/fd"))


LIMITS: tuple[tuple[str, str, Callable[[], int]], ...] = (
    ("max_rss_mb", "MiB of resident memory", rss_mb),
    ("max_threads", "threads", threads),
    ("max_open_files", "open files", open_files),
)
"""Each option of [DEFAULT], what it counts, and how much of it there is now."""


class Watermarks:
    """Looks at the limits of this process.

    :param conf: a parsed configuration.
    :ivar alarms: one sentence for each limit that it is over; the last words of its services.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self.alarms: tuple[str, ...] = ()
        self._interval_s = conf.report_interval
        self._limits = [(name, conf[name], noun, count) for name, noun, count in LIMITS if conf[name]]

    def start(self, stop: Callable[[int], None]) -> None:
        """Begin to look, with each heartbeat; ``stop`` is called with the exit code when a limit is passed."""
        if self._limits:
            threading.Thread(target=self._watch, args=(stop,), name="watermarks", daemon=True).start()

    def look(self) -> tuple[str, ...]:
        """Return one sentence for each limit that is passed now; what cannot be counted is left to the next look."""
        passed: dict[str, None] = {}
        for name, most, noun, count in self._limits:
            try:
                found = count()
            except Exception as error:
                if getattr(error, "errno", None) == errno.EMFILE:
                    passed["The process can open no more files (ulimit -n): it stops, to be started again."] = None
                else:
                    LOG.warning("The %s of this process are not counted: %s", noun, error)
                continue
            if found > most:
                what = f"{found} {noun}, more than [DEFAULT] {name} = {most}"
                passed[f"The process has {what}: it stops, to be started again."] = None
        return tuple(passed)

    def _watch(self, stop: Callable[[int], None]) -> None:
        pause = threading.Event()
        while not self.alarms:
            pause.wait(self._interval_s)
            self.alarms = self.look()
        for alarm in self.alarms:
            LOG.error("%s", alarm)
        stop(EXIT_CODE)
