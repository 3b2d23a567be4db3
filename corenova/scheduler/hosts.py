"""The scheduler's picture of the hosts: one numpy column a fact, and a journal of the rows that have changed.

Values in, values out: refresh.py brings it up to date from the database, the pipeline decides on it and enters its
choices at once. Whoever keeps something that was computed from the picture catches up with the journal instead of
computing it anew. The picture may be stale, never trusted: every claim is checked by the database.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from corenova.objects.host_row import Facts, HostRow
from corenova.objects.host_state import Aggregate, Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU
from corenova.objects.topology import HostTopology, TopologyClaim, with_claim
from corenova.scheduler.columns import Kinds, column_of, put
from corenova.scheduler.views import HostView

NOTHING = Inventory(total=0)
_CELLS = {
    "free_ram_mb": "ram_cells",
    "free_disk_mb": "disk_cells",
    "vcpus_free": "vcpus_cells",
    "num_instances": "instances_cells",
    "num_io_ops": "io_ops_cells",
    "free_pci_devices": "pci_cells",
}
_LIMITS = ("min_unit", "max_unit", "step_size")
_MOST_CHANGES = 4
"""How long the journal may grow, in changes a host: whoever is further behind starts anew, which is cheaper then."""
_encode_metadata = msgspec.json.Encoder().encode
_decode_metadata = msgspec.json.Decoder(dict[str, str]).decode


class HostTable:
    """All hosts as columns; implements the HostColumns of contracts/filter.py. Not thread-safe: its owner locks.

    Columns that claims change are properties: reading one sets ``usage_read``, by which the pipeline tells answers that
    a claim may change from those that it cannot.

    :param default_zone: the zone of hosts that no aggregate puts in one.
    :ivar revision: counts the changes of single hosts.
    :ivar epoch: grows when nothing that was computed before is worth keeping (hosts come or go, aggregates change).
    :ivar has_devices: some host has a topology, and so perhaps PCI devices.
    :ivar log: when it is a list, every change is appended to it, as the name of the method and what it was given; from
        these and a copy (records.py) the table can be rebuilt as it was at any revision. None: nobody wants it.
    """

    def __init__(self, *, default_zone: str):
        self.default_zone = default_zone
        self.revision = 0
        self.epoch = 0
        self.usage_read = False
        self.log: list[tuple] | None = None
        self.load([])

    @classmethod
    def of(cls, rows: Sequence[HostRow], *, default_zone: str = "nova", revision: int = 0) -> "HostTable":
        """Return a table of these hosts."""
        table = cls(default_zone=default_zone)
        table.load(rows)
        table.revision = table._base = revision
        return table

    def __len__(self) -> int:
        return len(self.names)

    def load(self, rows: Sequence[HostRow]) -> None:
        """Take these hosts instead of those that were here."""
        self._tell("load", rows)
        self.revision += 1
        self.epoch += 1
        count = len(rows)
        self._forget_changes(count)
        self.names = tuple(row.host for row in rows)
        self.index = {name: i for i, name in enumerate(self.names)}
        self.uuids = [row.uuid for row in rows]
        self.addresses = [row.address for row in rows]
        self.host_ips = [row.host_ip for row in rows]
        self.disabled_reasons = [row.disabled_reason for row in rows]
        self.topologies: list[HostTopology | None] = [None] * count
        self.has_devices = False
        self._sets: Kinds[tuple[Aggregate, ...]] = Kinds(count)
        self._facts: Kinds[tuple[str, Facts]] = Kinds(count)
        self._shapes: Kinds[dict[str, Inventory]] = Kinds(count)
        self.is_up, self._up_cells = column_of(count, bool)
        self.disabled, self._disabled_cells = column_of(count, bool)
        self.failed_builds, self._failed_cells = column_of(count)
        self.hypervisor_version, self._version_cells = column_of(count)
        self._num_instances, self.instances_cells = column_of(count)
        self._num_io_ops, self.io_ops_cells = column_of(count)
        self._free_pci_devices, self.pci_cells = column_of(count)
        self._vcpus_free, self.vcpus_cells = column_of(count, np.float64)
        self._free_disk_mb, self.disk_cells = column_of(count)
        self._free: dict[str, np.ndarray] = {}
        self.cells: dict[str, memoryview] = {}
        for name in (VCPU, MEMORY_MB, DISK_GB):
            self._add_class(name)
        self.ram_cells = self.cells[MEMORY_MB]
        self.states = tuple(HostView(self, index) for index in range(count))
        for index, row in enumerate(rows):
            self._set(index, row)
        self._forget_kept()

    def _add_class(self, name: str) -> None:
        self._free[name], self.cells[name] = column_of(len(self.names))

    def _forget_changes(self, count: int) -> None:
        self._journal: list[int] = []
        self._base = self.revision
        self._longest = _MOST_CHANGES * count + 1000
        self._most = count // 2 + 64
        self._last: tuple[int, int, dict[int, bool]] = (-1, -1, {})

    def _forget_kept(self) -> None:
        self._limits: dict[str, tuple[np.ndarray, ...]] = {}
        self._masks: dict[tuple[str, str], np.ndarray] = {}
        self._places: list[tuple[str, str]] | None = None
        self._overrides: dict[tuple[str, float], np.ndarray | float] = {}

    # What changes.

    def apply(self, rows: Iterable[HostRow]) -> None:
        """Take what was read of hosts that are here; what differs enters the journal."""
        for row in rows:
            index = self.index[row.host]
            epoch = self.epoch
            usage, facts = self._set(index, row)
            if usage or facts:
                self._note(index, facts=facts)
                self._tell("apply", row)
            if facts or epoch != self.epoch:
                self._forget_kept()

    def _set(self, index: int, row: HostRow) -> tuple[bool, bool]:
        """Write a row; return whether what claims change has changed, and whether facts have."""
        facts = self._facts.set(index, (row.hypervisor_type, row.facts))
        aggregates = tuple(Aggregate(name=name, metadata=_decode_metadata(text)) for name, text in row.aggregates)
        if self._sets.set(index, aggregates):
            self.epoch += 1
            facts = True
        bare = {name: msgspec.structs.replace(held, used=0) for name, held in row.inventories.items()}
        facts |= self._shapes.set(index, bare)
        facts |= self.set_service(index, is_up=row.is_up, disabled=row.disabled, reason=row.disabled_reason, note=False)
        facts |= put(self._failed_cells, index, row.failed_builds)
        facts |= put(self._version_cells, index, row.hypervisor_version)
        self.addresses[index], self.host_ips[index] = row.address, row.host_ip
        usage = put(self.instances_cells, index, row.num_instances) | put(self.io_ops_cells, index, row.num_io_ops)
        for name in row.inventories.keys() - self._free.keys():
            self._add_class(name)
            self.epoch += 1  # what was worked out of requests for it knew no column
        for name, cells in self.cells.items():
            held = row.inventories.get(name, NOTHING)
            usage |= put(cells, index, held.capacity - held.used)
        cpus = row.inventories.get(VCPU, NOTHING)
        usage |= put(self.vcpus_cells, index, cpus.total * cpus.allocation_ratio - cpus.used)
        self.disk_cells[index] = self.cells[DISK_GB][index] * 1024
        return usage | self._set_topology(index, row.topology), facts

    def _set_topology(self, index: int, topology: HostTopology | None) -> bool:
        """Write what a host has of cells and devices; return whether it has changed."""
        before, self.topologies[index] = self.topologies[index], topology
        if topology == before:
            return False
        self.pci_cells[index] = topology.free_devices if topology is not None else 0
        if topology is not None and not self.has_devices:
            self.has_devices = True
            self.epoch += 1
        return True

    def set_service(
        self, index: int, *, is_up: bool, disabled: bool, reason: str | None = None, note: bool = True
    ) -> bool:
        """Write the state of a host's service; return whether it has changed."""
        changed = put(self._up_cells, index, is_up) | put(self._disabled_cells, index, disabled)
        self.disabled_reasons[index] = reason
        if changed and note:
            self._note(index, facts=True)
            self._tell("set_service", index, is_up, disabled, reason)
        return changed

    def set_io_ops(self, index: int, number: int) -> None:
        """Write how many builds are under way on a host."""
        if put(self.io_ops_cells, index, number):
            self._note(index)
            self._tell("set_io_ops", index, number)

    def consume(self, index: int, resources: Mapping[str, int]) -> None:
        """Enter a claim that is about to be made on a host, so that the next decision sees it."""
        self.take(index, self.claim_of(resources))

    def release(self, index: int, resources: Mapping[str, int]) -> None:
        """Enter that a claim was given back; its build is long over."""
        for cells, amount in self.claim_of(resources).amounts[1:]:
            cells[index] += amount
        self._note(index)
        self._tell("release", index, resources)

    def claim_of(self, resources: Mapping[str, int]) -> "Claim":
        """Return a claim of these resources in the form that :meth:`take` wants; worked out once for many hosts."""
        amounts = [(self.io_ops_cells, -1), (self.instances_cells, -1)]
        amounts += [(self.cells[name], amount) for name, amount in resources.items()]
        amounts.append((self.vcpus_cells, resources.get(VCPU, 0)))
        amounts.append((self.disk_cells, resources.get(DISK_GB, 0) * 1024))
        return Claim(resources, amounts)

    def take(self, index: int, claim: "Claim") -> None:
        """Enter a claim on a host."""
        for cells, amount in claim.amounts:
            cells[index] -= amount
        self._note(index)
        if self.log is not None:
            self.log.append(("consume", index, claim.resources))

    def take_topology(self, index: int, claim: TopologyClaim) -> None:
        """Enter what an instance gets of a host's topology; its resources are :meth:`take`'s."""
        topology = self.topologies[index]
        used = with_claim(topology.used, claim)
        self._set_topology(index, msgspec.structs.replace(topology, used=used))
        self._note(index)
        self._tell("take_topology", index, claim)

    def _tell(self, *change: object) -> None:
        if self.log is not None:
            self.log.append(change)

    def _note(self, index: int, *, facts: bool = False) -> None:
        self.revision += 1
        self._journal.append(index << 1 | facts)
        if len(self._journal) > self._longest:
            half = len(self._journal) // 2
            del self._journal[:half]
            self._base += half

    def changes_since(self, revision: int) -> Mapping[int, bool] | None:
        """Return the rows that have changed after ``revision``, each with whether its facts have; None: too many.

        A row without a change of facts differs in what claims change, and in nothing else.
        """
        if self._last[0] == revision and self._last[1] == self.revision:
            return self._last[2]
        entries = self._journal[revision - self._base :] if revision >= self._base else None
        if entries is None or len(entries) > self._most:
            return None
        changed: dict[int, bool] = {}
        for entry in entries:
            row = entry >> 1
            changed[row] = entry & 1 == 1 or changed.get(row, False)
        self._last = (revision, self.revision, changed)
        return changed

    # What claims change.

    @property
    def free_ram_mb(self) -> np.ndarray:
        """RAM that may be claimed, in MiB."""
        return self.free(MEMORY_MB)

    @property
    def free_disk_mb(self) -> np.ndarray:
        """Disk that may be claimed, in MiB."""
        self.usage_read = True
        return self._free_disk_mb

    @property
    def vcpus_free(self) -> np.ndarray:
        """total * ratio - used, without the reserve."""
        self.usage_read = True
        return self._vcpus_free

    @property
    def num_instances(self) -> np.ndarray:
        """Instances with a claim."""
        self.usage_read = True
        return self._num_instances

    @property
    def num_io_ops(self) -> np.ndarray:
        """Builds under way."""
        self.usage_read = True
        return self._num_io_ops

    @property
    def free_pci_devices(self) -> np.ndarray:
        """PCI devices that no instance has. Where no host has any, no claim changes them."""
        self.usage_read |= self.has_devices
        return self._free_pci_devices

    def free(self, resource_class: str) -> np.ndarray:
        """Return what is left of a resource class; zeros when no host has it."""
        self.usage_read = True
        column = self._free.get(resource_class)
        return np.zeros(len(self), dtype=np.int64) if column is None else column

    def cells_of(self, column: str) -> memoryview | None:
        """Return the cells of a column that claims change, by its name in the contract; None: it has no such cells."""
        return getattr(self, _CELLS[column]) if column in _CELLS else None

    def has_free(self, index: int, resources: Mapping[str, int]) -> bool:
        """Tell whether one host has these amounts left."""
        cells = self.cells
        for name, amount in resources.items():  # noqa: SIM110 - a generator takes twice the time
            if name not in cells or cells[name][index] < amount:
                return False
        return True

    # What hosts are.

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """Return the positions of those of the hosts ``names`` that are here."""
        return np.array([self.index[name] for name in names if name in self.index], dtype=np.intp)

    def inventories(self, index: int) -> dict[str, Inventory]:
        """Return the inventories of one host, with what is used now."""
        return {
            name: msgspec.structs.replace(held, used=held.capacity - self.cells[name][index])
            for name, held in self._shapes.of(index).items()
        }

    @property
    def shape_kinds(self) -> memoryview:
        """For each host a number that hosts of equal shapes share."""
        return self._shapes.cells

    def shape(self, index: int) -> dict[str, Inventory]:
        """Return the inventories of one host as if nothing were used."""
        return self._shapes.of(index)

    def alike(self, most: int) -> list[tuple[int, int]]:
        """Return (a row, how many) of hosts alike in size, facts and aggregates, the ``most`` most common kinds."""
        keys = np.stack([kinds.ids for kinds in (self._shapes, self._facts, self._sets)])
        _, rows, counts = np.unique(keys, axis=1, return_index=True, return_counts=True)
        order = np.lexsort((rows, -counts))[:most]
        return list(zip(rows[order].tolist(), counts[order].tolist(), strict=True))

    def facts(self, index: int) -> Facts:
        """Return what the compute tells of one host."""
        return self._facts.of(index)[1]

    def hypervisor_type(self, index: int) -> str:
        """Return the hypervisor's name."""
        return self._facts.of(index)[0]

    def aggregates(self, index: int) -> tuple[Aggregate, ...]:
        """Return the aggregates that one host is in."""
        return self._sets.of(index)

    def zone(self, index: int) -> str:
        """Return the availability zone of one host."""
        return self.places[index][1]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Name and availability zone of each host."""
        if self._places is None:
            zones = self._sets.column(self._zone_of, object).tolist()
            self._places = list(zip(self.names, zones, strict=True))
        return self._places

    def _zone_of(self, aggregates: Iterable[Aggregate]) -> str:
        named = (a.metadata["availability_zone"] for a in aggregates if "availability_zone" in a.metadata)
        return next(named, self.default_zone)

    def limits(self, resource_class: str) -> tuple[np.ndarray, ...]:
        """Return min_unit, max_unit and step_size of a resource class."""
        if resource_class not in self._limits:
            self._limits[resource_class] = tuple(
                self._shapes.column(lambda shape, n=name: getattr(shape.get(resource_class, NOTHING), n), np.int64)
                for name in _LIMITS
            )
        return self._limits[resource_class]

    def capacity(self, resource_class: str) -> np.ndarray:
        """Return what may be claimed of a resource class on empty hosts."""
        return self._kept(
            ("capacity", resource_class),
            lambda: self._shapes.column(lambda shape: shape.get(resource_class, NOTHING).capacity, np.int64),
        )

    def has_trait(self, trait: str) -> np.ndarray:
        """Return where the host has ``trait``."""
        return self._kept(("trait", trait), lambda: self._facts.column(lambda kind: trait in kind[1].traits, bool))

    def zone_is(self, zone: str) -> np.ndarray:
        """Return where the host is in ``zone``."""
        return self._kept(("zone", zone), lambda: self._sets.column(lambda kind: self._zone_of(kind) == zone, bool))

    def _kept(self, key: tuple[str, str], make: Callable[[], np.ndarray]) -> np.ndarray:
        if key not in self._masks:
            self._masks[key] = make()
        return self._masks[key]

    def by_aggregates(self, judge: Callable[[tuple[Aggregate, ...]], bool | int | float]) -> np.ndarray:
        """Return ``judge`` of each host's aggregates."""
        return self._sets.column(judge)

    def any_aggregate(self, judge: Callable[[Aggregate], bool]) -> bool:
        """Tell whether ``judge`` holds for an aggregate of the whole fleet."""
        return any(judge(aggregate) for members in self._sets.kinds() for aggregate in members)

    def override(self, option: str, default: float) -> np.ndarray | float:
        """Return the multiplier ``option`` per host: aggregate metadata of that name wins, the smallest of several."""
        key = (option, default)
        if key not in self._overrides:

            def multiplier(aggregates: tuple[Aggregate, ...]) -> float:
                values = [v for a in aggregates if (v := _number(a.metadata.get(option))) is not None]
                return min(values, default=default)

            named = self.any_aggregate(lambda aggregate: option in aggregate.metadata)
            self._overrides[key] = self._sets.column(multiplier, np.float64) if named else default
        return self._overrides[key]

    def row(self, index: int) -> HostRow:
        """Return one host as the database would tell it, as far as the table knows it."""
        return HostRow(
            id=0,
            uuid=self.uuids[index],
            host=self.names[index],
            hypervisor_type=self.hypervisor_type(index),
            hypervisor_version=int(self.hypervisor_version[index]),
            host_ip=self.host_ips[index],
            facts=self.facts(index),
            failed_builds=int(self.failed_builds[index]),
            changed_at=0.0,
            revision=0,
            address=self.addresses[index],
            service_id=None,
            service_uuid=None,
            disabled=bool(self.disabled[index]),
            disabled_reason=self.disabled_reasons[index],
            is_up=bool(self.is_up[index]),
            inventories=self.inventories(index),
            num_instances=self.instances_cells[index],
            num_io_ops=self.io_ops_cells[index],
            aggregates=tuple((a.name, _encode_metadata(a.metadata).decode()) for a in self.aggregates(index)),
            topology=self.topologies[index],
        )


class Claim(NamedTuple):
    """What an instance takes from a host: resources, and from which columns how much.

    The first amount is the build that begins with it.
    """

    resources: Mapping[str, int]
    amounts: Sequence[tuple[memoryview, int]]


def _number(text: str | None) -> float | None:
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
