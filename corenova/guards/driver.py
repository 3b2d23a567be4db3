"""The guard of a driver: faults become DriverError, lies never get in, and hosts on which builds fail get no new ones.

One driver object serves all hosts of its compute, so the breaker is not the driver's but each host's: a sick hypervisor
must not switch off 999 others, and a bug that fails everywhere opens the breaker of each host by itself. Builds alone
count, since it refuses builds alone; deletes and whatever else its guests' users ask for pass it. What counts is a
fault of ``spawn``: an error that the contract does not know, or a build that does not come back, build after build of
this host (one that succeeds in between ends the row). A DriverError counts for nothing here, neither as a fault nor as
a success. It is an answer about one guest; the conductor tries another host and notes the failed build of this one,
which weighers read.

While the breaker is open, a build is refused at once with InsufficientResources, so that another host is tried. Then
one build is the trial, and the others are refused until it has ended.

Calls that do not come back are another matter: each holds a thread, and there are only so many.
:meth:`DriverGuard.check` refuses all work, deletes too, on a guest for which a call hangs, and on all guests of a host
with four of them, until they are back: a build goes elsewhere, an action ends with a fault, a delete is tried again.
"""

from collections import Counter
from types import MappingProxyType

from oslo_config import cfg

from corenova.account import words
from corenova.contracts import driver_abilities as abilities
from corenova.contracts.driver import Abilities, Driver, DriverContext
from corenova.exceptions import (
    ConfigurationError,
    DriverError,
    DriverFault,
    InsufficientResources,
    NotImplementedByDriver,
    PluginError,
    Unavailable,
)
from corenova.guards import driver_answers
from corenova.guards.breakers import BreakerSet
from corenova.guards.calls import Call, Guard, brief, shown, verbs_of
from corenova.loader import Plugin
from corenova.objects.host_state import HostReport
from corenova.objects.instance import Guest, Instance

_PROTOCOLS = MappingProxyType(
    {
        "supports_pause": abilities.Pausing,
        "supports_suspend": abilities.Suspending,
        "supports_rescue": abilities.Rescuing,
        "supports_snapshot": abilities.Snapshotting,
        "supports_console_output": abilities.ConsoleReading,
        "supports_remote_console": abilities.RemoteConsole,
        "supports_attach_interface": abilities.Plugging,
        "supports_firewall": abilities.Filtering,
        "supports_diagnostics": abilities.Diagnosing,
    }
)
_ANSWERS = (DriverError, NotImplementedByDriver, Unavailable, ConfigurationError)
"""Unavailable is what ``images.fetch`` raises: no fault of a driver that lets it through."""
_MOVES_BYTES = frozenset(("spawn", "rescue", "unrescue", "reboot", "suspend", "resume"))
"""These fetch images or move a guest's memory, so they may take as long as a build."""
_MOST_HANGING = 4


