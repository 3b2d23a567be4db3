"""One hook plug-in as it is called: what it is handed, what it may answer, and what its users and operators read."""

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from corenova.account import words
from corenova.breaker import Breakers
from corenova.contracts.hooks import AdminRoute
from corenova.exceptions import CorenovaError, InvalidInput, Unavailable
from corenova.hooks.role import Role, Worst
from corenova.hooks.threads import Job, NoAnswer, Pool
from corenova.loader import Plugin

MOST_ASKED = 4
"""So many veto hooks of one plug-in answer at the same time, and so many of its admin routes."""
MOST_ANSWERED = 1 << 20
"""The most bytes that an admin route may answer with."""
_LONGEST = 500
_LOST_FOR_S = 60.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The budgets of hook plug-ins; named and explained in corenova/conf/plugins.py."""

    hook_timeout_s: float = 10.0
    veto_timeout_s: float = 2.0
    breaker_faults: int = 5
    breaker_open_s: float = 60.0


class Listener:
    """A hook plug-in in its three roles, each with threads of its own: told in one, asked and visited in a few."""

    def __init__(self, plugin: Plugin, limits: Limits):
        self.plugin = plugin

        def role(name: str) -> Role:
            breakers = Breakers(limits.breaker_faults, limits.breaker_open_s)
            return Role(f"hook plug-in {plugin.name} ({name})", plugin.account, breakers)

        self._told = Pool(role("observer"), most=1, timeout_s=limits.hook_timeout_s)
        self._asked = Pool(role("veto"), most=MOST_ASKED, timeout_s=limits.veto_timeout_s)
        self._visited = Pool(role("route"), most=MOST_ASKED, timeout_s=limits.veto_timeout_s)
        self._pools = (self._told, self._asked, self._visited)
        plugin.account.breaker = Worst([pool.role for pool in self._pools])
        self._lost = 0
        self._lost_at = float("-inf")

    def tell(self, call: Callable[[], object]) -> None:
        """Let it hear of a fact, once it has heard of all before; returns at once."""
        if self._told.put(Job(call)):
            return
        self._lost += 1
        if time.monotonic() - self._lost_at > _LOST_FOR_S:
            self._told.role.complain("its queue is full, facts are lost")
            self._lost_at = time.monotonic()

    def ask(self, call: Callable[[], object]) -> str | None:
        """Return why it refuses, None when it does not: a sentence for the user."""
        try:
            return self._asked.ask(lambda: _reason(call()))
        except NoAnswer as error:
            failure = str(error)
        except Exception:  # in the log already
            failure = "has failed"
        return f"The plug-in {self.plugin.name} {failure}, so the request is refused."

    def answer(self, route: AdminRoute, query: Mapping[str, str]) -> bytes:
        """Return what one of its routes answers, as JSON.

        :raises InvalidInput: it cannot do anything with the query.
        :raises Unavailable: it has not answered in time, or is switched off.
        :raises Exception: whatever it raises.
        """
        try:
            found = self._visited.ask(lambda: _answer(route, dict(query)))
        except NoAnswer as error:
            raise Unavailable(f"The plug-in {self.plugin.name} {error}.") from None
        if isinstance(found, InvalidInput):
            raise found
        return found

    def alarms(self) -> list[str]:
        """Return sentences for operators; gives up calls that hang."""
        for pool in self._pools:
            pool.look()
        is_recent = time.monotonic() - self._lost_at <= _LOST_FOR_S
        lost = [f"{self._told.role.label} is too slow: {self._lost} facts were lost so far"] if is_recent else []
        return [*(alarm for pool in self._pools for alarm in pool.role.alarms()), *lost]

    def drain(self, deadline: float) -> bool:
        """Wait until it has heard of everything; see :meth:`Pool.drain`."""
        return self._told.drain(deadline)


class Implementation:
    """One plug-in's implementation of one hook.

    :param names: the arguments that it takes.
    """

    def __init__(self, listener: Listener, function: Callable[..., object], names: Sequence[str]):
        self.listener, self._function, self._names = listener, function, names

    def bound(self, arguments: Mapping[str, object]) -> Callable[[], object]:
        """Return the call with those of the arguments that it takes: copies, because others have them too."""
        chosen = [arguments[name] for name in self._names]
        return lambda: self._function(*map(_copy, chosen))


def clean(text: str) -> str:
    """Return the words of a plug-in as they may be shown: one line, no control characters, not too long."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _LONGEST])
    return " ".join(printable.split())[:_LONGEST]


def _reason(returned: object) -> str | None:
    if returned is None:
        return None
    reason = clean(returned) if isinstance(returned, str) else ""
    if not reason:
        raise TypeError(f"a veto hook returned {returned!r:.100}, and neither None nor a sentence")
    return reason


def _answer(route: AdminRoute, query: dict[str, str]) -> bytes | InvalidInput:
    try:
        answer = route.answer(query)
    except ValueError as error:
        return InvalidInput(clean(str(error)) or "The plug-in cannot do anything with this query.")
    except CorenovaError as error:  # would be taken for ours
        raise RuntimeError(words(error)) from error
    encoded = msgspec.json.encode(answer)
    if len(encoded) > MOST_ANSWERED:
        raise OverflowError(f"{route.path} answered with {len(encoded)} bytes, at most {MOST_ANSWERED} are sent")
    return encoded


def _copy(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return msgspec.json.decode(msgspec.json.encode(value), type=type(value))
    if isinstance(value, dict):
        return dict(value)
    return [_copy(one) for one in value] if isinstance(value, list | tuple) else value
