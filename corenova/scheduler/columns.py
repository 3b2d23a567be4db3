"""Columns of the scheduler's picture of the hosts (hosts.py): numbers that only their owner writes, and values that
many hosts share.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
import numpy as np

T = TypeVar("T")


class Kinds(Generic[T]):
    """One value a host of which there are few different ones: they are kept once, and columns are made from them."""

    def __init__(self, count: int):
        self.ids = np.full(count, -1, dtype=np.int32)
        self.cells = memoryview(self.ids)
        self._values: list[T] = []
        self._found: dict[object, int] = {}

    def set(self, index: int, value: T) -> bool:
        """Write the value of a host; return whether it has changed."""
        key = msgspec.msgpack.encode(value)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = len(self._values)
            self._values.append(value)
        return put(self.ids, index, found)

    def of(self, index: int) -> T:
        """Return the value of a host."""
        return self._values[self.cells[index]]

    def kinds(self) -> list[T]:
        """Return the values that some host has."""
        return [self._values[i] for i in np.unique(self.ids)] if len(self.ids) else []

    def column(self, read: Callable[[T], object], dtype: object = None) -> np.ndarray:
        """Return ``read`` of the value of each host; values that no host has any more are not looked at."""
        used = np.unique(self.ids) if len(self._values) > 1 else range(len(self._values))
        answers = {int(i): read(self._values[i]) for i in used}
        if dtype is None:
            dtype = np.result_type(*answers.values()) if answers else bool
        table = np.zeros(max(len(self._values), 1), dtype=dtype)
        for i, answer in answers.items():
            table[i] = answer
        column = table[self.ids]
        column.flags.writeable = False  # it may be kept
        return column


def column_of(count: int, dtype: object = np.int64) -> tuple[np.ndarray, memoryview]:
    """Return a column of zeros that nobody can write, and its cells, by which its owner does.

    One number at a time is read and written through a memoryview in half the time.
    """
    column = np.zeros(count, dtype=dtype)
    cells = memoryview(column)
    column.flags.writeable = False
    return column, cells


def put(cells: memoryview | np.ndarray, index: int, value: object) -> bool:
    """Write one number and return whether it was another one before."""
    if cells[index] == value:
        return False
    cells[index] = value
    return True
