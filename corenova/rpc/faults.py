"""Faults of the in-process bus, on purpose: a plan decides for every message whether it arrives, how often and when.

Nothing here runs unless a test installed a plan for its cloud (``corenova.rpc.local.inject``). With it, the losses that
a real broker shows once a month happen on every run, and the same ones again under the same seed.
"""

import dataclasses
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple

from corenova.crash import SimulatedCrash

LOG = logging.getLogger(__name__)

HOLD_S = 0.1
"""A reordered message waits for a later one to overtake it, but no longer than this: reordering never loses."""


class Passing(NamedTuple):
    """What a plan is told about a message that is about to leave its sender.

    :param kind: ``cast``, ``call``, ``fanout``, ``reply`` or ``notification``.
    :param method: the remote verb; of a reply, the verb that it answers.
    :param server: the server that the message is directed to, None when any will do. A reply has that of its call.
    """

    kind: str
    method: str
    topic: str
    server: str | None


@dataclasses.dataclass(frozen=True)
class Fate:
    """What becomes of one message.

    :param copies: how often it arrives: 0 is a silent loss, 2 a duplicate.
    :param delay_s: seconds between leaving the sender, who does not notice, and arriving.
    :param reorder: let the next message to the same place overtake this one (without meaning for replies).
    :param crash: ``before`` or ``after``: the thread that sends dies of SimulatedCrash before the message has left, or
        after. The sender of a reply is the worker thread of the server, which has then run the handler.
    """

    copies: int = 1
    delay_s: float = 0.0
    reorder: bool = False
    crash: str | None = None


DELIVER = Fate()
DROP = Fate(copies=0)
DUPLICATE = Fate(copies=2)

FaultPlan = Callable[[Passing], Fate]
"""Called once a message in the thread that sends it, from many threads at once."""


class SeededFaults:
    """A plan of random faults that the seed repeats.

    The n-th message of the same kind, verb, topic and server always meets the same fate, however the threads take
    turns. Rates are probabilities between 0 and 1; together they must not pass 1.

    :param only: the verbs to trouble; all of them when None.
    :param max_delay_s: delayed messages arrive up to this much later.
    """

    def __init__(
        self,
        seed: int,
        *,
        drop: float = 0.0,
        duplicate: float = 0.0,
        delay: float = 0.0,
        reorder: float = 0.0,
        crash_before: float = 0.0,
        crash_after: float = 0.0,
        max_delay_s: float = 0.05,
        only: Collection[str] | None = None,
    ):
        self._seed = seed
        self._max_delay_s = max_delay_s
        self._only = only
        self._rates = {
            "drop": drop,
            "duplicate": duplicate,
            "delay": delay,
            "reorder": reorder,
            "crash_before": crash_before,
            "crash_after": crash_after,
        }
        if sum(self._rates.values()) > 1:
            raise ValueError("the rates of all faults together must not pass 1")
        self._lock = threading.Lock()
        self._seen: Counter[Passing] = Counter()
        self.injected: Counter[str] = Counter()
        """How many messages met which fault so far, for a test to see that it tested something."""

    def __call__(self, passing: Passing) -> Fate:
        """Return the fate of this message and count it."""
        if self._only is not None and passing.method not in self._only:
            return DELIVER
        with self._lock:
            self._seen[passing] += 1
            dice = random.Random(f"{self._seed}/{'/'.join(map(str, passing))}/{self._seen[passing]}")
            fault = self._draw(dice.random())
            if fault is None:
                return DELIVER
            self.injected[fault] += 1
        return {
            "drop": DROP,
            "duplicate": DUPLICATE,
            "delay": Fate(delay_s=dice.uniform(0, self._max_delay_s)),
            "reorder": Fate(reorder=True),
            "crash_before": Fate(crash="before"),
            "crash_after": Fate(crash="after"),
        }[fault]

    def _draw(self, number: float) -> str | None:
        for fault, rate in self._rates.items():
            number -= rate
            if number < 0:
                return fault
        return None


class Injector:
    """Carries out what a plan decides; the bus hands it every message together with the way to deliver it."""

    def __init__(self, plan: FaultPlan):
        self._plan = plan
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str | None], list[Callable[[], None]]] = {}

    def pass_on(self, passing: Passing, deliver: Callable[[], None]) -> None:
        """Ask the plan and deliver accordingly; raises SimulatedCrash when the plan says so."""
        fate = self._plan(passing)
        if fate.crash == "before":
            raise SimulatedCrash(f"before the {passing.kind} of {passing.method} left")
        place = (passing.topic, passing.server)
        if fate.reorder and passing.kind != "reply":
            with self._lock:
                self._held.setdefault(place, []).append(deliver)
            _later(HOLD_S, lambda: self._release(place))
        else:
            for _ in range(fate.copies):
                if fate.delay_s:
                    _later(fate.delay_s, deliver)
                else:
                    deliver()
            if fate.copies and passing.kind != "reply":
                self._release(place)
        if fate.crash == "after":
            raise SimulatedCrash(f"after the {passing.kind} of {passing.method} left")

    def _release(self, place: tuple[str, str | None]) -> None:
        with self._lock:
            held = self._held.pop(place, [])
        for deliver in held:
            _quietly(deliver)


def _later(seconds: float, deliver: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, _quietly, [deliver])
    timer.daemon = True
    timer.start()


def _quietly(deliver: Callable[[], None]) -> None:
    # The sender is long gone: a queue that is full by now loses the message, as a broker's would.
    try:
        deliver()
    except Exception as error:
        LOG.warning("A delayed message was lost: %s", error)
