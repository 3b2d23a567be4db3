"""``corenova-manage config``: what the services would read, where it comes from, and what is wrong with it."""

import sys
from collections.abc import Callable, Iterator

import msgspec
from oslo_config import cfg

from corenova import hooks, loader
from corenova.account import FAULTS, words
from corenova.cmd import config_check
from corenova.cmd.manage.output import Output
from corenova.exceptions import PluginError
from corenova.guards import loading as guards

MASK = "****"
SAMPLE_HEADER = """\
# Every option of corenova and of the plug-ins that are installed here, with its default.
# A line that begins with '#' and a name is a default: copy it into your ini file, without the '#', to change it.

"""


class Setting(msgspec.Struct, frozen=True):
    """An option, its value (secrets masked) and the file, or the like, that it comes from."""

    section: str
    option: str
    value: str | None
    source: str


def check(conf: cfg.ConfigOpts, output: Output) -> int:
    """Show every option and all that is wrong; 1 when something is."""
    problems = list(_plugin_problems(conf))  # first: it makes the options of enabled plug-ins known
    problems += config_check.unknown(conf)
    settings: list[Setting] = []
    for section, opt in _options(conf):
        group = None if section == "DEFAULT" else section
        source = config_check.location(conf, opt, group)
        try:
            value = getattr(conf if group is None else conf[group], opt.dest)
        except (cfg.Error, ValueError) as error:
            problems.append(f"[{section}] {opt.name} in {source}: {' '.join(str(error).split())}")
            continue
        settings.append(Setting(section, opt.name, _shown(opt, value), source))
    output.json({"valid": not problems, "problems": problems, "options": settings})
    output.table(("section", "option", "source", "value"), [(s.section, s.option, s.source, s.value) for s in settings])
    if problems:
        output.line()
    for problem in problems:
        output.line(f"wrong: {problem}")
    return 1 if problems else 0


def sample(conf: cfg.ConfigOpts, output: Output) -> int:
    """Print every option with its default, of all plug-ins that are installed and may load; 1 when one cannot."""
    from corenova.cmd import samples

    failed: list[str] = []
    text = samples.config_sample(SAMPLE_HEADER, lambda: _installed_options(conf, failed))
    output.json({"sample": text, "failed": failed})
    output.line(text.rstrip())
    for reason in failed:
        print(f"corenova-manage: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _installed_options(conf: cfg.ConfigOpts, failed: list[str]) -> Iterator[tuple[str, list[cfg.Opt]]]:
    from corenova.cmd import samples

    for group, kind in loader.KINDS.items():
        for name, offers in loader.offered(group).items():
            distribution = loader.owner(offers[0])[0]
            if loader.refusal(conf, distribution):
                continue
            try:
                yield from samples.options_of(group, offers[0])
            except FAULTS as error:
                cause = " ".join(words(error).split())
                failed.append(f"The options of the {kind.noun} {name} of {distribution} cannot be told: {cause}.")


def _options(conf: cfg.ConfigOpts) -> Iterator[tuple[str, cfg.Opt]]:
    """Yield every option once, by section and name; old names lead to the same option."""
    for section, options in sorted(config_check.options_of(conf).items()):
        own = {opt.name: opt for name, opt in options.items() if name in (opt.name, opt.dest)}
        for name in sorted(own):
            if not isinstance(own[name], cfg.SubCommandOpt):
                yield section, own[name]


def _shown(opt: cfg.Opt, value: object) -> str | None:
    if value is None:
        return None
    if opt.secret:
        return MASK
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _plugin_problems(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Load what is enabled, as the services would: their options are registered and read by it."""
    from corenova.scheduler.manager import build_pipeline

    loads: tuple[Callable[[], object], ...] = (
        lambda: build_pipeline(conf),
        lambda: guards.load(conf, loader.DRIVERS, conf.compute.driver),
        lambda: hooks.load(conf),
        lambda: guards.load(conf, loader.IMAGE_BACKENDS, conf.image.backend),
        lambda: guards.load(conf, loader.NETWORK_BACKENDS, conf.network.backend),
    )
    for load in loads:
        try:
            load()
        except PluginError as error:
            yield str(error)
        except (cfg.Error, ValueError):
            continue  # a bad value, which is told for its option
