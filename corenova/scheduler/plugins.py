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
from corenova.objects.plugin_account import PluginAccount

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


def load_filters(
    conf: cfg.ConfigOpts, *, only: str | None = None, left_out: list[PluginAccount] | None = None
) -> list[Plugin]:
    """Load the enabled filters; raises PluginError.

    :param only: the one to load of them; None: all.
    :param left_out: see loader.load.
    """
    return _load(conf, loader.FILTERS, NovaFilter, only, left_out)


def load_weighers(
    conf: cfg.ConfigOpts, *, only: str | None = None, left_out: list[PluginAccount] | None = None
) -> list[tuple[Plugin, float]]:
    """Load the chosen weighers, each with its multiplier; raises PluginError.

    :param only: the one to load of them; None: all.
    :param left_out: see loader.load.
    """
    loaded = _load(conf, loader.WEIGHERS, NovaWeigher, only, left_out)
    return [(plugin, _multiplier(conf, plugin.object)) for plugin in loaded]


def enabled(conf: cfg.ConfigOpts, group: str) -> list[str]:
    """Return what is enabled of ``group`` by name. Nothing is imported for it, so class paths have no part in it."""
    return [name for name in _names(conf, group) if "." not in name and name not in _LEFT_OUT]


def chosen(conf: cfg.ConfigOpts, group: str) -> tuple[list[str], dict[str, type]]:
    """Return what is enabled of ``group`` by name, and by class name the classes that class paths bring.

    :raises PluginError: a class path leads nowhere, or there are two classes of one name.
    """
    option = loader.KINDS[group].option
    names = [name for name in _names(conf, group) if name not in _LEFT_OUT]
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
    return name if name in _LEFT_OUT or name in _REFUSED or name in loader.offered(group) else path


def _classes(conf: cfg.ConfigOpts, option: str, paths: Iterable[str]) -> dict[str, type]:
    return _merged(option, ({c.__name__: c for c in loading.classes(conf, option, path)} for path in paths))


def _merged(option: str, brought: Iterable[dict[str, type]]) -> dict[str, type]:
    found: dict[str, type] = {}
    for classes in brought:
        for name, each in classes.items():
            if found.setdefault(name, each) is not each:
                raise PluginError(f"{option} brings two classes of the name {name}. Remove one.")
    return found


def _load(
    conf: cfg.ConfigOpts, group: str, adapter: type, only: str | None, left_out: list[PluginAccount] | None
) -> list[Plugin]:
    option = loader.KINDS[group].option
    names, brought = chosen(conf, group)
    for name in _names(conf, group):
        if name in _LEFT_OUT:
            LOG.info("%s is left out: %s", name, _LEFT_OUT[name])
    if only is not None:
        names = [name for name in names if name == only]
    for name in names:
        if name in _REFUSED:
            raise PluginError(f"{option} names {name}: {_REFUSED[name]}. Remove it.")
        if names.count(name) > 1:
            raise PluginError(f"{option} names {name} twice. Remove one.")
        if name in brought and name in loader.offered(group):
            raise PluginError(f"{option}: {name} is a class that a class path brings and an entry point. Rename one.")
    registered = loader.load(conf, group, [name for name in names if name not in brought], left_out=left_out)
    found = {plugin.name: plugin for plugin in registered}
    found |= {name: _adapted(group, brought[name], adapter) for name in names if name in brought}
    return [found[name] for name in names if name in found]


def _adapted(group: str, written: type, adapter: type) -> Plugin:
    option = loader.KINDS[group].option
    path = f"{written.__module__}.{written.__name__}"
    try:
        return Plugin(written.__name__, adapter(written()), path, group=group)
    except Exception as error:
        cause = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{path}, chosen by {option}, cannot be used: {cause}.") from error


def _multiplier(conf: cfg.ConfigOpts, weigher: object) -> float:
    if isinstance(weigher, NovaWeigher):
        return weigher.multiplier
    option = getattr(weigher, "multiplier_option", None) or ""
    multiplier = getattr(conf.filter_scheduler, option, 1.0)
    if not math.isfinite(multiplier):
        raise PluginError(f"[filter_scheduler] {option} = {multiplier} cannot be multiplied by. Write a finite number.")
    return multiplier
