"""What a driver may answer: pure checks, each raises Lie with what is wrong. See corenova/contracts/driver.py."""

import math
from types import MappingProxyType

import msgspec

from corenova.contracts.driver_abilities import ConsoleAddress, Diagnostics
from corenova.guards.calls import Check, Lie, brief, need, returns
from corenova.objects import placement
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState

_LONGEST_HOST = 255
_LONGEST_UUID = 64


def check_hosts(answer: object, arguments: tuple) -> None:
    """The hosts are a list of names, each once."""
    need(isinstance(answer, (list, tuple)), f"hosts are no list but {brief(answer)}")
    for name in answer:
        fine = isinstance(name, str) and 0 < len(name) <= _LONGEST_HOST and name.isprintable()
        need(fine, f"the name of a host is {brief(name)}")
    need(answer, "there is no host")
    need(len(set(answer)) == len(answer), f"hosts are named twice: {brief(answer)}")


def check_report(answer: object, arguments: tuple) -> None:
    """A report is about the host that was asked for, of the right types all through, and its sizes can be."""
    need(type(answer) is HostReport, f"it returned {brief(answer)}, and no HostReport")
    need(answer.host == arguments[0], f"it is about host {brief(answer.host)}")
    _check_types(answer, HostReport)
    for name, inventory in answer.inventories.items():
        need(placement.is_resource_class(name), f"{brief(name)} is no resource class")
        fault = _amount_fault(inventory)
        need(not fault, f"{name}: {fault}")
    for trait in answer.traits:
        need(placement.is_trait(trait), f"{brief(trait)} is no trait")
    need(answer.hypervisor_version >= 0, f"hypervisor_version is {answer.hypervisor_version}")
    _check_topology(answer)


def check_guests(answer: object, *, owner: str) -> None:
    """Guests are a list, ours, each once."""
    need(isinstance(answer, (list, tuple)), f"guests are no list but {brief(answer)}")
    seen: set[str] = set()
    for guest in answer:
        if type(guest) is not Guest:
            raise Lie(f"among the guests is {brief(guest)}")
        if not (isinstance(guest.uuid, str) and 0 < len(guest.uuid) <= _LONGEST_UUID and guest.uuid.isprintable()):
            raise Lie(f"the uuid of a guest is {brief(guest.uuid)}")
        if guest.owner != owner:
            raise Lie(f"guest {guest.uuid} does not carry our deployment id")
        if guest.uuid in seen:
            raise Lie(f"guest {guest.uuid} is named twice")
        check_power_state(guest.power_state, ())
        seen.add(guest.uuid)
    _check_types(answer, list[Guest])


def check_power_state(answer: object, arguments: tuple) -> None:
    """A power state is one of the numbers of PowerState."""
    if not isinstance(answer, int) or isinstance(answer, bool) or answer not in PowerState.NAMES:
        raise Lie(f"a power state is {brief(answer)}")


def _check_screenshot(answer: object, arguments: tuple) -> None:
    fine = isinstance(answer, tuple) and [type(part) for part in answer] == [str, bytes]
    need(fine, f"a screenshot is {brief(answer)}, and no (media type, bytes)")


CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {
        "hosts": check_hosts,
        "inventory": check_report,
        "get_power_state": check_power_state,
        "get_console_output": returns(bytes),
        "get_console": returns(ConsoleAddress),
        "screenshot": _check_screenshot,
        "get_diagnostics": returns(Diagnostics),
    }
)
"""By verb; what other verbs return is nobody's business."""


def _check_types(answer: object, kind: type) -> None:
    """Send it and read it again: a struct that is made by hand may have anything in its fields."""
    try:
        msgspec.json.decode(msgspec.json.encode(answer), type=kind)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Lie(str(error)) from None


def _amount_fault(inventory: Inventory) -> str:
    if not math.isfinite(inventory.allocation_ratio):
        return f"allocation_ratio is {inventory.allocation_ratio}."
    if inventory.total == 0 == inventory.reserved:
        return ""  # a host that has none of it says so
    return placement.fault(inventory)


def _check_topology(report: HostReport) -> None:
    cells = report.topology.cells if report.topology is not None else ()
    need(len({cell.id for cell in cells}) == len(cells), "two NUMA cells have the same id")
    for cell in cells:
        sizes = (cell.memory_mb, *cell.pages.keys(), *cell.pages.values())
        need(min(sizes) >= 0, f"NUMA cell {cell.id} has a negative size")
        need(cell.small_mb >= 0, f"NUMA cell {cell.id} has more MiB in huge pages than it has")
    cpus = [cpu for cell in cells for core in (*cell.shared, *cell.dedicated) for cpu in core]
    need(len(set(cpus)) == len(cpus), "a CPU is in two cores")
