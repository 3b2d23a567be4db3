"""The last stage: Placement's part. The only built-in one whose word a claim can change."""

from collections.abc import Callable, Mapping

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.askers import Columns
from corenova.scheduler.hosts import NOTHING, HostTable


def room_for(hosts: Columns, resources: Mapping[str, int]) -> np.ndarray:
    """Return where these amounts can be claimed."""
    fits = np.ones(len(hosts), dtype=bool)
    for name, amount in resources.items():
        low, high, step = hosts.limits(name)
        fits &= hosts.free(name) >= amount
        fits &= (low <= amount) & (high >= amount) & (amount % step == 0)
    return fits


class Capacity:
    """The host can give what is asked, as Placement counts: total, reserved, ratio, min and max unit, step size."""

    name = "Capacity"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where every resource class fits."""
        return room_for(hosts, spec.resources())

    def of_row(self, hosts: HostTable, spec: RequestSpec) -> Callable[[int], bool]:
        """The same for one host at a time."""
        wanted = spec.resources()
        asked = [(hosts.cells.get(name), amount) for name, amount in wanted.items()]

        def passes(row: int) -> bool:
            hosts.usage_read = True
            for cells, amount in asked:
                if cells is None or cells[row] < amount:
                    return False
            shape = hosts.shape(row)
            for name, amount in wanted.items():
                held = shape.get(name, NOTHING)
                if not held.min_unit <= amount <= held.max_unit or (held.step_size != 1 and amount % held.step_size):
                    return False
            return True

        return passes

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name what is short, with both numbers."""
        short = []
        for name, amount in spec.resources().items():
            held = host.inventories.get(name)
            if held is None:
                short.append(f"it has no {name}")
            elif held.capacity - held.used < amount:
                short.append(f"{held.capacity - held.used} {name} free, {amount} asked")
            elif not held.min_unit <= amount <= held.max_unit:
                short.append(f"{amount} {name} asked, {held.min_unit} to {held.max_unit} allowed at a time")
            elif amount % held.step_size:
                short.append(f"{amount} {name} asked, given in steps of {held.step_size}")
        return "; ".join(short) or "it fits now"
