"""What the pipeline asks instead of an isolated plug-in: it looks like the plug-in and hands the question on.

Processes wait in a pool, usually there is one. A thread takes the one that knows its hosts, and brings it up to date
with those that have changed. A process that fails is killed and another is started; who asked is told by an exception,
so a filter says no and a weigher weighs nothing, and the breaker counts.
"""

import threading
import time
import weakref
from collections.abc import Sequence
from operator import attrgetter

import msgspec
import numpy as np
from oslo_config import cfg

from corenova import loader
from corenova.exceptions import PluginError
from corenova.loader import Plugin
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.isolation.process import END_S, START_S, Process
from corenova.scheduler.isolation.wire import Answer, Question, Start
from corenova.scheduler.plugin_guard import PartlyError, RememberedError, ReportedError, fault_words
from corenova.scheduler.traced import real
from corenova.scheduler.views import HostView, Subset, origin

_MOST_IDLE = 2
_TRAITS = (
    "run_filter_once_per_request", "RUN_ON_REBUILD", "multiplier_option", "negate", "minval", "maxval", "raw_column",
    "counted_image_properties",
)  # fmt: skip


class Isolated:
    """A filter or weigher that runs elsewhere: it has the traits and the forms that the plug-in has.

    :param plugin: the plug-in, loaded here only to know what it is.
    :ivar longest_s: after so long a call has come back for certain: it is asked twice at most, each time by a process
        that has to load it first and is killed in the end.
    """

    def __init__(self, plugin: Plugin, start: Start):
        self._start, self._account = start, plugin.account
        self.longest_s = 2 * (START_S + start.timeout_s + END_S)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._is_stopped = False
        self._fatal: tuple[RequestSpec | None, float, str] = (None, 0.0, "")
        for trait in _TRAITS:
            if hasattr(plugin.object, trait):
                setattr(self, trait, getattr(plugin.object, trait))
        for form in ("applies", "reason", "scale"):
            if hasattr(plugin.object, form):
                setattr(self, form, getattr(self, f"_{form}"))
        if plugin.group == loader.FILTERS:
            self.is_scalar = not hasattr(plugin.object, "mask")
            self.mask = self._mask
        else:
            self.weights = self._weights

    # What the pipeline calls.

    def _mask(self, hosts: HostTable | Subset, spec: RequestSpec) -> np.ndarray:
        return self._column("mask", np.bool_, hosts, spec)

    def _weights(self, hosts: HostTable | Subset, spec: RequestSpec) -> np.ndarray:
        return self._column("weights", np.float64, hosts, spec)

    def _column(self, verb: str, kind: type, hosts: HostTable | Subset, spec: RequestSpec) -> np.ndarray:
        table, rows = origin(hosts)
        answer = self._ask(verb, table, spec, rows)
        column = np.frombuffer(answer.column, dtype=kind)
        if len(column) != len(hosts):
            raise TypeError(f"its process answers for {len(column)} hosts where {len(hosts)} are asked about")
        if answer.fault:
            raise PartlyError(column, ReportedError(answer.fault), answer.failures)
        return column

    def _applies(self, spec: RequestSpec) -> bool:
        return self._sound(self._ask("applies", None, spec)).applies

    def _reason(self, state: HostView, spec: RequestSpec) -> str:
        table, rows = origin(state)
        return self._sound(self._ask("reason", table, spec, rows)).words

    def _scale(self, hosts: HostTable) -> tuple[float, float]:
        return self._sound(self._ask("scale", hosts, None)).scale

    @staticmethod
    def _sound(answer: Answer) -> Answer:
        if answer.fault:
            raise ReportedError(answer.fault)
        return answer

    # The processes.

    def start(self) -> None:
        """Start a process in the background, so that the first decision need not wait for it."""
        with self._lock:
            if not self._is_stopped and not self._idle:
                self._idle.append(self._started())

    def stop(self) -> None:
        """End all processes, those that are being asked as well."""
        with self._lock:
            self._is_stopped = True
            found, self._idle, self._all = list(self._all), [], set()
        for process in found:
            process.kill()

    def _started(self) -> Process:
        made = Process(self._start)
        self._all.add(made)
        return made

    def _take(self, table: HostTable | None) -> Process:
        with self._lock:
            if self._is_stopped:
                raise ChildProcessError("the scheduler is stopping")
            for one in [one for one in self._idle if one.has_died]:
                one.kill()
                self._idle.remove(one)
                self._all.discard(one)
            knows = [one for one in self._idle if one.table is not None and one.table() is table]
            if not self._idle:
                return self._started()
            found = (knows or self._idle)[0]
            self._idle.remove(found)
            return found

    def _put_back(self, process: Process) -> None:
        with self._lock:
            if not self._is_stopped and len(self._idle) < _MOST_IDLE:
                self._idle.append(process)
                return
        self._end(process)

    def _end(self, process: Process) -> None:
        process.kill()
        with self._lock:
            self._all.discard(process)

    def _replace(self, process: Process) -> None:
        self._end(process)
        self.start()  # the next call shall not wait for it

    def _ask(
        self, verb: str, table: HostTable | None, spec: RequestSpec | None, rows: np.ndarray | None = None
    ) -> Answer:
        whole = real(spec)
        fatal, until, fault = self._fatal
        if time.monotonic() < until and fatal == whole:
            # A decision asks several times, and would wait for it, or for another process, as often.
            raise RememberedError(fault)
        try:
            answer = self._asked(verb, table, whole, rows)
            if answer.is_last:  # its memory may have gone with earlier requests
                self._account.fault(answer.fault)
                answer = self._asked(verb, table, whole, rows)
                if answer.is_last:
                    raise ReportedError(answer.fault)
        except Exception as error:
            self._fatal = (whole, time.monotonic() + self._start.timeout_s, fault_words(error))
            raise
        if table is not None:
            table.usage_read |= answer.usage_read
        for path in answer.reads:  # for whoever notes what is read
            attrgetter(path)(spec)
        return answer

    def _asked(self, verb: str, table: HostTable | None, spec: RequestSpec | None, rows: np.ndarray | None) -> Answer:
        process = self._take(table)
        try:
            answer = process.ask(_question(process, verb, table, spec, rows))
        except Exception:
            self._replace(process)
            raise
        if answer.is_last:
            self._replace(process)
            return answer
        if table is not None:
            process.table, process.revision = weakref.ref(table), table.revision
        self._put_back(process)
        return answer


