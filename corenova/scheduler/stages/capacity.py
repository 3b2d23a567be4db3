"""The last stage: Placement's part. The only built-in one whose word a claim can change."""

from collections.abc import Callable, Mapping

import numpy as np

from corenova.objects.host_state import HostState, Inventory
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.hosts import NOTHING, HostTable
from corenova.scheduler.plugin_guard import Columns


def room_for(hosts: Columns, resources: Mapping[str, int]) -> np.ndarray:
    """Return where these amounts can be claimed."""
    fits = np.ones(len(hosts), dtype=bool)
    for name, amount in resources.items():
        low, high, step = hosts.limits(name)
        fits &= hosts.free(name) >= amount
        fits &= (low <= amount) & (high >= amount) & (amount % step == 0)
    return fits


def _gives(shape: Mapping[str, Inventory], resources: Mapping[str, int]) -> bool:
    """Tell whether hosts of this shape give these amounts at a time."""
    held = [(shape.get(name, NOTHING), amount) for name, amount in resources.items()]
    return all(one.min_unit <= amount <= one.max_unit and amount % one.step_size == 0 for one, amount in held)


class Capacity:
    """The host can give what is asked, as Placement counts: total, reserved, ratio, min and max unit, step size."""

    name = "Capacity"
    RUN_ON_REBUILD = False  # what a rebuild needs it has claimed

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True where every resource class fits."""
        return room_for(hosts, spec.resources())

    def of_row(self, hosts: HostTable, spec: RequestSpec) -> Callable[[int], bool]:
        """The same for one host at a time."""
        wanted = spec.resources()
        if not wanted.keys() <= hosts.cells.keys():
            return lambda row: False
        asked = [(hosts.cells[name], amount) for name, amount in wanted.items()]
        kinds, may = hosts.shape_kinds, {}  # hosts of one shape have the same units

        def passes(row: int) -> bool:
            hosts.usage_read = True
            for cells, amount in asked:
                if cells[row] < amount:
                    return False
            kind = kinds[row]
            if kind not in may:
                may[kind] = _gives(hosts.shape(row), wanted)
            return may[kind]

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
