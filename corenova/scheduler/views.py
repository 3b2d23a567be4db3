"""What plug-ins see of the scheduler's hosts: one host as a row, or a few of them as columns. Read-only, live.

A row view has the attributes of HostState (objects/host_state.py) and reads them from the columns when asked, so ten
thousand of them cost next to nothing until somebody looks.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from corenova.objects.host_state import Aggregate, Inventory, Service
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU

if TYPE_CHECKING:
    from corenova.scheduler.hosts import HostTable

NOTHING = Inventory(total=0)


def _of_usage(read: Callable[["HostTable", int], object], doc: str) -> property:
    """An attribute that claims change; see HostTable.usage_read."""

    def get(view: "HostView") -> object:
        table = view._table
        table.usage_read = True
        return read(table, view._row)

    return property(get, doc=doc)


def _cell(cells: str, doc: str) -> property:
    """The same, of one number: the short way for what weighers read at every decision."""
    read = attrgetter(cells)

    def get(view: "HostView") -> object:
        table = view._table
        table.usage_read = True
        return read(table)[view._row]

    return property(get, doc=doc)


def _of_facts(read: Callable[["HostTable", int], object], doc: str) -> property:
    return property(lambda view: read(view._table, view._row), doc=doc)


def _inventory(name: str, field: str) -> Callable[["HostTable", int], object]:
    return lambda table, row: getattr(table.shape(row).get(name, NOTHING), field)


class HostView:
    """One host, with the attributes of HostState."""

    __slots__ = ("_row", "_table")

    def __init__(self, table: "HostTable", row: int):
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_row", row)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a host is read-only: {name} cannot be set")

    def __repr__(self) -> str:
        return f"HostView({self.host})"

    host = _of_facts(lambda t, i: t.names[i], "Name of the host.")
    nodename = _of_facts(lambda t, i: t.names[i], "Name of its node.")
    uuid = _of_facts(lambda t, i: t.uuids[i], "UUID of its node.")
    address = _of_facts(lambda t, i: t.addresses[i], "Where its compute listens.")
    host_ip = _of_facts(lambda t, i: t.host_ips[i], "IP address.")
    availability_zone = _of_facts(lambda t, i: t.zone(i), "Zone.")
    aggregates = _of_facts(lambda t, i: t.aggregates(i), "Aggregates that it is in.")
    hypervisor_type = _of_facts(lambda t, i: t.hypervisor_type(i), "Hypervisor.")
    hypervisor_version = _of_facts(lambda t, i: int(t.hypervisor_version[i]), "Its version as a number.")
    supported_instances = _of_facts(lambda t, i: t.facts(i).supported_instances, "(arch, type, mode) triples.")
    cpu_info = _of_facts(lambda t, i: t.facts(i).cpu_info, "What is known of the CPU.")
    traits = _of_facts(lambda t, i: frozenset(t.facts(i).traits), "Traits.")
    failed_builds = _of_facts(lambda t, i: int(t.failed_builds[i]), "Builds that failed in a row.")
    service = _of_facts(
        lambda t, i: Service(
            disabled=bool(t.disabled[i]), disabled_reason=t.disabled_reasons[i], is_up=bool(t.is_up[i])
        ),
        "State of the compute service.",
    )
    total_usable_ram_mb = _of_facts(_inventory(MEMORY_MB, "total"), "RAM, in MiB.")
    total_usable_disk_gb = _of_facts(_inventory(DISK_GB, "total"), "Disk, in GiB.")
    vcpus_total = _of_facts(_inventory(VCPU, "total"), "CPUs, without the ratio.")
    cpu_allocation_ratio = _of_facts(_inventory(VCPU, "allocation_ratio"), "vCPUs per CPU.")
    ram_allocation_ratio = _of_facts(_inventory(MEMORY_MB, "allocation_ratio"), "MiB per MiB of RAM.")
    disk_allocation_ratio = _of_facts(_inventory(DISK_GB, "allocation_ratio"), "GiB per GiB of disk.")

    free_ram_mb = _cell("ram_cells", "RAM that may be claimed, in MiB.")
    free_disk_mb = _cell("disk_cells", "Disk that may be claimed, in MiB.")
    vcpus_free = _cell("vcpus_cells", "total * ratio - used, without the reserve.")
    vcpus_used = _of_usage(
        lambda t, i: t.shape(i).get(VCPU, NOTHING).capacity - t.cells[VCPU][i], "vCPUs that are claimed."
    )
    num_instances = _cell("instances_cells", "Instances with a claim.")
    num_io_ops = _cell("io_ops_cells", "Builds under way.")
    free_pci_devices = _of_facts(lambda t, i: int(t.free_pci_devices[i]), "PCI devices that nobody has.")
    topology = _of_usage(lambda t, i: t.topologies[i], "NUMA cells and PCI devices, with what is used of them.")
    inventories = _of_usage(lambda t, i: t.inventories(i), "Every resource class, custom ones included.")


class Subset:
    """Some rows of a table as columns: what a vector form is asked about when only these have changed."""

    def __init__(self, table: "HostTable", rows: np.ndarray):
        self._table = table
        self._rows = rows

    @classmethod
    def of(cls, hosts: "HostTable | Subset", rows: np.ndarray) -> "Subset":
        """Return some of these hosts, by their positions."""
        table, among = origin(hosts)
        return cls(table, rows if among is None else among[rows])

    def __len__(self) -> int:
        return len(self._rows)

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in _COLUMNS:
            raise AttributeError(name)
        return getattr(self._table, name)[self._rows]

    @property
    def names(self) -> list[str]:
        """Names of the hosts."""
        return [self._table.names[row] for row in self._rows]

    @property
    def states(self) -> list[HostView]:
        """Row views of the hosts."""
        return [self._table.states[row] for row in self._rows.tolist()]

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """Return the positions of those of the hosts ``names`` that are among these."""
        return np.flatnonzero(np.isin(self._rows, self._table.rows(names)))

    def free(self, resource_class: str) -> np.ndarray:
        """As HostTable.free."""
        return self._table.free(resource_class)[self._rows]

    def capacity(self, resource_class: str) -> np.ndarray:
        """As HostTable.capacity."""
        return self._table.capacity(resource_class)[self._rows]

    def limits(self, resource_class: str) -> tuple[np.ndarray, ...]:
        """As HostTable.limits."""
        return tuple(column[self._rows] for column in self._table.limits(resource_class))

    def has_trait(self, trait: str) -> np.ndarray:
        """As HostTable.has_trait."""
        return self._table.has_trait(trait)[self._rows]

    def zone_is(self, zone: str) -> np.ndarray:
        """As HostTable.zone_is."""
        return self._table.zone_is(zone)[self._rows]

    def by_aggregates(self, judge: Callable[[tuple[Aggregate, ...]], bool | int | float]) -> np.ndarray:
        """As HostTable.by_aggregates."""
        return self._table.by_aggregates(judge)[self._rows]

    def any_aggregate(self, judge: Callable[[Aggregate], bool]) -> bool:
        """As HostTable.any_aggregate: of the whole fleet."""
        return self._table.any_aggregate(judge)


def origin(seen: "HostTable | Subset | HostView") -> tuple["HostTable", np.ndarray | None]:
    """Return the table that is behind what a plug-in sees, and the rows of the hosts; None: all."""
    if isinstance(seen, HostView):
        return seen._table, np.array([seen._row])
    return (seen._table, seen._rows) if isinstance(seen, Subset) else (seen, None)


_COLUMNS = frozenset(
    {
        "is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops",
        "failed_builds", "hypervisor_version", "free_pci_devices",
    }
)  # fmt: skip
