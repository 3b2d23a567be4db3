"""Tests that take long stand where each worker of a run begins."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.order import in_shares


def item(name, *, module="short", is_long=False):
    return SimpleNamespace(
        name=name, path=Path(module), get_closest_marker=lambda _name: pytest.mark.long if is_long else None
    )


def test_long_ones_are_at_the_heads_of_the_shares_and_none_is_lost():
    items = [item(str(number)) for number in range(8)]
    items[5:5] = [item("a", module="m", is_long=True), item("b", module="m", is_long=True)]
    items.append(item("c", module="n", is_long=True))
    names = [one.name for one in in_shares(items, 3)]
    assert names == ["a", "b", "0", "c", "1", "2", "3", "4", "5", "6", "7"]


def test_the_order_of_the_others_stays():
    items = [item(str(number)) for number in range(8)]
    assert in_shares(items, 3) == items
    assert in_shares([], 3) == []
