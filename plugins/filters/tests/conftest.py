"""Fixtures of the filter and weigher tests, and the list of what setup.py registers.

The test run imports files by their path (equal names in several trees), so tests cannot import one another; what they
share comes as fixtures.
"""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def builders():
    """The module builders.py."""
    found = importlib.util.spec_from_file_location("corenova_filters_test_builders", HERE / "builders.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def registered(group: str) -> list[type]:
    """Return the classes that setup.py registers in ``group``; a new one is covered without touching a test.

    The file is read rather than the installed metadata, which is as old as the last installation.
    """
    tree = ast.parse((HERE.parent / "setup.py").read_text())
    entry_points = next(
        ast.literal_eval(keyword.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "entry_points"
    )
    classes = []
    for line in entry_points[group]:
        name, _, target = line.partition(" = ")
        module, _, attribute = target.partition(":")
        assert name == attribute, f"{line}: a filter or weigher is registered under its class name"
        classes.append(getattr(importlib.import_module(module), attribute))
    return classes


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``filter_class`` or ``weigher_class`` once for each registered one."""
    for argument, group in (("filter_class", "filters"), ("weigher_class", "weighers")):
        if argument in metafunc.fixturenames:
            classes = registered(f"corenova.scheduler.{group}")
            metafunc.parametrize(argument, classes, ids=[found.__name__ for found in classes])
