"""``corenova-manage plugins``: what is installed, by whom, what of it is enabled and loads, and how it does.

What is enabled is loaded here as a service would; of the rest nothing is imported but the class paths of plug-ins
written for Nova: only they know the names of their classes.
"""

from collections.abc import Sequence

from oslo_config import cfg

from corenova import loader
from corenova.cmd import plugin_list
from corenova.cmd.manage import database
from corenova.cmd.manage.output import Output
from corenova.cmd.plugin_list import Key, Listed
from corenova.db import plugin_accounts
from corenova.db.plugin_accounts import ServiceAccounts
from corenova.exceptions import ConfigurationError, PluginError
from corenova.guards import loading as guards
from corenova.hooks import Hooks
from corenova.loader import Plugin
from corenova.scheduler import plugins

_COLUMNS = ("kind", "name", "distribution", "contract", "loaded", "calls", "mean us", "faults", "breaker")
_LOADED = {True: "yes", False: "NO", None: None}


def list_plugins(conf: cfg.ConfigOpts, output: Output) -> int:
    """List plug-ins; 1 when one that is enabled is not loaded. Raises PluginError for a class path that leads nowhere.

    Counters are those of the services that run; without a database there are none.
    """
    names, brought = plugin_list.enabled(conf), {}
    for group in (loader.FILTERS, loader.WEIGHERS):
        names[group], classes = plugins.chosen(conf, group)
        brought |= {Key(group, name): each.distribution for name, each in classes.items()}
    tried = {Key(group, name): _try(conf, group, name) for group in names for name in names[group]}
    told, silence = _told(conf)
    found = plugin_list.listed(names, told, tried, brought)
    output.json(found)
    output.table(*_without_empty(_COLUMNS, [_row(one) for one in found]))
    for one in found:
        noun = loader.KINDS[one.group].noun
        if one.reason:
            output.line(f"not loaded: {noun} {one.name}: {one.reason}")
        if one.last_fault:
            output.line(f"last fault: {noun} {one.name}: {one.last_fault}")
    if silence:
        output.line(f"no counters: {silence}")
    return 1 if any(one.loaded is False for one in found) else 0


def _try(conf: cfg.ConfigOpts, group: str, name: str) -> Plugin | str:
    """Load one that is enabled as a service would; return it, or the reason why not."""
    try:
        if group in (loader.FILTERS, loader.WEIGHERS):
            return plugins.load_named(conf, group, name)
        if group in guards.GUARDS:
            return guards.load(conf, group, name).plugin
        loaded = loader.load_one(conf, group, name)
        if group == loader.HOOKS:
            _listen(conf, loaded)
        return loaded
    except PluginError as error:
        return str(error)


def _listen(conf: cfg.ConfigOpts, plugin: Plugin) -> None:
    """Register a hook plug-in, and ask it what is asked of it at a start."""
    hooks = Hooks()
    hooks.call("config_options", conf=conf)
    hooks.call("api_routes")
    hooks.register(plugin)


def _told(conf: cfg.ConfigOpts) -> tuple[list[ServiceAccounts], str]:
    """Return what the services that run tell, or why nobody knows."""
    try:
        with database.reading(conf) as db:
            down_time_s = float(conf.service_down_time)
            return db.read(lambda connection: plugin_accounts.told(connection, down_time_s=down_time_s)), ""
    except ConfigurationError as error:
        return [], str(error)


def _row(one: Listed) -> tuple[str | None, ...]:
    by = " ".join(filter(None, (one.distribution, one.version)))
    counts = (_short(one.calls), None if one.mean_us is None else f"{one.mean_us:.1f}", _short(one.faults or None))
    breaker = None if one.breaker == "closed" else one.breaker
    kind = loader.KINDS[one.group].noun.removesuffix(" backend").removesuffix(" plug-in")
    return (kind, one.name, by or None, one.contract, _LOADED[one.loaded], *counts, breaker)


def _short(count: int | None) -> str | None:
    """Return a count in at most five characters, such as 123M, the rest cut off; the JSON has it exactly."""
    if count is None or count < 10**5:
        return None if count is None else str(count)
    power = min((len(str(count)) - 1) // 3, 4)
    return f"{count // 1000**power}{' kMGT'[power]}"


def _without_empty(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[list[str], list[list[object]]]:
    """Leave out the columns that have nothing in them: a terminal has few."""
    kept = [number for number in range(len(columns)) if any(row[number] is not None for row in rows)]
    return [columns[number] for number in kept], [[row[number] for number in kept] for row in rows]
