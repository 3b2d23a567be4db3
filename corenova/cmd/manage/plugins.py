"""``corenova-manage plugins``: what is installed, by whom, and what of it is enabled. Nothing is loaded for it."""

from oslo_config import cfg

from corenova import loader
from corenova.cmd.manage.output import Output
from corenova.conf import filter_scheduler

MISSING = "missing"


def list_plugins(conf: cfg.ConfigOpts, output: Output) -> int:
    """List plug-ins; one that is enabled and not installed is shown as missing."""
    found = []
    for group in loader.CHOSEN_BY:
        installed, enabled = loader.installed(group), _enabled(conf, group)
        for name in sorted({*installed, *enabled}):
            state = MISSING if name not in installed else "yes" if name in enabled else "no"
            found.append({"group": group, "name": name, "distribution": installed.get(name), "enabled": state})
    output.json({"plugins": found})
    columns = ("group", "name", "distribution", "enabled")
    output.table(columns, [[plugin[column] for column in columns] for plugin in found])
    return 0


def _enabled(conf: cfg.ConfigOpts, group: str) -> set[str]:
    """Return the names that the option which chooses from ``group`` gives."""
    section, option = loader.CHOSEN_BY[group].removeprefix("[").split("] ")
    value = conf[section][option]
    names = {value} if isinstance(value, str) else set(value)
    carried_over = {name for name in names if name.startswith("nova.")}  # Nova's words for its own list: our default
    if carried_over:
        default = next((opt.default for opt in filter_scheduler.OPTIONS if opt.name == option), [])
        names = names - carried_over | set(default)
    return names
