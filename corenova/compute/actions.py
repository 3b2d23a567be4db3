"""What the driver does for each step of a row, but for builds (build.py): one line of a table a step.

All of it may run again after a crash; the driver's verbs are idempotent.
"""

from collections.abc import Callable

from corenova.contracts.driver import Driver
from corenova.exceptions import DriverError, NotImplementedByDriver
from corenova.objects.network import Nic
from corenova.objects.states import ACTIONS, Step
from corenova.objects.work import WorkOrder


def need(driver: Driver, ability: str) -> None:
    """Raise NotImplementedByDriver unless the driver declares this ability."""
    if not getattr(driver.abilities, ability):
        words = ability.removeprefix("supports_").replace("_", " ")
        raise NotImplementedByDriver(f"The hypervisor of this server's host has no {words}.")


def act(driver: Driver, order: WorkOrder, *, shutdown_s: float) -> None:
    """Do what the order says.

    :param shutdown_s: how long a guest may take to shut down by itself.
    :raises NotImplementedByDriver: the driver does not offer it.
    """
    ability = ACTIONS[order.step].ability
    if ability:
        need(driver, ability)
    _DO[order.step](driver, order, shutdown_s)


def _snapshot(driver: Driver, order: WorkOrder, _: float) -> None:
    if order.is_uploaded:
        return
    if order.upload is None:
        raise DriverError("The image that the snapshot was to fill is gone.")
    driver.snapshot(order.instance.host, order.instance, order.upload)


def _attach(driver: Driver, order: WorkOrder, _: float) -> None:
    nic = _nic(order)
    if nic is None:
        raise DriverError("The port that was to be attached is gone.")
    driver.attach_interface(order.instance.host, order.instance, nic)


def _detach(driver: Driver, order: WorkOrder, _: float) -> None:
    nic = _nic(order)
    if nic is not None:
        driver.detach_interface(order.instance.host, order.instance, nic)


def _nic(order: WorkOrder) -> Nic | None:
    return next((nic for nic in order.instance.nics if nic.port_id == order.port_id), None)


_DO: dict[str, Callable[[Driver, WorkOrder, float], None]] = {
    Step.START: lambda driver, o, _: driver.power_on(o.instance.host, o.instance),
    Step.STOP: lambda driver, o, shutdown_s: driver.power_off(o.instance.host, o.instance.uuid, timeout_s=shutdown_s),
    Step.REBOOT_SOFT: lambda driver, o, _: driver.reboot(o.instance.host, o.instance, hard=False),
    Step.REBOOT_HARD: lambda driver, o, _: driver.reboot(o.instance.host, o.instance, hard=True),
    Step.PAUSE: lambda driver, o, _: driver.pause(o.instance.host, o.instance.uuid),
    Step.UNPAUSE: lambda driver, o, _: driver.unpause(o.instance.host, o.instance.uuid),
    Step.SUSPEND: lambda driver, o, _: driver.suspend(o.instance.host, o.instance.uuid),
    Step.RESUME: lambda driver, o, _: driver.resume(o.instance.host, o.instance),
    Step.RESCUE: lambda driver, o, _: driver.rescue(o.instance.host, o.instance),
    Step.UNRESCUE: lambda driver, o, _: driver.unrescue(o.instance.host, o.instance),
    Step.SNAPSHOT: _snapshot,
    Step.ATTACH_INTERFACE: _attach,
    Step.DETACH_INTERFACE: _detach,
}

FAILED = {
    Step.START: "The server could not be started.",
    Step.STOP: "The server could not be stopped.",
    Step.REBOOT_SOFT: "The server could not be rebooted.",
    Step.REBOOT_HARD: "The server could not be rebooted.",
    Step.PAUSE: "The server could not be paused.",
    Step.UNPAUSE: "The server could not be unpaused.",
    Step.SUSPEND: "The server could not be suspended.",
    Step.RESUME: "The server could not be resumed.",
    Step.RESCUE: "The server could not be put into rescue mode.",
    Step.UNRESCUE: "The server could not be taken out of rescue mode.",
    Step.REBUILD: "The server could not be rebuilt.",
    Step.SNAPSHOT: "The image of the server could not be made.",
    Step.ATTACH_INTERFACE: "The interface could not be attached.",
    Step.DETACH_INTERFACE: "The interface could not be detached.",
    Step.DELETE: "The server could not be destroyed yet; it is tried again.",
}
"""What the user of a server is told when a step has failed."""
