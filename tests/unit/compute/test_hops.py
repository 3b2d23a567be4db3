"""What hooks hear of a compute's hops."""

import pytest

from corenova.compute.hops import CREATE, WorkLostError, hop
from corenova.exceptions import DriverError
from corenova.objects.states import Step
from corenova.objects.work import WorkOrder
from corenova.testing.builders import instance


class Heard:
    """Stands for Hooks: keeps what is told."""

    def __init__(self):
        self.told = []

    def listens(self, hook):
        return True

    def call(self, hook, **about):
        self.told.append((hook, about.get("error", "no error is told")))


class UnspeakableError(DriverError):
    def __str__(self):
        raise RuntimeError("no words")


ORDER = WorkOrder(instance=instance(host="h1"), step=Step.BUILD)
BEFORE = ("compute_create_pre", "no error is told")


def heard(error):
    """Return what is told of a hop that ends in ``error``."""
    hooks = Heard()
    with pytest.raises(type(error)), hop(hooks, CREATE, ORDER):
        raise error
    return hooks.told


def test_a_hop_is_told_of_before_and_after():
    hooks = Heard()
    with hop(hooks, CREATE, ORDER):
        assert hooks.told == [BEFORE]
    assert hooks.told == [BEFORE, ("compute_create_post", None)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DriverError("no\nroom"), "DriverError: no room"),
        (UnspeakableError(), "UnspeakableError"),
    ],
)
def test_what_fails_is_told_with_the_reason_in_one_line(error, words):
    assert heard(error) == [BEFORE, ("compute_create_post", words)]


def test_nobody_is_told_how_work_that_others_have_by_now_has_ended():
    assert heard(WorkLostError("it was given to somebody else")) == [BEFORE]
