"""Which filters and weighers decide: the names and class paths of [filter_scheduler] to plug-ins, in their order.

A name is an entry point's, or that of a class which a class path makes available: that one was written for Nova
(corenova/nova_adapter/). Nova's own names and paths mean ours, so that a section of nova.conf can be pasted.
"""

import logging
import math
from collections.abc import Iterable

from oslo_config import cfg

from corenova import loader
from corenova.conf import filter_scheduler
from corenova.exceptions import PluginError
from corenova.loader import Plugin
from corenova.nova_adapter import loading
from corenova.nova_adapter.plugins import NovaFilter, NovaWeigher

LOG = logging.getLogger(__name__)
AVAILABLE = "[filter_scheduler] available_filters"
_ALL = {
    "nova.scheduler.weights.all_weighers": "weight_classes",
    "nova.scheduler.filters.all_filters": "enabled_filters",
}
"""Nova's words for its own list, as old ini files have them: our defaults."""
_NOVAS = ("nova.scheduler.filters.", "nova.scheduler.weights.")
_LEFT_OUT = {"CrossCellWeigher": "there are no cells"}
_REFUSED = dict.fromkeys(("MetricsFilter", "MetricsWeigher"), "corenova has no metrics of hosts")


def load_filters(conf: cfg.ConfigOpts) -> list[Plugin]:
    """Load the enabled filters; raises PluginError."""
    return _load(conf, loader.FILTERS, NovaFilter)


def load_weighers(conf: cfg.ConfigOpts) -> list[tuple[Plugin, float]]:
    """Load the chosen weighers, each with its multiplier; raises PluginError."""
    return [(plugin, _multiplier(conf, plugin)) for plugin in _load(conf, loader.WEIGHERS, NovaWeigher)]


def chosen(conf: cfg.ConfigOpts, group: str) -> tuple[list[str], dict[str, type]]:
    """Return what is enabled of ``group`` by name, and by class name the classes that class paths bring.

    :raises PluginError: a class path leads nowhere, or there are two classes of one name.
    """
    option = loader.KINDS[group].option
    names = _names(conf, group)
    if group == loader.FILTERS:
        paths = [path for path in conf.filter_scheduler.available_filters if path not in _ALL]
        return names, _classes(conf, AVAILABLE, [path for path in paths if _ours(group, path) == path])
    brought = {name: _classes(conf, option, [name]) for name in names if "." in name}
    plain = [each for name in names for each in brought.get(name, [name])]
    return plain, _merged(option, brought.values())


def _names(conf: cfg.ConfigOpts, group: str) -> list[str]:
    """Return what the option says, Nova's words for all and its paths to what we have too as our names."""
    option = loader.KINDS[group].option.partition("] ")[2]
    default = next(opt.default for opt in filter_scheduler.OPTIONS if opt.name == option)
    names: list[str] = []
    for name in getattr(conf.filter_scheduler, option):
        names += [n for n in default if n not in names] if _ALL.get(name) == option else [_ours(group, name)]
    return names


def _ours(group: str, path: str) -> str:
    """Return the class name alone for a path in nova to what has a counterpart here."""
    if not path.startswith(_NOVAS):
        return path
    name = path.rpartition(".")[2]
    return name if name in _LEFT_OUT or name in _REFUSED or name in loader.installed(group) else path


def _classes(conf: cfg.ConfigOpts, option: str, paths: Iterable[str]) -> dict[str, type]:
    return _merged(option, ({c.__name__: c for c in loading.classes(conf, option, path)} for path in paths))


def _merged(option: str, brought: Iterable[dict[str, type]]) -> dict[str, type]:
    found: dict[str, type] = {}
    for classes in brought:
        for name, each in classes.items():
            if found.setdefault(name, each) is not each:
                raise PluginError(f"{option} brings two classes of the name {name}. Remove one.")
    return found


def _load(conf: cfg.ConfigOpts, group: str, adapter: type) -> list[Plugin]:
    option = loader.KINDS[group].option
    names, brought = chosen(conf, group)
    for name in names:
        if name in _REFUSED:
            raise PluginError(f"{option} names {name}: {_REFUSED[name]}. Remove it.")
        if name in _LEFT_OUT:
            LOG.info("%s is left out: %s", name, _LEFT_OUT[name])
        if names.count(name) > 1:
            raise PluginError(f"{option} names {name} twice. Remove one.")
        if name in brought and name in loader.installed(group):
            raise PluginError(f"{option}: {name} is a class that a class path brings and an entry point. Rename one.")
    names = [name for name in names if name not in _LEFT_OUT]
    registered = loader.load(conf, group, [name for name in names if name not in brought])
    found = {plugin.name: plugin for plugin in registered}
    return [found[name] if name in found else _adapted(option, brought[name], adapter) for name in names]


def _adapted(option: str, written: type, adapter: type) -> Plugin:
    path = f"{written.__module__}.{written.__name__}"
    try:
        return Plugin(written.__name__, adapter(written()), path)
    except Exception as error:
        cause = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{path}, chosen by {option}, cannot be used: {cause}.") from error


def _multiplier(conf: cfg.ConfigOpts, plugin: Plugin) -> float:
    if isinstance(plugin.object, NovaWeigher):
        return plugin.object.multiplier
    option = getattr(plugin.object, "multiplier_option", None) or ""
    section = "filter_scheduler" if option in conf.filter_scheduler or plugin.name not in conf else plugin.name
    multiplier = getattr(conf[section], option, 1.0)
    if not math.isfinite(multiplier):
        raise PluginError(f"[{section}] {option} = {multiplier} cannot be multiplied by. Write a finite number.")
    return multiplier
