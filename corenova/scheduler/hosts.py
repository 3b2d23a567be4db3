"""The scheduler's picture of the hosts: one numpy column a fact, brought up to date from the database.

Claims of this process are entered at once; what others do arrives with the next refresh, which reads only hosts that
were touched since. The picture may be stale, never trusted: every claim is checked by the database.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from corenova.db import hosts as db_hosts
from corenova.db.engine import Database
from corenova.db.hosts import HostRow
from corenova.objects.host_state import Aggregate, HostState, Inventory, Service
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU

_OVERLAP_S = 10.0
"""How far back a refresh reads: a transaction may commit this much after the moment that it stamped on its rows."""
_NOTHING = Inventory(total=0)
_decode_metadata = msgspec.json.Decoder(dict[str, str]).decode


class _States:
    """The row views, made when somebody looks at them and kept until their host changes."""

    def __init__(self, table: "HostTable"):
        self._table = table
        self._made: dict[int, HostState] = {}

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> HostState:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        if index not in self._made:
            self._made[index] = self._table.make_state(index)
        return self._made[index]

    def forget(self, index: int) -> None:
        """The host has changed."""
        self._made.pop(index, None)


class HostTable:
    """All hosts as columns; implements the HostColumns of contracts/filter.py. Not thread-safe: its owner locks.

    :param default_zone: the zone of hosts that no aggregate puts in one.
    """

    def __init__(self, *, default_zone: str):
        self._default_zone = default_zone
        self.newest_change = 0.0
        self._fill([])

    def __len__(self) -> int:
        return len(self.names)

    def _fill(self, rows: list[HostRow]) -> None:
        self._consumed: set[int] = set()
        self.rows = rows
        self.names = [row.host for row in rows]
        self.index = {name: i for i, name in enumerate(self.names)}
        self.addresses = [row.address for row in rows]
        self.aggregates = [
            tuple(Aggregate(name=name, metadata=_decode_metadata(text)) for name, text in row.aggregates)
            for row in rows
        ]
        self.zones = [self._zone(members) for members in self.aggregates]
        self._metadata_keys = {key for members in self.aggregates for a in members for key in a.metadata}
        self.has_tenant_rules = any(key.startswith("filter_tenant_id") for key in self._metadata_keys)
        self.is_up = np.array([row.is_up for row in rows], dtype=bool)
        self.disabled = np.array([row.disabled for row in rows], dtype=bool)
        self.failed_builds = np.array([row.failed_builds for row in rows], dtype=np.int64)
        self.num_instances = np.array([row.num_instances for row in rows], dtype=np.int64)
        self.num_io_ops = np.array([row.num_io_ops for row in rows], dtype=np.int64)
        self.classes = sorted({name for row in rows for name in row.inventories} | {VCPU, MEMORY_MB, DISK_GB})
        self.free: dict[str, np.ndarray] = {}
        self.limits: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for name in self.classes:
            held = [row.inventories.get(name, _NOTHING) for row in rows]
            self.free[name] = np.array([i.capacity - i.used for i in held], dtype=np.int64)
            self.limits[name] = tuple(
                np.array([getattr(i, field) for i in held], dtype=np.int64)
                for field in ("min_unit", "max_unit", "step_size")
            )
        cpus = [row.inventories.get(VCPU, _NOTHING) for row in rows]
        self.vcpus_free = np.array([i.total * i.allocation_ratio - i.used for i in cpus], dtype=np.float64)
        self.free_ram_mb = self.free[MEMORY_MB]
        self.free_disk_mb = self.free[DISK_GB] * 1024
        self.states = _States(self)

    def _zone(self, aggregates: Iterable[Aggregate]) -> str:
        named = (a.metadata["availability_zone"] for a in aggregates if "availability_zone" in a.metadata)
        return next(named, self._default_zone)

    def refresh(self, db: Database, *, down_time_s: float, everything: bool = False) -> None:
        """Read what has changed, or everything; which services are up is always read."""
        since = None if everything or not len(self) else self.newest_change - _OVERLAP_S
        read = db.read(lambda c: db_hosts.snapshot(c, down_time_s=down_time_s, changed_since=since))
        if since is None:
            rows = read
        else:
            alive = db.read(lambda c: db_hosts.liveness(c, down_time_s=down_time_s))
            changed = {row.host: row for row in read}
            rows = [
                changed.pop(row.host, None) or _with_service(row, *alive[row.host])
                for row in self.rows
                if row.host in alive
            ]
            rows += sorted(changed.values(), key=lambda row: row.id)
        self.newest_change = max((row.changed_at for row in rows), default=0.0)
        self._fill(rows)

    def reload(self, db: Database, hosts: Iterable[str], *, down_time_s: float) -> None:
        """Read these hosts again: a claim on one of them has failed."""
        # Hosts that claims were entered for since the last refresh too: their rows here do not know of those.
        names = list({*hosts, *(self.names[index] for index in self._consumed)})
        fresh = db.read(lambda c: db_hosts.snapshot(c, down_time_s=down_time_s, hosts=names))
        by_name = {row.host: row for row in fresh}
        self._fill([by_name.get(row.host, row) for row in self.rows])

    def consume(self, index: int, resources: Mapping[str, int]) -> None:
        """Enter a claim that is about to be made on a host, so that the next decision sees it."""
        self._consumed.add(index)
        for name, amount in resources.items():
            self.free[name][index] -= amount
        self.vcpus_free[index] -= resources.get(VCPU, 0)
        self.free_disk_mb[index] -= resources.get(DISK_GB, 0) * 1024
        self.num_instances[index] += 1
        self.num_io_ops[index] += 1
        self.states.forget(index)

    def make_state(self, index: int) -> HostState:
        """Return the row view of one host as it is now."""
        row = self.rows[index]
        inventories = {
            name: msgspec.structs.replace(held, used=held.capacity - int(self.free[name][index]))
            for name, held in row.inventories.items()
        }
        cpu, ram, disk = (inventories.get(name, _NOTHING) for name in (VCPU, MEMORY_MB, DISK_GB))
        return HostState(
            host=row.host,
            nodename=row.host,
            uuid=row.uuid,
            address=row.address,
            availability_zone=self.zones[index],
            hypervisor_type=row.hypervisor_type,
            hypervisor_version=row.hypervisor_version,
            host_ip=row.host_ip,
            free_ram_mb=int(self.free_ram_mb[index]),
            total_usable_ram_mb=ram.total,
            free_disk_mb=int(self.free_disk_mb[index]),
            total_usable_disk_gb=disk.total,
            vcpus_total=cpu.total,
            vcpus_used=cpu.used,
            cpu_allocation_ratio=cpu.allocation_ratio,
            ram_allocation_ratio=ram.allocation_ratio,
            disk_allocation_ratio=disk.allocation_ratio,
            num_instances=int(self.num_instances[index]),
            num_io_ops=int(self.num_io_ops[index]),
            failed_builds=int(self.failed_builds[index]),
            service=Service(
                disabled=bool(self.disabled[index]),
                disabled_reason=row.disabled_reason,
                is_up=bool(self.is_up[index]),
            ),
            aggregates=self.aggregates[index],
            traits=frozenset(row.facts.traits),
            supported_instances=row.facts.supported_instances,
            cpu_info=row.facts.cpu_info,
            inventories=inventories,
        )

    def override(self, option: str, default: float) -> np.ndarray | float:
        """Return the multiplier ``option`` per host: aggregate metadata of that name wins, the smallest of several."""
        if option not in self._metadata_keys:
            return default
        found = {
            i: min(values)
            for i, members in enumerate(self.aggregates)
            if (values := [v for a in members if (v := _number(a.metadata.get(option))) is not None])
        }
        if not found:
            return default
        column = np.full(len(self), default)
        for i, value in found.items():
            column[i] = value
        return column


def _with_service(row: HostRow, is_up: bool, disabled: bool) -> HostRow:
    if row.is_up == is_up and row.disabled == disabled:
        return row
    return msgspec.structs.replace(row, is_up=is_up, disabled=disabled)


def _number(text: str | None) -> float | None:
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
