"""Runs the suites on plug-ins that are installed, for ``corenova-manage plugin check``.

    python -m corenova.testing.check REPORT GROUP:NAME,... [INI_FILE ...]

It runs in a process of its own, because whatever is checked may do anything, and writes what it has seen to REPORT.
"""

import os
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from corenova.testing.words import told

_MODULE = """from corenova.testing.check import classes
globals().update(classes({names!r}, {files!r}))
"""
_ALONE = ["-p", "corenova_pytest", "-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode=importlib"]
_MOST_TEXT = 4000


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What one test has found out about a plug-in.

    :param test: what it has tried, in words.
    :param outcome: ``passed``, ``failed`` or ``skipped``.
    :param reason: why it has failed or was skipped; empty when it has passed.
    :param contract: what the contract says, and where; only of a test that has failed.
    """

    group: str
    name: str
    test: str
    outcome: str
    reason: str = ""
    contract: str = ""


def classes(plugins: list[str], files: list[str]) -> dict[str, type]:
    """Return a test class for each of these plug-ins (``group:name``), by its name.

    :param files: ini files that their options come from.
    """
    from corenova.testing import suites  # inside the run, whose assertions then tell the values

    by_group = {suite.group: suite for suite in (getattr(suites, name) for name in suites.__all__)}
    found = {}
    for number, plugin in enumerate(plugins):
        group, _, name = plugin.partition(":")
        found[f"Test{number}"] = type(f"Test{number}", (by_group[group],), {"plugin": name, "config_files": files})
    return found


class _Witness:
    """A pytest plug-in that writes down what becomes of each test."""

    def __init__(self) -> None:
        self.seen: dict[str, Checked] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo) -> object:
        report = yield
        before = self.seen.get(item.nodeid)
        if before is None or (before.outcome == "passed" and not report.passed):
            self.seen[item.nodeid] = Checked(
                group=item.cls.group,
                name=item.cls.plugin,
                test=item.name.removeprefix("test_").replace("_", " "),
                outcome=report.outcome,
                reason="" if report.passed else _reason(report),
                contract=told(item.function) if report.failed else "",
            )
        return report


def _reason(report: pytest.TestReport) -> str:
    """Return the error in its own words, with the example that was drawn."""
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else crash.message
    kept = [line for line in text.splitlines() if not line.strip().startswith(("self=", "data=", ")", "Failing test"))]
    return "\n".join(kept)[:_MOST_TEXT].removeprefix("AssertionError: ")


def main(report: str, names: str, *files: str) -> None:
    """Check plug-ins and write the report, a JSON list of :class:`Checked`.

    :param names: ``group:name`` of each, with commas.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    witness = _Witness()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_plug_ins.py"
        file.write_text(_MODULE.format(names=names.split(","), files=list(files)))
        pytest.main([str(file), "-c", os.devnull, "--rootdir", folder, *_ALONE], plugins=[witness])
    Path(report).write_bytes(msgspec.json.encode(list(witness.seen.values())))


if __name__ == "__main__":
    main(*sys.argv[1:])
