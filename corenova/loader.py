"""Names to plug-in objects: the only importer of stevedore, and strict.

An enabled name that is missing, found twice, does not import, was written for another contract or comes from a
distribution that may not load stops the start with one line that names the distribution: a security filter that is
silently absent would be worse than no start. ``[plugins] optional`` names those that a service may start without.
Services get plug-ins from here and nowhere else; hooks (pluggy) are found by the same scan.
"""

import difflib
import logging
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib import metadata
from types import ModuleType
from typing import ClassVar

import msgspec
from oslo_config import cfg
from stevedore import named
from stevedore.exception import MultipleMatches
from stevedore.extension import error_on_conflict

from corenova.account import Account, words
from corenova.contracts import driver, filter, hooks, image, network, weigher
from corenova.exceptions import PluginError
from corenova.objects.plugin_account import PluginAccount

LOG = logging.getLogger(__name__)
FILTERS = "corenova.scheduler.filters"
WEIGHERS = "corenova.scheduler.weighers"
DRIVERS = "corenova.compute.drivers"
NETWORK_BACKENDS = "corenova.network.backends"
HOOKS = "corenova.hooks"
IMAGE_BACKENDS = "corenova.image.backends"
_GIVEN = "_corenova_given"


class Kind(msgspec.Struct, frozen=True):
    """A kind of plug-in.

    :param noun: as people say it ("filter").
    :param option: the option whose value chooses from the group, ``[section] name``.
    :param contract: the module that is its contract.
    """

    noun: str
    option: str
    contract: ModuleType

    @property
    def version(self) -> tuple[int, int]:
        """The version of the contract that this corenova speaks."""
        return self.contract.CONTRACT_VERSION


KINDS = {
    FILTERS: Kind("filter", "[filter_scheduler] enabled_filters", filter),
    WEIGHERS: Kind("weigher", "[filter_scheduler] weight_classes", weigher),
    DRIVERS: Kind("driver", "[compute] driver", driver),
    NETWORK_BACKENDS: Kind("network backend", "[network] backend", network),
    HOOKS: Kind("hook plug-in", "[plugins] enabled_hooks", hooks),
    IMAGE_BACKENDS: Kind("image backend", "[image] backend", image),
}
"""Every kind by its entry point group."""


class Plugin(msgspec.Struct, frozen=True):
    """A loaded plug-in: its entry point's name, the object, and the distribution that brought it.

    :param contract: the contract version that it says it was written for; None: it does not say.
    :param account: what it does in this process.
    """

    name: str
    object: object
    distribution: str
    version: str = ""
    group: str = ""
    contract: tuple[int, int] | None = None
    account: Account = msgspec.field(default_factory=Account)

    def told(self) -> PluginAccount:
        """Return its account as it stands now."""
        account = self.account
        return PluginAccount(
            group=self.group,
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            contract=shown(self.contract),
            calls=account.calls,
            seconds=account.seconds,
            faults=account.faults,
            last_fault=account.last_fault,
            breaker=account.state,
        )


def load(
    conf: cfg.ConfigOpts, group: str, names: Sequence[str], *, left_out: list[PluginAccount] | None = None
) -> list[Plugin]:
    """Load, construct and configure the plug-ins ``names`` of ``group``, in this order.

    :param left_out: takes the accounts of those that ``[plugins] optional`` names and that could not be loaded.
    :raises PluginError: one is missing, doubled, refused, does not import, or cannot be configured.
    """
    option = KINDS[group].option
    doubled = {name for name in names if list(names).count(name) > 1}
    if doubled:
        raise PluginError(f"{option} names {', '.join(sorted(doubled))} twice. Remove one.")
    offers = _offers(conf, group) if names else {}
    loaded = []
    for name in names:
        try:
            loaded.append(_loaded(conf, group, name, offers))
        except PluginError as error:
            leave_out(conf, group, name, error, left_out)
    return loaded


