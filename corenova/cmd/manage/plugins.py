"""``corenova-manage plugins``: what is installed, by whom, and what of it is enabled.

Nothing is loaded for it but the class paths of plug-ins written for Nova: only they know the names of their classes.
"""

from oslo_config import cfg

from corenova import loader
from corenova.cmd.manage.output import Output
from corenova.scheduler import plugins

MISSING = "missing"


def list_plugins(conf: cfg.ConfigOpts, output: Output) -> int:
    """List plug-ins; one that is enabled and not installed is shown as missing. Raises PluginError for a class path
    that leads nowhere."""
    found = []
    for group in loader.KINDS:
        enabled, brought = _enabled(conf, group)
        owners = loader.installed(group) | {name: each.distribution for name, each in brought.items()}
        for name in sorted({*owners, *enabled}):
            state = MISSING if name not in owners else "yes" if name in enabled else "no"
            found.append({"group": group, "name": name, "distribution": owners.get(name), "enabled": state})
    output.json({"plugins": found})
    columns = ("group", "name", "distribution", "enabled")
    output.table(columns, [[plugin[column] for column in columns] for plugin in found])
    return 0


def _enabled(conf: cfg.ConfigOpts, group: str) -> tuple[list[str], dict[str, plugins.Brought]]:
    """Return the names that the option which chooses from ``group`` gives, and the classes that class paths bring."""
    if group in (loader.FILTERS, loader.WEIGHERS):
        return plugins.chosen(conf, group)
    section, option = loader.KINDS[group].option.removeprefix("[").split("] ")
    value = conf[section][option]
    return [value] if isinstance(value, str) else list(value), {}
