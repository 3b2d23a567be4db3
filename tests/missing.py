"""What becomes of a test whose programs are not installed: it is skipped and named at the end of the run.

With CI=true in the environment it fails, because nobody reads skips there.
"""

import os
import re
from collections.abc import Callable
from typing import NoReturn

import pytest

_MARK = "Cannot run here: "
_REMEDY = re.compile(_MARK + r".*?: (run tools/[\w-]+)")


def refuse(need: str, remedy: str) -> NoReturn:
    """End the test that runs: it needs ``need``, and ``remedy`` ("run tools/...") is what helps."""
    end: Callable[[str], NoReturn] = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    end(f"{_MARK}needs {need}: {remedy}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that did not run for want of a program, by what would help."""
    lacking: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if found := _REMEDY.search(str(report.longrepr)):
            lacking.setdefault(found[1], []).append(report.nodeid)
    for remedy, tests in lacking.items():
        terminalreporter.section(f"{len(tests)} tests lack a program: {remedy}")
        for test in tests:
            terminalreporter.line(test)