def _question(
    process: Process, verb: str, table: HostTable | None, spec: RequestSpec | None, rows: np.ndarray | None
) -> Question:
    """Return the question, with the hosts that the process does not know as they are."""
    if table is None:
        return Question(verb=verb, spec=spec)
    knows = process.table is not None and process.table() is table
    changes = table.changes_since(process.revision) if knows else None
    if changes is None:
        picture = (table.default_zone, [table.row(row) for row in range(len(table))])
        return Question(verb=verb, spec=spec, rows=rows, picture=picture)
    return Question(verb=verb, spec=spec, rows=rows, changed=[table.row(row) for row in changes])


def isolated(conf: cfg.ConfigOpts, plugin: Plugin) -> Plugin:
    """Return the plug-in; when ``[plugins] isolate`` names it, with a stand-in instead of the object."""
    if plugin.name not in conf.plugins.isolate:
        return plugin
    return msgspec.structs.replace(plugin, object=Isolated(plugin, _start(conf, plugin)))


def check_names(conf: cfg.ConfigOpts, enabled: Sequence[str]) -> None:
    """Refuse a name of ``[plugins] isolate`` that is no enabled filter or weigher; raises PluginError."""
    unknown = [name for name in conf.plugins.isolate if name not in enabled]
    if unknown:
        raise PluginError(
            f"[plugins] isolate names {', '.join(unknown)}, which is no enabled filter or weigher. Enable it, or take "
            "it out of that option."
        )


def _start(conf: cfg.ConfigOpts, plugin: Plugin) -> Start:
    section = conf.plugins
    return Start(
        group=plugin.group,
        name=plugin.name,
        config_files=list(conf.config_file or []),
        config_dirs=list(conf.config_dir or []),
        memory_mb=section.isolate_memory_mb,
        timeout_s=section.plugin_timeout_s,
    )
