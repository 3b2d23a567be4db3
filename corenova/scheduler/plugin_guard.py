"""What goes around each filter and weigher: time and faults enter the account, who fails often is switched off.

    pipeline -> FilterGuard (filter_guard.py) or WeigherGuard (weigher_guard.py) -> the plug-in

What is counted and timed is the *pass*: one plug-in asked about all hosts that are its business at this moment, be it
all or the one that was claimed last. Who is asked about hosts one by one times the whole (classes.py, ranking.py).

What failed must not be kept for other requests, so whoever keeps answers looks at ``faults`` before and after.
"""

import logging

import numpy as np

from corenova.account import Account, words
from corenova.breaker import Breakers
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.views import Subset

LOG = logging.getLogger(__name__)
Columns = HostTable | Subset
STOPPED = RuntimeError("it raised StopIteration")  # which ends a map() without a word


class PluginGuard:
    """What filters and weighers have in common: a name, a breaker, an account.

    :param account: the plug-in's, with the breaker of the pipeline; None (a built-in stage): one that nobody reads.
    """

    def __init__(self, name: str, plugin: object, account: Account | None):
        self.name = name
        self.plugin = plugin
        self.selective = hasattr(plugin, "applies")
        self.account = account or Account()
        self.breaker = self.account.breaker or self.account.guarded_by(Breakers(), name)

    @property
    def faults(self) -> int:
        """How often it has failed."""
        return self.account.faults

    def fault(self, error: BaseException, *, once: bool = True) -> str:
        """Note that a call has failed, and return the fault in words.

        In one decision it may fail for many hosts: that is one fault to the breaker.
        """
        what = fault_words(error)
        self.account.fault(what)
        if isinstance(error, RememberedError):
            self.breaker.remembered()
        elif self.breaker.fault(what, once=once):
            LOG.error("%s: %s", self._effect(), what)
        return what

    def _effect(self) -> str:
        raise NotImplementedError

    def _went_well(self) -> None:
        if not self.breaker.is_closed:
            self.breaker.success()


class ReportedError(Exception):
    """A fault of a plug-in that runs elsewhere, in the words that came from there."""


class RememberedError(ReportedError):
    """A fault that an equal request has met before; the plug-in was not asked again, so its breaker has counted it."""


def fault_words(error: BaseException) -> str:
    """Return what a fault is called in accounts, alarms and explanations."""
    return str(error) if isinstance(error, ReportedError) else words(error)


class PartlyError(Exception):
    """Some hosts have an answer, others (NaN, or False) have none; ``first`` says why.

    :param failures: of a filter, the faults by the positions of the hosts.
    """

    def __init__(self, raw: np.ndarray, first: BaseException, failures: dict[int, str] | None = None):
        super().__init__(fault_words(first))
        self.raw, self.first, self.failures = raw, first, failures or {}
