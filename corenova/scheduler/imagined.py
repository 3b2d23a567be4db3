"""Hosts that are not, as columns for the same plug-ins: those that are there, back in service, and new, empty ones.

They answer whether it would help to wait for a host, or to add one, without a second set of rules.
"""

from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from corenova.objects.host_state import Inventory, Service
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU
from corenova.objects.topology import UNUSED, HostTopology
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.views import NOTHING, HostView, Subset

_NO_NAME = ""


class InServiceView(HostView):
    """One host as if its service were up and enabled."""

    __slots__ = ()
    service = property(lambda view: Service(), doc="State of the compute service.")


class InService(Subset):
    """Some hosts as if their services were up and enabled."""

    _view: type[HostView] = InServiceView

    @property
    def is_up(self) -> np.ndarray:
        """Every service is up."""
        return np.ones(len(self), dtype=bool)

    @property
    def disabled(self) -> np.ndarray:
        """None is disabled."""
        return np.zeros(len(self), dtype=bool)

    @property
    def states(self) -> list[HostView]:
        """Row views of the hosts."""
        return [self._view(self._table, row) for row in self._rows.tolist()]


def _of_size(read: Callable[[dict[str, Inventory]], object], doc: str) -> property:
    return property(lambda view: read(view._table.shape(view._row)), doc=doc)


def _capacity(name: str, unit: int = 1) -> Callable[[dict[str, Inventory]], int]:
    return lambda shape: shape.get(name, NOTHING).capacity * unit


def _all_vcpus(shape: dict[str, Inventory]) -> float:
    held = shape.get(VCPU, NOTHING)
    return held.total * held.allocation_ratio


def _unused(topology: HostTopology | None) -> HostTopology | None:
    return topology and msgspec.structs.replace(topology, used=UNUSED)


class EmptyView(InServiceView):
    """A new host of the size, the facts and the aggregates of one that is there; nothing is on it."""

    __slots__ = ()
    host = nodename = uuid = property(lambda view: _NO_NAME, doc="It has none yet.")
    free_ram_mb = _of_size(_capacity(MEMORY_MB), "All RAM, in MiB.")
    free_disk_mb = _of_size(_capacity(DISK_GB, 1024), "All disk, in MiB.")
    vcpus_free = _of_size(_all_vcpus, "total * ratio.")
    inventories = _of_size(lambda shape: shape, "Every resource class, nothing used.")
    topology = property(lambda view: _unused(view._table.topologies[view._row]), doc="Cells and devices, nothing used.")
    free_pci_devices = property(lambda view: view.topology.free_devices if view.topology else 0, doc="All of them.")
    vcpus_used = num_instances = num_io_ops = failed_builds = property(lambda view: 0, doc="Nothing.")


def _zeros(doc: str) -> property:
    return property(lambda hosts: np.zeros(len(hosts), dtype=np.int64), doc=doc)


class Empty(InService):
    """New hosts like these."""

    _view = EmptyView
    num_instances = _zeros("None.")
    num_io_ops = _zeros("None.")
    failed_builds = _zeros("None.")

    @property
    def free_pci_devices(self) -> np.ndarray:
        """All of them."""
        return np.array([view.free_pci_devices for view in self.states], dtype=np.int64)

    @property
    def names(self) -> list[str]:
        """They have none yet."""
        return [_NO_NAME] * len(self)

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """Return no position: nobody can have named them."""
        return np.array([], dtype=np.intp)

    def free(self, resource_class: str) -> np.ndarray:
        """All of it."""
        return self.capacity(resource_class)

    @property
    def free_ram_mb(self) -> np.ndarray:
        """All RAM, in MiB."""
        return self.capacity(MEMORY_MB)

    @property
    def free_disk_mb(self) -> np.ndarray:
        """All disk, in MiB."""
        return self.capacity(DISK_GB) * 1024

    @property
    def vcpus_free(self) -> np.ndarray:
        """total * ratio."""
        shapes = (self._table.shape(row) for row in self._rows.tolist())
        return np.array([_all_vcpus(shape) for shape in shapes], dtype=np.float64)


def every(kind: type[InService], hosts: HostTable) -> InService:
    """Return all hosts of a table so."""
    return kind(hosts, np.arange(len(hosts)))
