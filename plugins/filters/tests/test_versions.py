"""Version ranges of images against the version numbers of hosts."""

import pytest

from corenova_filters.versions import satisfies


@pytest.mark.parametrize(
    ("number", "wanted", "met"),
    [
        (6_002_001, ">=6.2.1", True),
        (6_002_001, ">6.2.1", False),
        (6_002_001, ">=6.0, <8.2", True),
        (8_002_000, ">=6.0,<8.2", False),
        (6_000_000, "==6", True),
        (6_000_001, "!=6.0.1", False),
        (10_000_000, ">= 9.9", True),
        (6_000_000, "6.0", False),
        (6_000_000, "rubbish", False),
        (6_000_000, ">=6.0,", False),
    ],
)
def test_satisfies(number, wanted, met):
    assert satisfies(number, wanted) is met