def leave_out(
    conf: cfg.ConfigOpts, group: str, name: str, error: PluginError, left_out: list[PluginAccount] | None
) -> None:
    """Go on without a plug-in that cannot be used, if ``[plugins] optional`` names it; see :func:`load`.

    :raises PluginError: ``error``, if that option does not name it.
    """
    if name not in conf.plugins.optional:
        raise error
    LOG.error("The %s %s is left out, as [plugins] optional allows: %s", KINDS[group].noun, name, error)
    if left_out is not None:
        left_out.append(PluginAccount(group=group, name=name, reason=str(error), breaker="open"))


def load_one(conf: cfg.ConfigOpts, group: str, name: str) -> Plugin:
    """Load, construct and configure the one plug-in ``name`` of ``group``, which nothing works without.

    :raises PluginError: see :func:`load`; ``[plugins] optional`` makes no difference.
    """
    return _loaded(conf, group, name, _offers(conf, group))


def give(conf: cfg.ConfigOpts, group: str, written: type) -> str:
    """Offer a class that no entry point names to whatever is made from ``conf``, as tests do; return its name."""
    given = conf.__dict__.setdefault(_GIVEN, {}).setdefault(group, {})
    given[written.__name__] = [_Given(group, written)]
    return written.__name__


def offered(group: str) -> dict[str, list[metadata.EntryPoint]]:
    """Return ``{name: entry points}`` of all that is installed in ``group``, loaded or not; usually one a name."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for entry_point in _scanned(_path())[group]:
        same = found.setdefault(entry_point.name, [])
        # A folder that is twice on the path (an editable install, and the working directory) is one distribution.
        if all((owner(one)[0], one.value) != (owner(entry_point)[0], entry_point.value) for one in same):
            same.append(entry_point)
    return found


def _path() -> tuple[tuple[str, int], ...]:
    """Return where distributions are looked for, with what changes when one is installed there."""
    return tuple((folder, _changed_at(folder or ".")) for folder in sys.path)


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _scanned(_path: tuple[tuple[str, int], ...]) -> dict[str, list[metadata.EntryPoint]]:
    """Read the entry points of all distributions, once for each state of the path: it takes longer than loading."""
    found = metadata.entry_points()
    return {group: list(found.select(group=group)) for group in KINDS}


def installed(group: str) -> dict[str, str]:
    """Return ``{name: distribution}`` of all that is installed in ``group``, loaded or not."""
    return {name: owner(found[-1])[0] for name, found in offered(group).items()}


def owner(entry_point: metadata.EntryPoint) -> tuple[str, str | None]:
    """Return name and version of the distribution that brings an entry point; ``("?", None)`` when it is not known."""
    return ("?", None) if entry_point.dist is None else _named(entry_point.dist)


@lru_cache(maxsize=1024)
def _named(distribution: metadata.Distribution) -> tuple[str, str]:
    facts = distribution.metadata  # reads and parses a file
    return facts["Name"], facts["Version"]


def shown(version: tuple[int, int] | None) -> str:
    """Return a contract version as people read it; empty for None."""
    return "" if version is None else "{}.{}".format(*version)


def refusal(conf: cfg.ConfigOpts, distribution: str) -> str | None:
    """Return why a distribution may not bring plug-ins, None when it may (``[plugins] allowed_distributions``)."""
    allowed = {normal(name) for name in conf.plugins.allowed_distributions}
    if not allowed or normal(distribution) in {"corenova", *allowed}:
        return None
    return (
        f"{distribution} is not among [plugins] allowed_distributions. Add it there if you trust it, it runs as the "
        "service does; or take its plug-ins out of the ini file."
    )


def normal(distribution: str) -> str:
    """Return the name of a distribution as packaging tools compare names."""
    return distribution.replace("_", "-").replace(".", "-").lower()


def _offers(conf: cfg.ConfigOpts, group: str) -> dict[str, list[metadata.EntryPoint]]:
    return offered(group) | conf.__dict__.get(_GIVEN, {}).get(group, {})


class _ThisProcess:
    """In place of the distribution of a class that was given."""

    metadata: ClassVar = {"Name": "this process", "Version": ""}


class _Given(metadata.EntryPoint):
    """A class in place of an entry point."""

    def __init__(self, group: str, written: type):
        super().__init__(written.__name__, f"{written.__module__}:{written.__qualname__}", group)
        vars(self).update(written=written, dist=_ThisProcess())

    def load(self) -> type:
        return vars(self)["written"]


def _loaded(conf: cfg.ConfigOpts, group: str, name: str, offers: dict[str, list[metadata.EntryPoint]]) -> Plugin:
    found = offers.get(name, [])
    if not found:
        raise PluginError(_missing(group, name, sorted(offers)))
    if len(found) > 1:
        owners = " and ".join(sorted(owner(one)[0] for one in found))
        raise PluginError(
            f"{KINDS[group].option}: offered by more than one distribution: {name} by {owners}. Uninstall one of them."
        )
    forbidden = refusal(conf, owner(found[0])[0])  # before its code is imported
    if forbidden:
        raise PluginError(f"{KINDS[group].option} names {name}: {forbidden}")
    return _Offer(group, name, found[0]).load(conf)


class _Offer:
    """An entry point that was found once and may load."""

    def __init__(self, group: str, name: str, entry_point: metadata.EntryPoint):
        self.kind, self.group, self.name, self.entry_point = KINDS[group], group, name, entry_point
        self.distribution, version = owner(entry_point)
        self.version = version or ""
        self.label = f"Plug-in {name} ({entry_point.value}) of {self.distribution} {self.version}".rstrip()

    def load(self, conf: cfg.ConfigOpts) -> Plugin:
        """Import, check, construct, configure; raises PluginError."""
        written = self._class()
        contract = self._contract(written)
        try:
            made = written()
        except Exception as error:
            raise self._failed("cannot be constructed", error) from error
        self._configure(conf, made)
        return Plugin(self.name, made, self.distribution, self.version, self.group, contract)

    def _class(self) -> type:
        if isinstance(self.entry_point, _Given):
            return self.entry_point.load()

        def failed(_manager: object, _entry_point: object, error: Exception) -> None:
            raise self._failed("failed to load", error) from error

        try:
            manager = named.NamedExtensionManager(
                self.group, [self.name], conflict_resolver=error_on_conflict, on_load_failure_callback=failed
            )
            found = manager.extensions
        except MultipleMatches:  # of one distribution that is twice on the path; they are the same
            found = []
        if found:
            return found[0].plugin
        try:  # also what was installed after stevedore has looked
            return self.entry_point.load()
        except Exception as error:
            raise self._failed("failed to load", error) from error

    def _failed(self, what: str, error: Exception) -> PluginError:
        needs = isinstance(error, ImportError)
        remedy = f"Install what {self.distribution} needs" if needs else f"Mend {self.distribution}"
        return PluginError(
            f"{self.label}, named by {self.kind.option}, {what}: {words(error)}. {remedy}, or take "
            f"{self.name} out of that option."
        )

    def _contract(self, written: object) -> tuple[int, int] | None:
        said = getattr(written, "contract_version", None)
        if said is None:
            return None
        if not (isinstance(said, tuple) and len(said) == 2 and all(type(part) is int for part in said)):
            raise PluginError(f"{self.label} has contract_version = {said!r}. It must be two whole numbers, as (1, 0).")
        spoken = self.kind.version
        if said[0] == spoken[0] and said[1] <= spoken[1]:
            return said
        remedy = (
            f"Upgrade corenova, or install an older {self.distribution}"
            if said > spoken
            else f"Install a newer {self.distribution}"
        )
        raise PluginError(
            f"{self.label} was written for the {self.kind.noun} contract {shown(said)}; this corenova speaks "
            f"{shown(spoken)}. {remedy}, or take {self.name} out of {self.kind.option}."
        )

    def _configure(self, conf: cfg.ConfigOpts, made: object) -> None:
        options = getattr(made, "options", None)
        if not options:
            return
        try:
            conf.register_opts(options, group=self.name)
            section = getattr(conf, self.name)
            for option in options:  # a value that cannot be read stops the start, whenever the plug-in will want it
                getattr(section, option.dest)
            made.configure(section)
        except Exception as error:
            raise PluginError(f"{self.label} cannot be configured: {error}") from error


def _missing(group: str, name: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Installed: {', '.join(there) or 'none'}."
    return f"{KINDS[group].option} names {name}, which no installed distribution offers in {group}. {hint}"
