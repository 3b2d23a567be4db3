"""Building one guest: named steps, each registering its undo as it happens.

A build has one step here, ``spawning``: ports are made with the server's row, and disks and interfaces are steps of the
driver's own, with their own undo. A step that raises leaves the host as it was.
"""

import contextlib
import logging
from collections.abc import Callable

from corenova.contracts.driver import Driver
from corenova.exceptions import BuildAbort, InsufficientResources
from corenova.objects import states
from corenova.objects.instance import Instance
from corenova.objects.work import Result

LOG = logging.getLogger(__name__)

Undo = contextlib.ExitStack
Step = Callable[[Driver, str, Instance, Undo], None]


def _spawning(driver: Driver, host: str, instance: Instance, undo: Undo) -> None:
    undo.callback(driver.destroy, host, instance.uuid)
    driver.spawn(host, instance)


STEPS: tuple[tuple[str, Step], ...] = ((states.SPAWNING, _spawning),)
"""The task_state that the user sees, and what is done in it."""

FAILURES: tuple[tuple[type[Exception], Result, str], ...] = (
    (BuildAbort, Result.FAILED, "the request cannot be built on any host"),
    (InsufficientResources, Result.RESCHEDULE, "the host could not take it"),
    (Exception, Result.RESCHEDULE, "the hypervisor could not build it"),
)
"""What becomes of a build whose step raised (the first match counts), and what its user is told."""


def build_and_run(
    driver: Driver, host: str, instance: Instance, *, confirm: Callable[[], bool], tell: Callable[[str], None]
) -> int | None:
    """Build the guest and return its power state, or None when the work was given to somebody else meanwhile.

    :param confirm: asked before every step and after the last; False: the lease is lost, undo and be silent.
    :param tell: told the task_state of every step.
    :raises Exception: whatever a step raised, after the undo of all steps before it.
    """
    with contextlib.ExitStack() as undo:
        for task_state, step in STEPS:
            if not confirm():
                return None
            tell(task_state)
            step(driver, host, instance, undo)
        # A step may have outlived the lease: then another host may be building it, and this guest must go.
        if not confirm():
            return None
        power_state = driver.get_power_state(host, instance.uuid)
        undo.pop_all()
    return power_state


def failure(error: Exception) -> tuple[Result, str]:
    """Return what becomes of a build that raised ``error``, and the words for its user."""
    return next((result, words) for kind, result, words in FAILURES if isinstance(error, kind))
