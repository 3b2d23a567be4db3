"""A snapshot of a host, as filters and weighers see it. Attribute names are those of Nova's HostState."""

import msgspec

from corenova.objects.topology import HostTopology


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one resource class a host has, with Placement's meaning of each number.

    A claim of ``n`` fits when ``used + n <= capacity``, ``min_unit <= n <= max_unit`` and ``n % step_size == 0``.
    """

    total: int
    reserved: int = 0
    allocation_ratio: float = 1.0
    min_unit: int = 1
    max_unit: int = 2**31 - 1
    step_size: int = 1
    used: int = 0

    @property
    def capacity(self) -> int:
        """What may be claimed in sum: (total - reserved) * allocation_ratio, rounded down."""
        return int((self.total - self.reserved) * self.allocation_ratio)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The compute service of a host. ``is_up`` was true when its last heartbeat was younger than service_down_time."""

    disabled: bool = False
    disabled_reason: str | None = None
    is_up: bool = True


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """A host aggregate that the host is in; all values of ``metadata`` are text."""

    name: str
    metadata: dict[str, str] = {}


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """One host at one moment; read-only, so a plug-in cannot harm the next decision.

    :param free_ram_mb: MiB left after reserve and claims, ratio applied. May be negative after a capacity cut.
    :param free_disk_mb: the same for disk, in MiB.
    :param vcpus_used: claimed vCPUs; ``vcpus_total`` is without the ratio, ``cpu_allocation_ratio`` beside it.
    :param num_instances: instances that hold a claim here.
    :param num_io_ops: instances being built (or otherwise heavy on I/O) here.
    :param failed_builds: builds that failed in a row.
    :param free_pci_devices: PCI devices that no instance has.
    :param supported_instances: (arch, hypervisor type, vm mode) triples that the hypervisor can run.
    :param inventories: every resource class, custom ones included.
    :param topology: NUMA cells and PCI devices, with what is used of them; None when the driver tells of none.
    """

    host: str
    nodename: str
    uuid: str = ""
    address: str = ""
    availability_zone: str = "nova"
    hypervisor_type: str = ""
    hypervisor_version: int = 0
    host_ip: str = ""
    free_ram_mb: int = 0
    total_usable_ram_mb: int = 0
    free_disk_mb: int = 0
    total_usable_disk_gb: int = 0
    vcpus_total: int = 0
    vcpus_used: int = 0
    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    num_instances: int = 0
    num_io_ops: int = 0
    failed_builds: int = 0
    free_pci_devices: int = 0
    service: Service = Service()
    aggregates: tuple[Aggregate, ...] = ()
    traits: frozenset[str] = frozenset()
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    cpu_info: dict[str, object] = {}
    inventories: dict[str, Inventory] = {}
    topology: HostTopology | None = None

    @property
    def vcpus_free(self) -> float:
        """vCPUs that may be claimed, ratio applied, the reserve not deducted: as Nova's CPUWeigher counts."""
        return self.vcpus_total * self.cpu_allocation_ratio - self.vcpus_used


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a compute tells about one of its hosts: the hypervisor's facts, before any claim.

    :param host: name of the host; also its nodename and hypervisor hostname.
    :param inventories: totals by resource class (``used`` is ignored: claims are the conductor's business).
    :param topology: NUMA cells and PCI devices; its ``used`` is ignored likewise. The CPUs of its cells are the totals
        of VCPU (shared) and PCPU (dedicated).
    :param abilities: the flags of the driver's Abilities that are True; the compute fills it in.
    """

    host: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str = "127.0.0.1"
    inventories: dict[str, Inventory] = {}
    traits: tuple[str, ...] = ()
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    cpu_info: dict[str, object] = {}
    topology: HostTopology | None = None
    abilities: tuple[str, ...] = ()
