"""Each suite catches plug-ins that break the contract in one way each, and says in the report what the contract says.

The wrong plug-ins are in wrong_*.py; they are run by a pytest inside this one.
"""

from pathlib import Path

import pytest

from corenova.testing import suites

pytest_plugins = ["pytester"]
KINDS = sorted(file.stem.removeprefix("wrong_") for file in Path(__file__).parent.glob("wrong_*.py"))
ALONE = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib", "--tb=short")


class Seen:
    """What became of each test of the inner run, and the suites' classes."""

    def __init__(self):
        self.classes, self.failed, self.passed = {}, {}, {}

    def pytest_collection_modifyitems(self, items):
        """Leave of a wrong plug-in the tests that are to catch it."""
        self.classes = {item.cls.__name__: item.cls for item in items}
        items[:] = [item for item in items if not item.cls.caught_by or item.originalname in item.cls.caught_by]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.failed:
            words = "".join(text for title, text in report.sections if title == "what the contract says")
            self.failed.setdefault(item.cls.__name__, {})[item.originalname] = words
        elif report.passed and call.when == "call":
            self.passed.setdefault(item.cls.__name__, set()).add(item.originalname)
        return report


@pytest.mark.parametrize("kind", KINDS)
def test_a_suite_catches_what_is_wrong_and_quotes_the_contract(pytester, kind):
    seen = Seen()
    pytester.inline_run(str(Path(__file__).with_name(f"wrong_{kind}.py")), *ALONE, plugins=[seen])
    assert len(seen.classes) >= 5
    for name, found in seen.classes.items():
        failed = seen.failed.get(name, {})
        assert set(found.caught_by) <= set(failed), f"{name} was not caught"
        assert found.caught_by or not failed, f"{name} is fine, and was refused by {set(failed)}"
        assert found.caught_by or seen.passed[name]
        for words in failed.values():
            assert words.startswith("corenova/contracts/") and "\n    " in words


def test_there_are_wrong_plug_ins_for_every_suite():
    assert len(KINDS) == len(suites.__all__)
