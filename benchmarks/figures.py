"""A measured figure with its goal, and what is drawn from many single times."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


class NotHereError(Exception):
    """This machine lacks what is to be measured; says what to do about it. No failure of the run."""


class NotMeasuredError(Exception):
    """What was timed was no success, so its time means nothing; says what went wrong."""


@dataclass(frozen=True)
class Goal:
    """A bound: ``at_most`` tells which way it holds."""

    bound: float
    at_most: bool = True

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"

    def is_met(self, value: float) -> bool:
        """Tell whether ``value`` is on the right side."""
        return value <= self.bound if self.at_most else value >= self.bound


@dataclass(frozen=True)
class Figure:
    """One number. ``key`` is its name in the JSON output and stays as it is; ``text`` is for people."""

    key: str
    value: float
    unit: str
    text: str
    goal: Goal | None = None

    def line(self) -> str:
        """Return the figure as a line of a table, beside its goal."""
        number = f"{self.value:,.0f}" if self.value >= 1000 or not self.unit else f"{self.value:.3g}"
        line = f"{self.text:<52} {number:>8} {self.unit:<6}"
        if self.goal is None:
            return line.rstrip()
        return f"{line}  goal {self.goal}: {'met' if self.goal.is_met(self.value) else 'missed'}"


def check(condition: bool, sentence: str) -> None:
    """Raise NotMeasuredError with ``sentence`` unless ``condition`` holds."""
    if not condition:
        raise NotMeasuredError(sentence)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that ``percent`` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
