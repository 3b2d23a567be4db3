"""The process of one isolated plug-in: loads it from the same ini, and answers questions until nobody asks any more.

It keeps a copy of its scheduler's picture of the hosts, which each question brings up to date, and asks the plug-in by
the same code as the scheduler would (plugin_guard.py). It ends when the pipe does. A plug-in that hangs while the
scheduler has died is ended by an alarm, which no loop can hold up.
"""

import logging
import os
import pickle
import resource
import signal
import socket
import sys

import msgspec
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.account import words
from corenova.scheduler import plugins
from corenova.scheduler.filter_guard import FilterGuard
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.isolation.wire import Answer, Question, Start, encode_answer, receive, send
from corenova.scheduler.traced import TracedSpec
from corenova.scheduler.views import Subset
from corenova.scheduler.weigher_guard import WeigherGuard

_GRACE_S = 1.0


class Room:
    """The plug-in, and what it knows of the hosts.

    :param guard: the plug-in, with an account that the scheduler does not see.
    """

    def __init__(self, guard: FilterGuard | WeigherGuard):
        self._guard = guard
        self._table = HostTable(default_zone="")

    def answer(self, question: Question) -> Answer:
        """Ask the plug-in."""
        account = self._guard.account
        self._take(question)
        reads: set[str] = set()
        spec = TracedSpec(question.spec, reads)
        self._table.usage_read, faults = False, account.faults
        found = getattr(self, f"_{question.verb}")(question, spec)
        fault = account.last_fault if account.faults != faults else ""
        return Answer(
            **found,
            reads=tuple(reads),
            usage_read=self._table.usage_read,
            fault=fault,
            is_last=fault.startswith(MemoryError.__name__),
        )

    def _take(self, question: Question) -> None:
        if question.picture is not None:
            zone, rows = question.picture
            self._table = HostTable.of(rows, default_zone=zone)
        self._table.apply(question.changed)

    def _hosts(self, question: Question) -> HostTable | Subset:
        return self._table if question.rows is None else Subset(self._table, question.rows)

    def _mask(self, question: Question, spec: TracedSpec) -> dict[str, object]:
        failures: dict[int, str] = {}
        mask = self._guard.mask(self._hosts(question), spec, failures=failures)
        return {"column": mask.tobytes(), "failures": failures}

    def _weights(self, question: Question, spec: TracedSpec) -> dict[str, object]:
        return {"column": self._guard.raw(self._hosts(question), spec).tobytes()}

    def _applies(self, question: Question, spec: TracedSpec) -> dict[str, object]:
        return {"applies": self._guard.applies(spec)}

    def _scale(self, question: Question, spec: TracedSpec) -> dict[str, object]:
        return {"scale": self._guard.scale(self._table)}

    def _reason(self, question: Question, spec: TracedSpec) -> dict[str, object]:
        return {"words": self._guard.reason(self._table.states[int(question.rows[0])], spec)}


def main() -> None:
    """Serve the plug-in that the command line says, over the socket whose number it says."""
    start = msgspec.json.decode(sys.argv[2], type=Start)
    for number in (signal.SIGINT, signal.SIGTERM):  # they are meant for the service, which ends us
        signal.signal(number, signal.SIG_IGN)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the plug-in prints
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("corenova").setLevel(logging.CRITICAL)  # the scheduler says what is wrong
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            room = _load(start)
        except Exception as error:
            send(channel, encode_answer(Answer(fault=words(error), is_last=True)))
            return
        send(channel, encode_answer(Answer()))
        _serve(channel, room, start.timeout_s)


def _load(start: Start) -> Room:
    conf = cfg.ConfigOpts()
    options.register(conf)
    files = [f"--config-file={name}" for name in start.config_files]
    folders = [f"--config-dir={name}" for name in start.config_dirs]
    conf([*files, *folders], project="corenova", default_config_files=[], default_config_dirs=[])
    if start.memory_mb:
        limit = start.memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    plugin = plugins.load_named(conf, start.group, start.name)
    if start.group == loader.FILTERS:
        return Room(FilterGuard(plugin.name, plugin.object))
    return Room(WeigherGuard(plugin.name, plugin.object, 1.0))


def _serve(channel: socket.socket, room: Room, timeout_s: float) -> None:
    while True:
        try:
            question = pickle.loads(receive(channel))
        except (EOFError, OSError):
            return
        signal.setitimer(signal.ITIMER_REAL, timeout_s + _GRACE_S)
        answer = room.answer(question)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(channel, encode_answer(answer))
        if answer.is_last:
            return


if __name__ == "__main__":
    main()
