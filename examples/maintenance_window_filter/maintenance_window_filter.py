"""MaintenanceWindowFilter: no new servers on hosts whose maintenance begins soon, or has begun.

Windows are written in the ini file, by the name of an aggregate. The answer changes with the clock, and nothing that
the scheduler watches tells it so; what to do about that is in :meth:`MaintenanceWindowFilter.applies`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from oslo_config import cfg

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

_DURATION = re.compile(r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,4})M)?)?")
_FORM = "Write AGGREGATE: START/DURATION, as in rack7: 2026-12-01T22:00Z/PT4H."


class Window(NamedTuple):
    """One maintenance of the hosts of an aggregate."""

    aggregate: str
    start: datetime
    end: datetime


class MaintenanceWindowFilter:
    """Refuse hosts in an aggregate whose window is open, or opens within the notice.

    :param clock: returns the time, with its zone; tests set their own.
    """

    contract_version = (1, 0)
    run_filter_once_per_request = True

    options = [
        cfg.ListOpt("windows", default=[], help=f"When hosts are in maintenance, separated by commas. {_FORM}"),
        cfg.IntOpt("notice_minutes", default=30, min=0, help="How long before a window new servers stay away."),
    ]

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._windows: list[Window] = []
        self._notice = timedelta()

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the windows from ``[MaintenanceWindowFilter]``; raises ValueError for one that cannot be read."""
        self._windows = sorted(map(read, section.windows), key=lambda window: window.start)
        self._notice = timedelta(minutes=section.notice_minutes)

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when there are windows at all: whenever the filter might say no at some time.

        A filter with this method is asked at every request; without it, the scheduler would keep the answers and ask
        again only about hosts that have changed, and no host changes because an hour has struck. The clock must not be
        read here: a False is kept.
        """
        return bool(self._windows)

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when no window of the host is open or near."""
        return self._window(host_state) is None

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say when the maintenance is."""
        window = self._window(host_state)
        if window is None:
            return "Its maintenance has ended meanwhile."
        return f"Hosts of {window.aggregate} are in maintenance from {_shown(window.start)} to {_shown(window.end)}."

    def _window(self, host: HostState) -> Window | None:
        now = self._clock()
        near = [one for one in self._windows if one.start - self._notice <= now < one.end]
        mine = {aggregate.name for aggregate in host.aggregates} if near else ()
        return next((one for one in near if one.aggregate in mine), None)


def read(text: str) -> Window:
    """Return the window that ``text`` says; raises ValueError in words that say what is wrong with it."""
    aggregate, _, when = (part.strip() for part in text.partition(":"))
    start_text, _, duration_text = (part.strip() for part in when.partition("/"))
    duration = _DURATION.fullmatch(duration_text)
    try:
        start = datetime.fromisoformat(start_text)
    except ValueError:
        raise ValueError(f"windows: in '{text}' the start is no date and time. {_FORM}") from None
    if not aggregate:
        raise ValueError(f"windows: '{text}' names no aggregate. {_FORM}")
    if start.tzinfo is None:
        raise ValueError(f"windows: '{text}' says no time zone. Write Z or +01:00 behind the start.")
    parts = {name: int(number) for name, number in duration.groupdict().items() if number} if duration else {}
    length = timedelta(**parts)
    if not length:
        raise ValueError(f"windows: in '{text}' the duration must be like PT4H, PT90M or P1DT2H.")
    return Window(aggregate, start, start + length)


def _shown(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
