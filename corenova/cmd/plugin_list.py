"""Every plug-in there is: installed, enabled in this ini, or told of by a service; for corenova-manage and the API.

Pure but for the look at what is installed (names and distributions; nothing is imported). What loading has shown is
handed in by who may load.
"""

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import NamedTuple

import msgspec
from oslo_config import cfg

from corenova import loader
from corenova.db import plugin_accounts
from corenova.db.engine import Database
from corenova.db.plugin_accounts import ServiceAccounts
from corenova.loader import Plugin
from corenova.objects.plugin_account import PluginAccount
from corenova.scheduler import plugins

_BREAKERS = ("open", "on trial", "closed")
"""The worst first."""
_UNTOLD = "No service that runs says that it has loaded it."


class Key(NamedTuple):
    """What names a plug-in."""

    group: str
    name: str


class InService(msgspec.Struct, frozen=True, kw_only=True):
    """A plug-in in one service that runs."""

    binary: str
    address: str
    loaded: bool
    reason: str | None
    calls: int
    mean_us: float | None
    faults: int
    breaker: str
    last_fault: str | None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A plug-in.

    :param enabled: by this ini, or by that of a service that runs.
    :param loaded: None for one that is not enabled.
    :param reason: why it is enabled and not loaded.
    :param calls: this and what follows is over all services that run; None: no service tells.
    """

    group: str
    name: str
    distribution: str | None
    version: str | None
    contract: str | None
    enabled: bool
    loaded: bool | None
    reason: str | None
    calls: int | None
    mean_us: float | None
    faults: int | None
    breaker: str | None
    last_fault: str | None
    services: tuple[InService, ...]


class Seen:
    """The plug-ins as a service with the database sees them: nothing is loaded for it.

    :param conf: a parsed configuration.
    """

    def __init__(self, conf: cfg.ConfigOpts, db: Database):
        self._conf, self._db = conf, db

    def describe(self) -> list[Listed]:
        """Return every plug-in, by kind and name."""
        down_time_s = float(self._conf.service_down_time)
        told = self._db.read(lambda connection: plugin_accounts.told(connection, down_time_s=down_time_s))
        return listed(enabled(self._conf), told)


def enabled(conf: cfg.ConfigOpts) -> dict[str, list[str]]:
    """Return the names that the ini enables, by group; nothing is imported, so class paths stay out."""
    found = {}
    for group, kind in loader.KINDS.items():
        if group in (loader.FILTERS, loader.WEIGHERS):
            found[group] = plugins.enabled(conf, group)
        else:
            section, option = kind.option.removeprefix("[").split("] ")
            value = conf[section][option]
            found[group] = [value] if isinstance(value, str) else list(value)
    return found


def listed(
    names: Mapping[str, Sequence[str]],
    told: Sequence[ServiceAccounts],
    tried: Mapping[Key, Plugin | str] | None = None,
    brought: Mapping[Key, str] | None = None,
) -> list[Listed]:
    """Return every plug-in, by kind and name.

    :param names: what the ini enables, by group.
    :param told: what the services that run tell.
    :param tried: what came of loading, the plug-in or the reason why not; None: nothing was loaded for it.
    :param brought: the distributions of the plug-ins that class paths bring.
    """
    brought = brought or {}
    by_key: dict[Key, list[tuple[ServiceAccounts, PluginAccount]]] = {}
    for service in told:
        for account in service.accounts:
            by_key.setdefault(Key(account.group, account.name), []).append((service, account))
    found = []
    for group in loader.KINDS:
        offers = loader.offered(group)
        said = {key.name for key in (*by_key, *brought) if key.group == group}
        for name in sorted({*offers, *names.get(group, ()), *said}):
            key = Key(group, name)
            trial = None if tried is None else tried.get(key)
            is_enabled = name in names.get(group, ()) or key in by_key
            told_of = by_key.get(key, ())
            origin = _origin(offers.get(name, ()), brought.get(key), [account for _, account in told_of])
            found.append(_listed(key, origin, is_enabled, told_of, trial))
    return found


def _listed(
    key: Key,
    origin: tuple[str | None, str | None],
    is_enabled: bool,
    told: Sequence[tuple[ServiceAccounts, PluginAccount]],
    trial: Plugin | str | None,
) -> Listed:
    contract = loader.shown(trial.contract) if isinstance(trial, Plugin) else ""
    reason = _reason(told, trial) if is_enabled else None
    return Listed(
        group=key.group,
        name=key.name,
        distribution=origin[0],
        version=origin[1],
        contract=contract or next((account.contract for _, account in told if account.contract), None),
        enabled=is_enabled,
        loaded=reason is None if is_enabled else None,
        reason=reason,
        services=tuple(_in_service(service, account) for service, account in told),
        **_totals(told),
    )


def _origin(
    offers: Sequence[metadata.EntryPoint], brought: str | None, accounts: Sequence[PluginAccount]
) -> tuple[str | None, str | None]:
    """Return distribution and version, as they are installed here; else as who has loaded it says."""
    owners = [loader.owner(offer) for offer in offers]
    if len(owners) == 1:
        return owners[0]
    if owners:
        return " and ".join(sorted(name for name, _ in owners)), None
    if brought is not None:
        return brought, None
    return next(((one.distribution, one.version or None) for one in accounts if one.distribution), (None, None))


def _reason(told: Sequence[tuple[ServiceAccounts, PluginAccount]], trial: Plugin | str | None) -> str | None:
    """Return why it is not loaded, here or in a service; None when it is."""
    if isinstance(trial, str):
        return trial
    for service, account in told:
        if account.reason:
            return f"{service.binary} on {service.address}: {account.reason}"
    return None if told or trial is not None else _UNTOLD


def _totals(told: Sequence[tuple[ServiceAccounts, PluginAccount]]) -> dict[str, object]:
    # Services of one process share the account of a plug-in, and tell it at different times: the latest counts.
    latest: dict[str, PluginAccount] = {}
    for service, account in told:
        kept = latest.get(service.incarnation)
        if not account.reason and (kept is None or account.calls >= kept.calls):
            latest[service.incarnation] = account
    counted = latest.values()
    calls = sum(one.calls for one in counted)
    states = {account.breaker for _, account in told}
    return {
        "calls": calls if counted else None,
        "mean_us": _rounded(sum(one.seconds for one in counted) / calls * 1e6) if calls else None,
        "faults": sum(one.faults for one in counted) if counted else None,
        "breaker": next((state for state in _BREAKERS if state in states), None),
        "last_fault": next((one.last_fault for one in counted if one.last_fault), None),
    }


def _in_service(service: ServiceAccounts, account: PluginAccount) -> InService:
    return InService(
        binary=service.binary,
        address=service.address,
        loaded=not account.reason,
        reason=account.reason or None,
        calls=account.calls,
        mean_us=_rounded(account.mean_us),
        faults=account.faults,
        breaker=account.breaker,
        last_fault=account.last_fault or None,
    )


def _rounded(mean_us: float | None) -> float | None:
    return None if mean_us is None else round(mean_us, 3)
