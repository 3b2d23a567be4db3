"""Which plug-in a thread is in, and since when: read from its stack by whoever waits for it.

So the thread itself marks nothing, and a decision costs what it did without a watchdog.
"""

import os
import sys
import threading
import time
from types import CodeType, FrameType, FunctionType

from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.isolation.proxy import Isolated
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.weigher_guard import WeigherGuard

_CALLS = {
    f.__code__ for kind in (FilterGuard, WeigherGuard) for f in vars(kind).values() if isinstance(f, FunctionType)
}
_FORMS = ("mask", "host_passes", "weigh", "weights", "scale", "applies", "reason")


class Watch:
    """Looks, now and then, at what a thread does.

    :param pipeline: whose plug-ins it calls.
    :ivar plugin: the filter or weigher that it is in, as of the last look.
    :ivar where: the line of that plug-in's code.
    """

    def __init__(self, pipeline: Pipeline, thread: threading.Thread):
        self.plugin: FilterGuard | WeigherGuard | None = None
        self.where = ""
        self._thread = thread
        self._call: FrameType | None = None
        self._since = 0.0
        # The plug-ins' own functions, too: the innermost loop over weighers calls them without ado. Plug-ins may have
        # them in common.
        self._owners: dict[CodeType, list[FilterGuard | WeigherGuard]] = {}
        for one in (*pipeline.filters, *pipeline.weighers):
            for code in {_code(one.plugin, form) for form in _FORMS} - {None}:
                self._owners.setdefault(code, []).append(one)

    def look(self) -> float:
        """Return for how many seconds the thread is known to have been in one call of a plug-in."""
        call, self.plugin = self._outermost()
        # The same frame is the same call: a plug-in that is called often and comes back is not stuck.
        if call is None or call is not self._call:
            self._call, self._since = call, time.monotonic()
        return time.monotonic() - self._since if call is not None else 0.0

    def limit_s(self, timeout_s: float) -> float:
        """Return after how long the call of the last look has to be given up: ``timeout_s``, as a rule.

        Whoever waits for the process of an isolated plug-in gives that up in time, and then it is refused by its name.
        """
        plugin = self.plugin and self.plugin.plugin
        return plugin.longest_s if isinstance(plugin, Isolated) else timeout_s

    def _outermost(self) -> tuple[FrameType | None, FilterGuard | WeigherGuard | None]:
        call = plugin = within = None
        frame = sys._current_frames().get(self._thread.ident)
        while frame is not None:
            is_ours = frame.f_code in _CALLS
            if is_ours or frame.f_code in self._owners:
                if call is None:
                    at = within if is_ours and within is not None else frame
                    self.where = f"{os.path.basename(at.f_code.co_filename)}:{at.f_lineno}"
                call, plugin = frame, frame.f_locals["self"] if is_ours else self._owner(frame)
            within, frame = frame, frame.f_back
        return call, plugin

    def _owner(self, frame: FrameType) -> FilterGuard | WeigherGuard:
        owners = self._owners[frame.f_code]
        arguments = frame.f_code.co_varnames
        this = frame.f_locals.get(arguments[0]) if len(owners) > 1 and arguments else None
        return next((one for one in owners if one.plugin is this), owners[0])


def _code(plugin: object, form: str) -> CodeType | None:
    function = getattr(plugin, form, None)
    return getattr(getattr(function, "__func__", function), "__code__", None)