class DriverGuard(Guard):
    """Stands for a driver (corenova.contracts.driver.Driver) in the compute.

    :raises PluginError: the plug-in is no driver: a verb is missing, or its abilities are none.
    """

    def __init__(self, plugin: Plugin, conf: cfg.ConfigOpts):
        _check(plugin)
        checks = {**driver_answers.CHECKS, "list_guests": self._check_guests}
        verbs = [*verbs_of(Driver), *(verb for one in _PROTOCOLS.values() for verb in verbs_of(one))]
        super().__init__(plugin, verbs, answers=_ANSWERS, checks=checks)
        self._quick_s = conf.compute.driver_timeout_s
        self._shutdown_s = conf.compute.shutdown_timeout
        self.expect(build_s=conf.conductor.build_deadline_s, snapshot_s=conf.conductor.snapshot_deadline_s)
        self._hanging: Counter[str] = Counter()
        self._hanging_guests: set[tuple[str, str]] = set()
        self._refused: dict[tuple[str, str], str] = {}
        self._served: tuple[str, ...] = ()
        self._deployment = ""
        self._builds = plugin.account.breaker = BreakerSet(
            f"building of {self.label} on host {{}}",
            faults=conf.plugins.breaker_faults,
            open_s=conf.plugins.breaker_open_s,
        )

    def expect(self, *, build_s: float, snapshot_s: float) -> None:
        """Learn when the conductor gives up builds and snapshots, in seconds.

        A build that does not come back is left after half of that, so that another host has the other half.
        """
        self._limits = {"snapshot": snapshot_s, "power_off": self._quick_s + self._shutdown_s}
        self._limits |= dict.fromkeys(_MOVES_BYTES, build_s / 2)

    def limit_s(self, verb: str) -> float:
        """See Guard: ``[compute] driver_timeout_s`` for what moves no bytes."""
        return self._limits.get(verb, self._quick_s)

    def refusal(self, call: Call, error: BaseException) -> Exception:
        """See Guard. The words are for operators; users read those of the compute."""
        plugin = self.plugin
        return DriverFault(f"Driver {plugin.name} of {plugin.distribution} failed in {shown(call)}: {words(error)}")

    def hung(self, call: Call, what: str) -> None:
        """See Guard: a build that does not come back counts as a failed one."""
        if call.verb == "spawn":
            self._builds.ended(call.host, fault=what)

    def overdue(self) -> list[Call]:
        """See Guard; what hangs on each host is counted anew."""
        found = super().overdue()
        self._hanging = Counter(call.host for call in found)
        self._hanging_guests = {(call.host, call.instance_uuid) for call in found}
        return found

    def check(self, host: str, instance_uuid: str) -> None:
        """Raise DriverError when a call for this guest hangs, or so many on ``host`` that it gets no more threads."""
        if (host, instance_uuid) in self._hanging_guests:
            raise DriverError(f"An earlier call of driver {self.plugin.name} for {instance_uuid} does not come back.")
        if self._hanging[host] >= _MOST_HANGING:
            raise DriverError(
                f"{self._hanging[host]} calls of driver {self.plugin.name} on {host} do not come back; nothing more is "
                "tried there until one does."
            )

    def alarms(self) -> list[str]:
        """See Guard; also hosts whose answers are refused, and hosts that get no builds."""
        refused = [f"{self.label}: {what}" for what in list(self._refused.values())]
        return [*super().alarms(), *refused, *self._builds.alarms()]

    # Verbs with more to do than to be passed on.

    def start(self, context: DriverContext) -> None:
        """See Driver."""
        self._deployment = context.deployment_id
        self.calls["start"](context)

    def hosts(self) -> list[str]:
        """Return what the driver has answered the first time: it is asked once."""
        if not self._served:
            self._served = tuple(self.calls["hosts"]())
        return list(self._served)

    def inventory(self, host: str) -> HostReport:
        """See Driver."""
        return self._remembered("inventory", host)

    def list_guests(self, host: str) -> list[Guest]:
        """See Driver."""
        return self._remembered("list_guests", host)

    def spawn(self, host: str, instance: Instance) -> None:
        """See Driver; raises InsufficientResources while the breaker of ``host`` is open."""
        if not self._builds.admits(host):
            raise InsufficientResources(f"The builds of {self.label} on {host} fail; it is given none for a while.")
        try:
            self.calls["spawn"](host, instance)
        except DriverFault as error:
            self._builds.ended(host, fault=str(error))
            raise
        else:
            self._builds.ended(host)
        finally:
            self._builds.let_go(host)

    def _remembered(self, verb: str, host: str) -> object:
        try:
            answer = self.calls[verb](host)
        except DriverFault as error:
            self._refused[verb, host] = f"{verb} of {host} is refused: {words(error.__cause__)}"
            raise
        self._refused.pop((verb, host), None)
        return answer

    def _check_guests(self, answer: object, arguments: tuple) -> None:
        driver_answers.check_guests(answer, owner=self._deployment)


def _check(plugin: Plugin) -> None:
    """Raise PluginError, one line, for what can be seen to be no driver before it is asked anything."""
    driver = plugin.object
    declared = getattr(driver, "abilities", None)
    missing = [verb for verb in verbs_of(Driver) if not callable(getattr(driver, verb, None))]
    if not isinstance(declared, Abilities):
        fault = f"its abilities are {brief(declared)}, and no Abilities of corenova.contracts.driver"
    elif missing:
        fault = f"it has no {', '.join(missing)}"
    else:
        fault = next(
            (
                f"its abilities declare {flag}, and it has no {verb}"
                for flag, protocol in _PROTOCOLS.items()
                for verb in verbs_of(protocol)
                if getattr(declared, flag) and not callable(getattr(driver, verb, None))
            ),
            "",
        )
    if fault:
        raise PluginError(
            f"Driver {plugin.name} of {plugin.distribution} cannot be used: {fault}. Mend {plugin.distribution}, or "
            "name another [compute] driver."
        )
