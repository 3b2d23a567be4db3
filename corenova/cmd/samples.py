"""The files of the tree that are written from the code: the samples in etc/corenova, and docs/openapi.json.

``make samples`` (``python -m corenova.cmd.samples``) writes them, ``--check`` (``make lint`` and a test) says whether
they have drifted. What is in them depends on the code alone: a stranger's plug-in that is installed is left out.
"""

import argparse
import difflib
import io
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata

from oslo_config import cfg
from oslo_config import generator as config_generator
from oslo_policy import generator as policy_generator

from corenova import conf as options
from corenova import loader
from corenova.api import openapi
from corenova.hooks import Hooks

CORE = "corenova"
POLICIES = (CORE, f"{CORE}.image", f"{CORE}.network")
WIDTH = 100
HEADER = """\
# Every option of corenova and of the plug-ins that come with it, with its default. Written by `make samples`.
# A line that begins with '#' and a name is a default: copy it into corenova.conf, without the '#', to change it.
#
# Options of the libraries ([DEFAULT] transport_url, logging, [oslo_messaging_rabbit], [oslo_policy]) are listed by
#     oslo-config-generator --namespace oslo.messaging --namespace oslo.log --namespace oslo.policy

"""


def config_sample(
    header: str = HEADER, plugins: Callable[[], Iterable[tuple[str, list[cfg.Opt]]]] | None = None
) -> str:
    """Return every option as an ini file with all defaults in comments; without arguments, corenova.conf.sample.

    :param plugins: returns the sections of plug-ins; None: of our own distributions.
    """
    generator_conf = cfg.ConfigOpts()
    config_generator.register_cli_opts(generator_conf)
    generator_conf(["--namespace", CORE, "--wrap-width", str(WIDTH)])
    output = io.StringIO()
    # Not generate(): it writes section names in lower case, and a filter's section is its class name.
    formatter = config_generator._OptFormatter(generator_conf, output_file=output)
    for section, opts in [*options.list_opts(), *sorted((plugins or plugin_options)(), key=lambda one: one[0])]:
        formatter.write("\n")
        formatter.format_group(section)
        for opt in opts:
            formatter.write("\n")
            formatter.format(opt, section)
    return header + output.getvalue().lstrip()


def policy_sample() -> str:
    """Return policy.yaml.sample."""
    with tempfile.NamedTemporaryFile("r", suffix=".yaml", encoding="utf-8") as file:
        namespaces = [word for name in POLICIES for word in ("--namespace", name)]
        policy_generator.generate_sample([*namespaces, "--output-file", file.name], cfg.ConfigOpts())
        return file.read().rstrip() + "\n"


def plugin_options() -> Iterator[tuple[str, list[cfg.Opt]]]:
    """Yield (section, options) of every plug-in of our own distributions that has options, and what hooks add."""
    ours = own_distributions()
    for group in loader.KINDS:
        for entry_point in metadata.entry_points(group=group):
            if entry_point.dist is not None and loader.normal(entry_point.dist.name) in ours:
                yield from options_of(group, entry_point)


def options_of(group: str, entry_point: metadata.EntryPoint) -> list[tuple[str, list[cfg.Opt]]]:
    """Return (section, options) of one plug-in: its own section, and what a hook plug-in adds. Imports it."""
    written = entry_point.load()
    opts = getattr(written, "options", None)
    found = [(entry_point.name, list(opts))] if opts else []
    if group == loader.HOOKS:
        hooks = Hooks([loader.Plugin(entry_point.name, written(), entry_point.dist.name)])
        hooks.call("config_options", conf=cfg.ConfigOpts())
        found += hooks.options
    return found


def own_distributions() -> set[str]:
    """Return the names of the core and of the distributions that its extra ``all`` asks for."""
    wanted = [line for line in metadata.requires(CORE) or () if re.search(r"extra\s*==\s*['\"]all['\"]", line)]
    return {loader.normal(CORE), *(loader.normal(re.match(r"[\w.-]+", line).group()) for line in wanted)}


SAMPLES = {
    "etc/corenova/corenova.conf.sample": config_sample,
    "etc/corenova/policy.yaml.sample": policy_sample,
    "docs/openapi.json": openapi.render,
}
"""Every file, below the root of the tree, and what its text must be."""


def drift(root: pathlib.Path) -> str:
    """Return how the files below ``root`` differ from what the code says, as a diff; empty when they do not."""
    found = []
    for name, sample in SAMPLES.items():
        file = root / name
        written = file.read_text("utf-8") if file.exists() else ""
        found += difflib.unified_diff(
            written.splitlines(True), sample().splitlines(True), name, "what the code says", n=1
        )
    return "".join(found)


def write(root: pathlib.Path) -> None:
    """Write the files below ``root``."""
    for name, sample in SAMPLES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(sample(), "utf-8")
        print(f"Wrote {file}")


def main(args: list[str] | None = None) -> int:
    """Entry point of the module; the exit code is 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m corenova.cmd.samples", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, tell whether the files have drifted")
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(), help="the tree (default: here)")
    asked = parser.parse_args(args)
    if not asked.check:
        write(asked.root)
        return 0
    difference = drift(asked.root)
    if difference:
        print(
            f"{difference[:5000]}\nGenerated files have drifted. Run `make samples` and commit them.", file=sys.stderr
        )
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
