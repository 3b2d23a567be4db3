"""What takes long begins first, on as many workers as there are: one that began last would let the others wait for it.

With ``--dist worksteal`` a worker begins with an equal share of the list of tests, in order; whoever is done takes from
the end of another's share. So the tests marked ``long`` stand at the heads of the shares, those of a module together.
"""

import os
from itertools import chain, groupby

import pytest


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    items[:] = in_shares(items, workers)


def in_shares(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests with the long ones at the heads of equal shares for so many workers."""
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    modules = [list(tests) for _, tests in groupby(long, key=lambda item: item.path)]
    ordered: list[pytest.Item] = []
    for number in range(workers):
        size = (len(items) - len(ordered)) // (workers - number)
        head = list(chain.from_iterable(modules[number::workers]))
        rest = max(0, size - len(head))
        ordered += head + short[:rest]
        del short[:rest]
    return ordered + short
