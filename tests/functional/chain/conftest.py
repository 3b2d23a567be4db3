"""Clouds with an ini of the test's own; the invariant checker runs when the test is over."""

import contextlib

import pytest

from corenova.testing.cloud import running


@pytest.fixture
def make_cloud(tmp_path):
    """Give a function that makes and starts clouds with their own ini; each is audited and stopped at the end."""
    with contextlib.ExitStack() as clouds:
        count = iter(range(1000))

        def make(ini=None, *, path=None, **plugged):
            return clouds.enter_context(running(path or tmp_path / f"cloud{next(count)}", ini=ini, **plugged))

        yield make
