"""Which filters and weighers decide: the names and class paths of [filter_scheduler] to plug-ins, in their order.

A name is an entry point's, or that of a class which a class path makes available: that one was written for Nova
(corenova/nova_adapter/). Nova's own names and paths mean ours, so that a section of nova.conf can be pasted. Both are
held to the options of [plugins] alike.
"""

import logging
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from oslo_config import cfg

from corenova import loader
from corenova.account import FAULTS, words
from corenova.conf import filter_scheduler
from corenova.exceptions import PluginError
from corenova.loader import Plugin
from corenova.nova_adapter import loading, owners
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
_ADAPTERS = {loader.FILTERS: NovaFilter, loader.WEIGHERS: NovaWeigher}
_FORMS = {loader.FILTERS: ("host_passes", "mask"), loader.WEIGHERS: ("weigh", "weights")}
"""The methods of the contracts; a plug-in has one of the two, or both."""
_REFUSED = dict.fromkeys(("MetricsFilter", "MetricsWeigher"), "corenova has no metrics of hosts")


class Brought(NamedTuple):
    """A class that a class path brings, and the distribution that the path belongs to."""

    written: type
    distribution: str
    version: str


def load_filters(conf: cfg.ConfigOpts, *, left_out: list[PluginAccount] | None = None) -> list[Plugin]:
    """Load the enabled filters; raises PluginError.

    :param left_out: takes the accounts of those that ``[plugins] optional`` names and that could not be loaded.
    """
    return _load(conf, loader.FILTERS, left_out)


def load_weighers(conf: cfg.ConfigOpts, *, left_out: list[PluginAccount] | None = None) -> list[tuple[Plugin, float]]:
    """Load the chosen weighers, each with its multiplier; raises PluginError. ``left_out`` as of the filters."""
    loaded = _load(conf, loader.WEIGHERS, left_out)
    return [(plugin, _multiplier(conf, plugin)) for plugin in loaded]


def enabled(conf: cfg.ConfigOpts, group: str) -> list[str]:
    """Return what is enabled of ``group`` by name. Nothing is imported for it, so class paths have no part in it."""
    return [name for name in _names(conf, group) if "." not in name and name not in _LEFT_OUT]


def load_named(conf: cfg.ConfigOpts, group: str, name: str) -> Plugin:
    """Load one filter or weigher by its name, whether an entry point or a class path brings it; raises PluginError."""
    if name in loader.offered(group):
        loaded = _formed(loader.load_one(conf, group, name))
    else:
        names, brought = chosen(conf, group)
        _check(group, [one for one in names if one == name], brought)
        loaded = _adapted(group, brought[name]) if name in brought else _formed(loader.load_one(conf, group, name))
    if group == loader.WEIGHERS:
        _multiplier(conf, loaded)
    return loaded


def chosen(
    conf: cfg.ConfigOpts, group: str, *, left_out: list[PluginAccount] | None = None
) -> tuple[list[str], dict[str, Brought]]:
    """Return what is enabled of ``group`` by name, and by class name the classes that class paths bring.

    :param left_out: as of :func:`load_filters`; what is in there is not among the names.
    :raises PluginError: a class path leads nowhere or may not be loaded, or there are two classes of one name.
    """
    option = loader.KINDS[group].option
    names, gone = _names(conf, group), [] if left_out is None else left_out
    if group == loader.FILTERS:
        paths = [path for path in conf.filter_scheduler.available_filters if path not in _ALL]
        paths = [path for path in paths if _ours(group, path) == path]
        brought = [_classes(conf, group, AVAILABLE, path, gone) for path in paths]
    else:
        by_path = {name: _classes(conf, group, option, name, gone) for name in names if "." in name}
        names, brought = [each for name in names for each in by_path.get(name, [name])], list(by_path.values())
    absent = {*_LEFT_OUT, *(one.name for one in gone if one.group == group)}
    return [name for name in names if name not in absent], _merged(option, brought)


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


