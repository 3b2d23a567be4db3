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

from corenova.account import words
from corenova.testing.words import told

_MODULE = """from corenova.testing.check import classes
globals().update(classes({names!r}, {files!r}))
"""
_ALONE = ["-p", "corenova.testing.plugin", "-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode=importlib"]
_MOST_TEXT = 4000
_TO_THE_END = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


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


class Witness:
    """A pytest plug-in that writes down what becomes of each test, and what has ended the run before its time."""

    def __init__(self) -> None:
        self._seen: dict[str, Checked] = {}
        self._running: pytest.Function | None = None
        self._ended = ""

    def pytest_runtest_protocol(self, item: pytest.Function) -> None:
        """Note which test runs."""
        self._running = item

    def pytest_runtest_logfinish(self) -> None:
        """Note that it is over."""
        self._running = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo) -> object:
        """Write down the outcome: of setup, call and teardown the first that has not passed."""
        report = yield
        before = self._seen.get(item.nodeid)
        if before is None or (before.outcome == "passed" and not report.passed):
            contract = told(item.function) if report.failed else ""
            self._enter(item, report.outcome, "" if report.passed else _reason(report), contract)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that there are no tests to run."""
        if report.failed:
            self._ended = _reason(report)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        """Note what has ended the run; also ``pytest.exit``, whatever code it asks for."""
        self._ended = self._ended or words(excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo) -> None:
        """Note what has ended pytest."""
        self._ended = self._ended or words(excinfo.value)

    def checked(self, plugins: list[str], code: int) -> list[Checked]:
        """Return what was seen of these plug-ins (``group:name``); what was to be seen and was not has failed.

        :param code: what pytest has returned.
        """
        if code not in _TO_THE_END and not self._ended:
            self._ended = f"pytest has ended with {code!r}"
        if self._ended and self._running is not None:
            self._enter(self._running, "failed", f"It has ended the run: {self._ended}", told(self._running.function))
        seen = list(self._seen.values())
        counted = {(one.group, one.name) for one in seen}
        if self._ended and all(one.outcome != "failed" for one in seen):
            counted.clear()  # nobody knows who it was
        reason = f"The run has ended before: {self._ended}" if self._ended else "There is no check for it."
        missing = [tuple(plugin.split(":", 1)) for plugin in plugins]
        return seen + [
            Checked(group=group, name=name, test="it is checked", outcome="failed", reason=reason)
            for group, name in missing
            if (group, name) not in counted
        ]

    def _enter(self, item: pytest.Function, outcome: str, reason: str, contract: str) -> None:
        self._seen[item.nodeid] = Checked(
            group=item.cls.group,
            name=item.cls.plugin,
            test=item.name.removeprefix("test_").replace("_", " "),
            outcome=outcome,
            reason=reason,
            contract=contract,
        )


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
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
    witness, plugins = Witness(), names.split(",")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_plug_ins.py"
        file.write_text(_MODULE.format(names=plugins, files=list(files)))
        code = pytest.main([str(file), "-c", os.devnull, "--rootdir", folder, *_ALONE], plugins=[witness])
    Path(report).write_bytes(msgspec.json.encode(witness.checked(plugins, code)))


if __name__ == "__main__":
    main(*sys.argv[1:])
