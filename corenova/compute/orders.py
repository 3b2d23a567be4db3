"""Carrying out one order: what its step asks of the driver, and the report on how that ended.

Orders may come again after a crash, so all of it may be done twice. Which order runs when, and alone with its guest, is
for whoever calls (manager.py).
"""

import contextlib
import logging
from collections.abc import Callable

from corenova.account import words
from corenova.compute import actions, build
from corenova.compute.hops import CREATE, DELETE, WorkLostError, hop
from corenova.compute.reports import Reports
from corenova.guards.driver import DriverGuard
from corenova.hooks import Hooks
from corenova.objects.states import STOPPED, PowerState, Step
from corenova.objects.work import Result, WorkOrder, storable

LOG = logging.getLogger(__name__)


class Orders:
    """Carries orders out.

    :param hooks: told of what the driver is asked to build and to remove.
    :param reports: where the report on each order goes.
    :param believes: tells whether an order is still ours.
    :param shutdown_s: how long a guest may take to shut down by itself.
    """

    def __init__(
        self,
        driver: DriverGuard,
        hooks: Hooks,
        reports: Reports,
        *,
        believes: Callable[[WorkOrder], bool],
        shutdown_s: float,
    ):
        self._driver, self._hooks, self._reports = driver, hooks, reports
        self._believes, self._shutdown_s = believes, shutdown_s
        self._steps = {Step.BUILD: self._build, Step.REBUILD: self._rebuild, Step.DELETE: self._delete}

    def carry_out(self, order: WorkOrder) -> None:
        """Do what the order says and report its end; raises what the driver raises, unreported."""
        self._steps.get(order.step, self._act)(order)

    def failed(self, order: WorkOrder, error: Exception) -> None:
        """Report an order that could not be carried out."""
        what = words(error)
        LOG.warning("%s of %s failed: %s", order.step, order.instance.uuid, what)
        result, public = Result.FAILED, actions.FAILED.get(order.step, "It could not be done.")
        if order.step == Step.BUILD:
            result, public = build.failure(error)
        self._reports.put(order, result, reason=storable(what), public_reason=public)

    def _build(self, order: WorkOrder) -> None:
        instance = order.instance
        with contextlib.suppress(WorkLostError), hop(self._hooks, CREATE, order):
            power_state = build.build_and_run(
                self._driver,
                instance.host,
                instance,
                confirm=lambda: self._believes(order),
                tell=lambda task_state: self._reports.put(order, Result.PROGRESS, task_state=task_state),
            )
            if power_state is None:
                raise WorkLostError("it was given to somebody else meanwhile")
        if power_state is not None:
            self._reports.put(order, Result.DONE, power_state=power_state)

    def _rebuild(self, order: WorkOrder) -> None:
        """The guest goes and a new one comes; of a stopped instance it is stopped again."""
        instance = order.instance
        self._driver.destroy(instance.host, instance.uuid)
        power_state = build.build_and_run(
            self._driver, instance.host, instance, confirm=lambda: self._believes(order), tell=lambda _: None
        )
        if power_state is None:
            return
        if instance.vm_state == STOPPED:
            self._driver.power_off(instance.host, instance.uuid, timeout_s=self._shutdown_s)
        self._done(order)

    def _act(self, order: WorkOrder) -> None:
        actions.act(self._driver, order, shutdown_s=self._shutdown_s)
        self._done(order)

    def _delete(self, order: WorkOrder) -> None:
        with hop(self._hooks, DELETE, order):
            self._driver.destroy(order.instance.host, order.instance.uuid)
        self._reports.put(order, Result.DONE, power_state=PowerState.NOSTATE)

    def _done(self, order: WorkOrder) -> None:
        state = self._driver.get_power_state(order.instance.host, order.instance.uuid)
        self._reports.put(order, Result.DONE, power_state=state)