def _classes(
    conf: cfg.ConfigOpts, group: str, option: str, path: str, left_out: list[PluginAccount]
) -> dict[str, Brought]:
    """Return the classes that one path brings; none when it fails and its last word is that of an optional plug-in."""
    distribution, version = owners.owner(path)
    try:
        forbidden = loader.refusal(conf, distribution)  # before its code is imported
        if forbidden:
            raise PluginError(f"{option} names {path}: {forbidden}")
        return {one.__name__: Brought(one, distribution, version) for one in loading.classes(conf, option, path)}
    except PluginError as error:
        loader.leave_out(conf, group, path.rpartition(".")[2], error, left_out)
        return {}


def _merged(option: str, brought: Iterable[dict[str, Brought]]) -> dict[str, Brought]:
    found: dict[str, Brought] = {}
    for classes in brought:
        for name, each in classes.items():
            if found.setdefault(name, each).written is not each.written:
                raise PluginError(f"{option} brings two classes of the name {name}. Remove one.")
    return found


def _load(conf: cfg.ConfigOpts, group: str, left_out: list[PluginAccount] | None) -> list[Plugin]:
    gone: list[PluginAccount] = [] if left_out is None else left_out
    for name in _names(conf, group):
        if name in _LEFT_OUT:
            LOG.info("%s is left out: %s", name, _LEFT_OUT[name])
    names, brought = chosen(conf, group, left_out=gone)
    _check(group, names, brought)
    registered = loader.load(conf, group, [name for name in names if name not in brought], left_out=gone)
    there = {plugin.name: plugin for plugin in registered}
    found = {}
    for name in names:
        try:
            if name in brought:
                found[name] = _adapted(group, brought[name])
            elif name in there:
                found[name] = _formed(there[name])
        except PluginError as error:
            loader.leave_out(conf, group, name, error, gone)
    return [found[name] for name in names if name in found]


def _check(group: str, names: Sequence[str], brought: dict[str, Brought]) -> None:
    """Raise PluginError for a name that cannot be, or is not one plug-in's alone."""
    option = loader.KINDS[group].option
    for name in names:
        if name in _REFUSED:
            raise PluginError(f"{option} names {name}: {_REFUSED[name]}. Remove it.")
        if names.count(name) > 1:
            raise PluginError(f"{option} names {name} twice. Remove one.")
        if name in brought and name in loader.offered(group):
            raise PluginError(f"{option}: {name} is a class that a class path brings and an entry point. Rename one.")


def _formed(plugin: Plugin) -> Plugin:
    """Return a plug-in that can be asked; raises PluginError for one without a method of its contract."""
    kind = loader.KINDS[plugin.group]
    methods = {name: getattr(plugin.object, name, None) for name in _FORMS[plugin.group]}
    wrong = [name for name, method in methods.items() if method is not None and not callable(method)]
    if wrong:
        why = f"{' and '.join(wrong)} cannot be called"
    elif not any(map(callable, methods.values())):
        why = f"it has neither {' nor '.join(methods)}"
    else:
        return plugin
    raise PluginError(
        f"The {kind.noun} {plugin.name} of {plugin.distribution} cannot be used: {why}. Mend {plugin.distribution}, or "
        f"take {plugin.name} out of {kind.option}."
    )


def _adapted(group: str, brought: Brought) -> Plugin:
    written = brought.written
    path = f"{written.__module__}.{written.__name__}"
    try:
        made = _ADAPTERS[group](written())
    except FAULTS as error:
        cause = str(error) if isinstance(error, PluginError) else " ".join(words(error).split())
        raise PluginError(f"{path}, chosen by {loader.KINDS[group].option}, cannot be used: {cause}.") from error
    return Plugin(written.__name__, made, brought.distribution, brought.version, group)


def _multiplier(conf: cfg.ConfigOpts, plugin: Plugin) -> float:
    if isinstance(plugin.object, NovaWeigher):
        return plugin.object.multiplier
    option = getattr(plugin.object, "multiplier_option", None) or ""
    section = "filter_scheduler" if option in conf.filter_scheduler or plugin.name not in conf else plugin.name
    multiplier = getattr(conf[section], option, 1.0)
    if not math.isfinite(multiplier):
        raise PluginError(f"[{section}] {option} = {multiplier} cannot be multiplied by. Write a finite number.")
    return multiplier
