"""``corenova-manage plugin check``: hold the plug-ins of an installed distribution to their contracts.

The tests are the suites of corenova.testing; they run in a process of their own (corenova/testing/check.py), so that
this one needs neither pytest nor what is checked.
"""

import difflib
import importlib.util
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec
from oslo_config import cfg

from corenova import loader
from corenova.cmd.manage.output import Output
from corenova.exceptions import ConfigurationError, NotFound

_NEEDS = ("pytest", "hypothesis")
_PROGRAM = "corenova.testing.check"


def check(conf: cfg.ConfigOpts, output: Output) -> int:
    """Check every plug-in of the distribution; returns 1 when one breaks its contract.

    Options of the plug-ins come from the ini files. Of several drivers of one distribution only the one is checked
    that ``[compute] driver`` names: a driver touches a hypervisor.

    :raises NotFound: it is not installed, or brings no plug-ins.
    :raises ConfigurationError: pytest is not installed, or the tests could not be run.
    """
    found = _distribution(conf.noun.distribution)
    plugins = [one for one in found.entry_points if one.group in loader.KINDS]
    if not plugins:
        groups = ", ".join(loader.KINDS)
        raise NotFound(f"{found.name} {found.version} brings no plug-ins: no entry point is in one of {groups}.")
    lacking = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if lacking:
        raise ConfigurationError(
            f"{' and '.join(lacking)} cannot be imported, and the checks need it: pip install 'corenova[testing]'"
        )
    left = _left_out(conf, plugins)
    seen = _run(found.name, [one for one in plugins if one not in left], conf.config_file or [])
    rows = [_row(one, seen, left.get(one)) for one in plugins]
    failed = [one for one in seen if one["outcome"] == "failed"]
    output.json({"distribution": found.name, "version": found.version, "plugins": rows, "checks": seen})
    output.line(f"{found.name} {found.version}")
    columns = ("kind", "name", "passed", "failed", "skipped", "note")
    output.table(columns, [[row[column] for column in columns] for row in rows])
    for one in failed:
        output.line(f"\n{one['name']}: {one['test']}")
        for text in (one["reason"], one["contract"]):
            output.line("\n".join(f"    {line}".rstrip() for line in text.splitlines()))
    return 1 if failed else 0


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        there = sorted({one.name for one in metadata.distributions() if one.name})
        near = difflib.get_close_matches(loader.normal(name), there, n=1)
        hint = f" Did you mean {near[0]}?" if near else " Install it into this environment first (pip install)."
        raise NotFound(f"No distribution {name} is installed.{hint}") from None


def _left_out(conf: cfg.ConfigOpts, plugins: Sequence[metadata.EntryPoint]) -> dict[metadata.EntryPoint, str]:
    drivers = [one for one in plugins if one.group == loader.DRIVERS]
    if len(drivers) < 2:
        return {}
    note = "not checked: name it in [compute] driver of a --config-file"
    return {one: note for one in drivers if one.name != conf.compute.driver}


def _run(distribution: str, plugins: Sequence[metadata.EntryPoint], files: Sequence[str]) -> list[dict[str, str]]:
    """Run the suites and return what they have seen."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        names = [f"{one.group}:{one.name}" for one in plugins]
        arguments = [str(report), ",".join(names), *(str(Path(file).absolute()) for file in files)]
        done = subprocess.run([sys.executable, "-m", _PROGRAM, *arguments], capture_output=True, text=True)
        if not report.exists():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise ConfigurationError(f"The checks of {distribution} ended early: {''.join(last) or done.returncode}")
        return msgspec.json.decode(report.read_bytes())


def _row(plugin: metadata.EntryPoint, seen: Sequence[dict[str, str]], note: str | None) -> dict[str, object]:
    counted = Counter(one["outcome"] for one in seen if (one["group"], one["name"]) == (plugin.group, plugin.name))
    return {
        "kind": loader.KINDS[plugin.group].noun,
        "group": plugin.group,
        "name": plugin.name,
        **{outcome: counted[outcome] for outcome in ("passed", "failed", "skipped")},
        "note": note or "",
    }
