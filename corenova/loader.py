"""Names to plug-in objects: the only importer of stevedore, and strict.

An enabled name that is missing, found twice or does not import stops the start with one line that names the
distributions: a security filter that is silently absent would be worse than no start. Services get plug-ins from here
and nowhere else; hooks (pluggy) are found by the same scan.
"""

import difflib
from collections.abc import Sequence
from importlib import metadata

import msgspec
from oslo_config import cfg
from stevedore import named
from stevedore.exception import MultipleMatches
from stevedore.extension import Extension, error_on_conflict

from corenova.exceptions import PluginError

FILTERS = "corenova.scheduler.filters"
WEIGHERS = "corenova.scheduler.weighers"
DRIVERS = "corenova.compute.drivers"
NETWORK_BACKENDS = "corenova.network.backends"
HOOKS = "corenova.hooks"
IMAGE_BACKENDS = "corenova.image.backends"
CHOSEN_BY = {
    FILTERS: "[filter_scheduler] enabled_filters",
    WEIGHERS: "[filter_scheduler] weight_classes",
    DRIVERS: "[compute] driver",
    NETWORK_BACKENDS: "[network] backend",
    HOOKS: "[plugins] enabled_hooks",
    IMAGE_BACKENDS: "[image] backend",
}
"""Entry point group and the option whose value chooses from it."""


class Plugin(msgspec.Struct, frozen=True):
    """A loaded plug-in: its entry point's name, the object, and the distribution that brought it."""

    name: str
    object: object
    distribution: str


def load(conf: cfg.ConfigOpts, group: str, names: Sequence[str]) -> list[Plugin]:
    """Load, construct and configure the plug-ins ``names`` of ``group``, in this order.

    :raises PluginError: one is missing, doubled, does not import, or cannot be configured.
    """
    doubled = {name for name in names if list(names).count(name) > 1}
    if doubled:
        raise PluginError(f"{CHOSEN_BY[group]} names {', '.join(sorted(doubled))} twice. Remove one.")
    try:
        manager = named.NamedExtensionManager(
            group,
            list(names),
            invoke_on_load=True,
            name_order=True,
            conflict_resolver=error_on_conflict,
            on_missing_entrypoints_callback=lambda missing: _missing(group, missing),
            on_load_failure_callback=lambda _manager, entry_point, error: _failed(group, entry_point, error),
        )
    except MultipleMatches:
        raise PluginError(_duplicates(group, names)) from None
    owners = installed(group)  # once: the scan of all distributions takes longer than loading what was found
    return [_configured(conf, extension, owners.get(extension.name, "?")) for extension in manager.extensions]


def load_one(conf: cfg.ConfigOpts, group: str, name: str) -> object:
    """Load, construct and configure the one plug-in ``name`` of ``group``; raises PluginError."""
    return load(conf, group, [name])[0].object


def installed(group: str) -> dict[str, str]:
    """Return ``{name: distribution}`` of all that is installed in ``group``, loaded or not."""
    return {ep.name: _distribution(ep) for ep in metadata.entry_points(group=group)}


def _configured(conf: cfg.ConfigOpts, extension: Extension, distribution: str) -> Plugin:
    name, plugin = extension.name, extension.obj
    options = getattr(plugin, "options", None)
    if options:
        try:
            conf.register_opts(options, group=name)
            section = getattr(conf, name)
            for option in options:  # a value that cannot be read stops the start, whenever the plug-in will want it
                getattr(section, option.dest)
            plugin.configure(section)
        except Exception as error:
            raise PluginError(f"Plug-in {name} of {distribution} cannot be configured: {error}") from error
    return Plugin(name, plugin, distribution)


def _missing(group: str, names: Sequence[str]) -> None:
    there = sorted(installed(group))
    near = [match for name in names for match in difflib.get_close_matches(name, there, n=1)]
    hint = f" Did you mean {', '.join(near)}?" if near else f" Installed: {', '.join(there) or 'none'}."
    raise PluginError(
        f"{CHOSEN_BY[group]} names {', '.join(sorted(names))}, which no installed distribution offers in {group}.{hint}"
    )


def _failed(group: str, entry_point: metadata.EntryPoint, error: Exception) -> None:
    owner = installed(group).get(entry_point.name, "?")  # stevedore's entry points do not know their distribution
    raise PluginError(
        f"Plug-in {entry_point.name} ({entry_point.value}) of {owner}, named by "
        f"{CHOSEN_BY[group]}, failed to load: {type(error).__name__}: {error}. Mend or remove it."
    ) from error


def _duplicates(group: str, names: Sequence[str]) -> str:
    owners: dict[str, list[str]] = {}
    for entry_point in metadata.entry_points(group=group):
        if entry_point.name in names:
            owners.setdefault(entry_point.name, []).append(_distribution(entry_point))
    twice = {name: found for name, found in owners.items() if len(found) > 1}
    listed = "; ".join(f"{name} by {' and '.join(sorted(found))}" for name, found in sorted(twice.items()))
    return f"{CHOSEN_BY[group]}: offered by more than one distribution: {listed}. Uninstall one of them."


def _distribution(entry_point: metadata.EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else "?"
