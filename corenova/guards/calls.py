"""A guard: an object with the verbs of a plug-in that passes calls on, enters them in the account, contains faults.

Whoever is given a guard calls it as he would the plug-in. What the plug-in raises and its contract knows is an answer
and comes out as it is; anything else it raises, and any answer that the contract does not allow (a lie), is a fault:
counted, and turned into an error that callers know what to do with. A call that does not come back cannot be ended
from outside; :meth:`Guard.overdue` tells of it, and whoever waits goes on without its thread.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from corenova.account import FAULTS, words
from corenova.guards.breakers import BreakerSet
from corenova.loader import KINDS, Plugin

LOG = logging.getLogger(__name__)

Check = Callable[[object, tuple], None]
"""Holds what a verb returned against its contract, given the arguments; raises :class:`Lie`."""


class Lie(Exception):
    """A plug-in has returned what its contract does not allow; the message says what, for its author."""


class Call(NamedTuple):
    """A call that is under way: since when (``time.perf_counter``), which verb, with which arguments by position, and
    in which thread (``threading.get_ident``)."""

    started: float
    verb: str
    arguments: tuple
    thread: int

    @property
    def host(self) -> str:
        """The host that a driver's verb is about; empty when it is about none."""
        return first if self.arguments and isinstance(first := self.arguments[0], str) else ""

    @property
    def instance_uuid(self) -> str:
        """The instance that a driver's verb is about; empty when it is about none."""
        subject = self.arguments[1] if len(self.arguments) > 1 else ""
        subject = getattr(subject, "uuid", subject)
        return subject if isinstance(subject, str) else ""


class Guard:
    """Stands for the plug-in; attributes that are no verbs are the plug-in's own.

    :param verbs: what callers may call; those that the plug-in has not are not there.
    :param answers: the errors that its contract knows.
    :param checks: by verb.
    :param breakers: one of each verb; None: verbs are refused by nobody here.
    :ivar plugin: what is guarded, with its account.
    :ivar label: how logs and alarms name it ("driver fake").
    :ivar calls: the guarded verbs by name, for classes that have a method of a verb's name.
    """

    def __init__(
        self,
        plugin: Plugin,
        verbs: Iterable[str],
        *,
        answers: tuple[type[BaseException], ...],
        checks: Mapping[str, Check],
        breakers: BreakerSet | None = None,
    ):
        self.plugin = plugin
        self.label = f"{KINDS[plugin.group].noun} {plugin.name}"
        self._breakers = breakers or BreakerSet("", faults=0, open_s=0.0)
        self._under_way: dict[int, tuple] = {}
        self._overdue: dict[int, float] = {}
        self.calls = {
            verb: self._guarded(verb, answers, checks.get(verb))
            for verb in verbs
            if callable(getattr(plugin.object, verb, None))
        }
        for verb in self.calls.keys() - set(dir(type(self))):
            setattr(self, verb, self.calls[verb])

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["plugin"].object, name)

    def limit_s(self, verb: str) -> float:
        """Return after how many seconds a call of ``verb`` is overdue."""
        raise NotImplementedError

    def refusal(self, call: Call, error: BaseException) -> Exception:
        """Return what callers are told instead of ``error``, which is a fault."""
        raise NotImplementedError

    def switched_off(self, verb: str) -> Exception:
        """Return what callers are told while the breaker of ``verb`` is open."""
        raise NotImplementedError

    def hung(self, call: Call, what: str) -> None:
        """A call is overdue; called once for each. ``what`` says so in a sentence."""

    def overdue(self) -> list[Call]:
        """Return the calls that have not come back in their time. Each is a fault, once."""
        now, found = time.perf_counter(), {}
        for thread, call in list(self._under_way.items()):
            call = Call(*call, thread)
            if now - call.started >= self.limit_s(call.verb):
                found[thread] = call
        known, self._overdue = self._overdue, {thread: call.started for thread, call in found.items()}
        for thread, call in found.items():
            if known.get(thread) != call.started:
                what = self._lateness(call, now)
                self.plugin.account.fault(what)
                LOG.error("%s", what)
                self.hung(call, what)
        return list(found.values())

    def alarms(self) -> list[str]:
        """Return one sentence for each call that hangs, for operators."""
        now = time.perf_counter()
        return [self._lateness(call, now) for call in self.overdue()]

    def _lateness(self, call: Call, now: float) -> str:
        return f"{self.label}: {shown(call)} has not come back for {now - call.started:.0f} s"

    def _guarded(self, verb: str, answers: tuple[type[BaseException], ...], check: Check | None) -> Callable:
        inner, account, under_way = self.plugin.object, self.plugin.account, self._under_way
        thread_of, clock, failed = threading.get_ident, time.perf_counter, self._failed
        breakers, sick, refused = self._breakers, self._breakers.known, self.switched_off

        def call(*arguments: object, **named: object) -> object:
            if sick and not breakers.admits(verb):
                raise refused(verb)
            thread, started = thread_of(), clock()
            under_way[thread] = (started, verb, arguments)
            try:
                answer = getattr(inner, verb)(*arguments, **named)
                if check is not None:
                    check(answer, arguments)
                if sick:
                    breakers.ended(verb)
                return answer
            except answers:
                if sick:
                    breakers.ended(verb)
                raise
            except FAULTS as error:
                raise failed(Call(started, verb, arguments, thread), error) from error
            finally:
                under_way.pop(thread, None)
                if sick:
                    breakers.let_go(verb)  # of what is neither answer nor fault: whoever called was cut off
                account.calls += 1
                account.seconds += clock() - started

        call.__name__ = verb
        return call

    def _failed(self, call: Call, error: BaseException) -> Exception:
        self.plugin.account.fault(f"{call.verb}: {words(error)}")
        LOG.error(
            "%s: %s failed: %s",
            self.label,
            shown(call),
            words(error),
            exc_info=None if isinstance(error, Lie) else error,
        )
        return self.refusal(call, error)


def shown(call: Call) -> str:
    """Return a call as people read it: the verb, and of a driver's verb which instance on which host."""
    of = f" of {call.instance_uuid}" if call.instance_uuid else ""
    return f"{call.verb}{of}{f' on {call.host}' if call.host else ''}"


def verbs_of(protocol: type) -> list[str]:
    """Return the verbs that a protocol names, in its order."""
    return [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]


def need(condition: object, what: str) -> None:
    """Raise Lie with ``what`` unless ``condition`` holds."""
    if not condition:
        raise Lie(what)


def returns(kind: type, *, or_none: bool = False) -> Check:
    """Return a check that the answer is of this type (of a subclass, too)."""
    kinds = (kind, type(None)) if or_none else kind

    def check(answer: object, arguments: tuple) -> None:
        if not isinstance(answer, kinds):
            raise Lie(f"it returned {brief(answer)}, and no {kind.__name__}")

    return check


def brief(answer: object) -> str:
    """Return a short description of an answer; never raises, whatever the answer is."""
    try:
        text = " ".join(repr(answer)[:80].split())
    except FAULTS as error:
        text = f"something whose repr() raises {type(error).__name__}"
    return f"{type(answer).__name__} {text}"
