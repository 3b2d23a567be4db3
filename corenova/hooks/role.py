"""What a hook plug-in is called for, and how it does at that: as an observer, as a veto, as a resource of the API.

What goes wrong in one role is no reason to do without the others.
"""

import logging
import threading
from collections.abc import Sequence

from corenova.account import Account
from corenova.breaker import Breakers

LOG = logging.getLogger(__name__)
MOST_STUCK = 8
"""So many calls of a role may hang at once; then the plug-in is not called in it until one of them has come back."""


class Role:
    """One role of a plug-in. Calls are entered in its account, and judged by a breaker of the role.

    Faults count when one call after the other fails; one that hangs counts in any case. So a request on which the
    plug-in fails harms itself, and not those of others.

    :param label: as logs and alarms name the plug-in in this role.
    :param breakers: a family for this role alone.
    :ivar stuck: the threads of calls that hang.
    """

    def __init__(self, label: str, account: Account, breakers: Breakers):
        self.label, self._account, self._breakers = label, account, breakers
        self._breaker = breakers.of(label)
        self.stuck: set[threading.Thread] = set()

    @property
    def is_jammed(self) -> bool:
        """Whether so many calls hang that no more are made."""
        return len(self.stuck) >= MOST_STUCK

    @property
    def is_closed(self) -> bool:
        """Whether calls go through, as ever; see Breaker."""
        return self._breaker.is_closed and not self.is_jammed

    @property
    def is_open(self) -> bool:
        """Whether the plug-in is not to be called; see Breaker."""
        return self._breaker.is_open or self.is_jammed

    def lets_through(self) -> bool:
        """Tell whether the plug-in may be called now."""
        if self._breaker.is_open:
            self._breaker.try_again()
        return not self.is_open

    def ended(self, seconds: float, error: BaseException | None) -> None:
        """Enter a call that has come back."""
        self._account.calls += 1
        self._account.seconds += seconds
        self._breakers.turn += 1
        if error is not None:
            self.fault(error)
        elif not self._breaker.is_closed:
            self._breaker.success()

    def fault(self, error: BaseException) -> None:
        """Enter a fault."""
        self._account.fault(error)
        self._breaker.fault(self._account.last_fault)

    def complain(self, words: str) -> None:
        """Enter a fault that is no reason to switch the plug-in off, and log it."""
        self._account.fault(words)
        LOG.warning("The %s: %s", self.label, words)

    def hangs(self, thread: threading.Thread, seconds: float) -> None:
        """Enter a call that has not come back, and is left alone with its thread."""
        self._account.calls += 1
        self._account.seconds += seconds
        self.stuck.add(thread)
        error = TimeoutError(f"it has not come back for {seconds:.3g} s")
        self._account.fault(error)
        self._breaker.fault(self._account.last_fault, once=False)
        LOG.error("The %s hangs: %s; its thread is left alone", self.label, error)
        if self.is_jammed:
            LOG.error("The %s is not called until one of %d calls has come back", self.label, len(self.stuck))

    def unjam(self, thread: threading.Thread) -> None:
        """Note that the call of this thread, which was left alone, has come back after all."""
        was_jammed = self.is_jammed
        self.stuck.discard(thread)
        if was_jammed and not self.is_jammed:
            LOG.error("A call of the %s has come back, and it is called again", self.label)

    def alarms(self) -> list[str]:
        """Return sentences for operators: that it is switched off, or hangs."""
        count = len(self.stuck)
        hanging = f"{self.label} hangs: {count} of its calls {'has' if count == 1 else 'have'} not come back"
        jammed = "; it is not called until one has" if self.is_jammed else ""
        return [*self._breakers.alarms(), *([hanging + jammed] if count else [])]


class Worst:
    """The breakers of all roles of a plug-in, as its account shows them: the worst of them."""

    def __init__(self, roles: Sequence[Role]):
        self._roles = roles

    @property
    def is_closed(self) -> bool:
        """Whether all calls go through, as ever."""
        return all(role.is_closed for role in self._roles)

    @property
    def is_open(self) -> bool:
        """Whether the plug-in is not to be called in some role."""
        return any(role.is_open for role in self._roles)
