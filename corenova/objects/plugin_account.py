"""What a service tells of a plug-in that it has loaded: who brought it, and how it has done. Travels as JSON."""

import msgspec


class PluginAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One plug-in in one process.

    :param group: its entry point group.
    :param contract: the contract version that it says it was written for, ``1.0``; empty: it does not say.
    :param reason: why it is not loaded; empty when it is.
    :param calls: passes, verbs, or hooks, whatever its kind counts.
    :param seconds: the time of all calls together.
    :param faults: calls that raised, were overdue, or returned what the contract does not allow.
    :param breaker: ``closed``, ``open`` (it is not called now) or ``on trial``.
    """

    group: str
    name: str
    distribution: str = ""
    version: str = ""
    contract: str = ""
    reason: str = ""
    calls: int = 0
    seconds: float = 0.0
    faults: int = 0
    last_fault: str = ""
    breaker: str = "closed"

    @property
    def mean_us(self) -> float | None:
        """The mean time of a call, in microseconds; None when there was none."""
        return self.seconds / self.calls * 1e6 if self.calls else None


class ServiceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a service tells with each heartbeat.

    :param alarms: sentences for operators: what is wrong with it.
    :param accounts: the plug-ins that it uses, loaded or left out.
    """

    alarms: tuple[str, ...] = ()
    accounts: tuple[PluginAccount, ...] = ()
