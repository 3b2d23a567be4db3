"""The pytest plug-in of the test kit: marker, fixture, and the contract's words under a failure.

pytest imports it in every run of an environment that has corenova, so it imports nothing itself before it is used.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("corenova.testing.suites")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "cloud(ini={}, hooks=[], filters=[], weighers=[], driver=None, audit=True): how the fixture cloud is made; see "
        "corenova.testing.cloud.Cloud",
    )


@pytest.fixture
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator:
    """A whole cloud inside the test (corenova.testing.cloud.Cloud), held to its invariants when the test is over."""
    from corenova.testing.cloud import running

    marker = request.node.get_closest_marker("cloud")
    with running(tmp_path / "cloud", **(marker.kwargs if marker else {})) as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator:
    """Add to the failure of a suite's test what the contract says, and where."""
    report = yield
    test = getattr(item, "function", None)
    if report.failed and hasattr(test, "corenova_contract"):
        from corenova.testing.words import told

        report.sections.append(("what the contract says", told(test)))
    return report
