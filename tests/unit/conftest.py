"""Fixtures of the unit tests: breakers on a clock that a test sets."""

import pytest

from corenova.breaker import Breakers


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breakers(clock):
    return Breakers(3, 60.0, clock=clock)
