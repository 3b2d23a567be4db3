"""A host as the database tells of it, to schedulers and to the hypervisors resource."""

import msgspec

from corenova.objects.host_state import Inventory
from corenova.objects.topology import HostTopology


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a host's report that is kept as JSON."""

    traits: tuple[str, ...] = ()
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    cpu_info: dict[str, object] = {}
    abilities: tuple[str, ...] = ()


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scheduler or the hypervisors resource wants to know of a host. Times are the database's seconds."""

    id: int
    uuid: str
    host: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str
    facts: Facts
    failed_builds: int
    changed_at: float
    revision: int
    address: str
    service_id: int | None
    service_uuid: str | None
    disabled: bool
    disabled_reason: str | None
    is_up: bool
    inventories: dict[str, Inventory]
    num_instances: int
    num_io_ops: int
    aggregates: tuple[tuple[str, str], ...]
    topology: HostTopology | None = None
