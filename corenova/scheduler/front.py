"""The best hosts of a class of requests in order, so that the best of all is found by looking at a few.

A front holds, of all candidates, at least those that are as good as the worst it was filled with. Entries are not taken
out when their host changes: they are out of date then, and are thrown away by whoever meets them.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable

import numpy as np

NOBODY = 255
"""In place of a refuser: the host is a candidate. So there may be 255 stages and filters."""

Entry = tuple[float, int]
"""(score, minus row): the largest entry is the best host, of equals the first."""


class Front:
    """The ``size`` best candidates.

    :param scores: of all hosts.
    :param rows: the candidates, or None when all hosts are.
    :ivar is_whole: there are no other candidates.
    """

    def __init__(self, scores: np.ndarray, rows: np.ndarray | None, size: int):
        among = scores if rows is None else scores[rows]
        self.is_whole = len(among) <= size
        chosen = np.arange(len(among)) if self.is_whole else _largest(among, size)
        best = among[chosen].tolist()
        places = (chosen if rows is None else rows[chosen]).tolist()
        self._entries: list[Entry] = sorted(zip(best, [-place for place in places], strict=True))
        self._worst: Entry = (-math.inf, 0) if self.is_whole else self._entries[0]
        self._most = 4 * len(self._entries) + 512

    @property
    def lowest(self) -> float:
        """The score that a host must have at least to belong here."""
        return self._worst[0]

    def offer(self, rows: Iterable[int], refusers: memoryview, scores: memoryview) -> bool:
        """Take in those of these hosts that belong here; False: most entries are out of date, fill a new front."""
        entries, worst = self._entries, self._worst
        for row in rows:
            if refusers[row] == NOBODY:
                entry = (scores[row], -row)
                if entry >= worst:
                    place = bisect_left(entries, entry)
                    if place == len(entries) or entries[place] != entry:
                        entries.insert(place, entry)
        return len(entries) <= self._most

    def best(
        self, wanted: int, refusers: memoryview, scores: memoryview, passes: Callable[[int], bool] | None, most: int
    ) -> tuple[list[int], int]:
        """Return up to ``wanted`` hosts, the best first, and how many ``passes`` has refused (up to ``most``, if any).

        Fewer than wanted: the front is used up.
        """
        entries = self._entries
        found: list[int] = []
        refused = 0
        place = len(entries)
        while place and len(found) < wanted:
            place -= 1
            score, row = entries[place]
            row = -row
            if refusers[row] != NOBODY or scores[row] != score:
                del entries[place]  # the host has changed since
            elif passes is None or passes(row):
                found.append(row)
            else:
                refused += 1
                if refused == most:
                    break
        return found, refused


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the ``count`` largest values, of equals the first."""
    limit = -np.partition(-values, count - 1)[count - 1]
    above = np.flatnonzero(values > limit)
    return np.concatenate([above, np.flatnonzero(values == limit)[: count - len(above)]])
