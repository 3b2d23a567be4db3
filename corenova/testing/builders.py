"""Hosts, requests and instances for tests, as plug-ins see them: say what matters, the rest is a plausible default.

What belongs together is worked out of what is given (free memory from total, ratio and use), so no host is built here
that could not be. :func:`columns` makes the table that the scheduler itself decides on.
"""

import uuid as uuids
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from corenova.db.hosts import Facts, HostRow
from corenova.objects.host_state import Aggregate, HostState, Inventory, Service
from corenova.objects.instance import Instance
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU, Flavor, ImageMeta, InstanceGroup, RequestSpec
from corenova.objects.topology import HostTopology, PciPool
from corenova.scheduler.hosts import HostTable
from corenova.testing.configuration import Ini, configuration

ZONE_KEY = "availability_zone"
IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NOTHING = Inventory(total=0)


def host(
    name: str = "h1",
    *,
    vcpus: int = 8,
    vcpus_used: int = 0,
    cpu_allocation_ratio: float = 1.0,
    ram_mb: int = 16384,
    ram_used_mb: int = 0,
    ram_allocation_ratio: float = 1.0,
    disk_gb: int = 100,
    disk_used_gb: int = 0,
    disk_allocation_ratio: float = 1.0,
    inventories: Mapping[str, Inventory | int | None] | None = None,
    aggregates: Mapping[str, Mapping[str, str]] | Sequence[Mapping[str, str]] = (),
    availability_zone: str = "nova",
    traits: Iterable[str] = (),
    is_up: bool = True,
    disabled: bool = False,
    disabled_reason: str | None = None,
    pci_devices: int = 0,
    topology: HostTopology | None = None,
    **facts: object,
) -> HostState:
    """Return a host as filters and weighers see it.

    :param vcpus: CPUs; ``vcpus_used`` are claimed, and ``cpu_allocation_ratio`` vCPUs may be claimed for each.
    :param ram_mb: MiB of RAM, ``ram_used_mb`` claimed; ``disk_gb``: GiB of disk likewise.
    :param inventories: further resource classes, as an Inventory or a total with nothing used; also in place of the
        three above, which None takes away.
    :param aggregates: metadata by the name of the aggregate, or without names.
    :param availability_zone: another one than ``nova`` comes from an aggregate, which is added.
    :param is_up, disabled, disabled_reason: the compute service of the host.
    :param pci_devices: so many free PCI devices, all alike; ``topology`` says more, and instead.
    :param facts: other fields of HostState: ``hypervisor_type``, ``hypervisor_version``, ``host_ip``, ``cpu_info``,
        ``supported_instances``, ``num_instances``, ``num_io_ops``, ``failed_builds``, ``uuid``, ``address``.
    """
    held: dict[str, Inventory | int | None] = {
        VCPU: Inventory(total=vcpus, used=vcpus_used, allocation_ratio=cpu_allocation_ratio),
        MEMORY_MB: Inventory(total=ram_mb, used=ram_used_mb, allocation_ratio=ram_allocation_ratio),
        DISK_GB: Inventory(total=disk_gb, used=disk_used_gb, allocation_ratio=disk_allocation_ratio),
        **(inventories or {}),
    }
    has = {key: Inventory(total=one) if isinstance(one, int) else one for key, one in held.items() if one is not None}
    cpus, ram, disk = (has.get(key, NOTHING) for key in (VCPU, MEMORY_MB, DISK_GB))
    if not isinstance(aggregates, Mapping):
        aggregates = {f"a{number}": metadata for number, metadata in enumerate(aggregates)}
    grouped = {key: dict(metadata) for key, metadata in aggregates.items()}
    if availability_zone != "nova":
        grouped.setdefault(f"zone {availability_zone}", {ZONE_KEY: availability_zone})
    if topology is None and pci_devices:
        topology = HostTopology(pools=(_devices(pci_devices),))
    made = HostState(
        host=name,
        nodename=name,
        availability_zone=availability_zone,
        free_ram_mb=ram.capacity - ram.used,
        total_usable_ram_mb=ram.total,
        free_disk_mb=(disk.capacity - disk.used) * 1024,
        total_usable_disk_gb=disk.total,
        vcpus_total=cpus.total,
        vcpus_used=cpus.used,
        cpu_allocation_ratio=cpus.allocation_ratio,
        ram_allocation_ratio=ram.allocation_ratio,
        disk_allocation_ratio=disk.allocation_ratio,
        free_pci_devices=topology.free_devices if topology is not None else 0,
        service=Service(is_up=is_up, disabled=disabled, disabled_reason=disabled_reason),
        aggregates=tuple(Aggregate(name=key, metadata=metadata) for key, metadata in grouped.items()),
        traits=frozenset(traits),
        inventories=has,
        topology=topology,
    )
    return msgspec.structs.replace(made, **facts) if facts else made


def _devices(count: int) -> PciPool:
    return PciPool(vendor_id="8086", product_id="1520", addresses=tuple(f"0000:81:00.{n}" for n in range(count)))


def columns(hosts: Iterable[HostState]) -> HostTable:
    """Return these hosts as the columns that vector forms read (HostColumns); ``states`` are the rows of it.

    It is the scheduler's own table: its columns cannot be written, and its rows are live views of it.
    """
    return HostTable.of([_row(number, state) for number, state in enumerate(hosts)])


def _row(number: int, state: HostState) -> HostRow:
    service = state.service
    return HostRow(
        id=number,
        uuid=state.uuid,
        host=state.host,
        hypervisor_type=state.hypervisor_type,
        hypervisor_version=state.hypervisor_version,
        host_ip=state.host_ip,
        facts=Facts(
            traits=tuple(sorted(state.traits)), supported_instances=state.supported_instances, cpu_info=state.cpu_info
        ),
        failed_builds=state.failed_builds,
        changed_at=0.0,
        revision=0,
        address=state.address,
        service_id=None,
        service_uuid=None,
        disabled=service.disabled,
        disabled_reason=service.disabled_reason,
        is_up=service.is_up,
        inventories=state.inventories,
        num_instances=state.num_instances,
        num_io_ops=state.num_io_ops,
        aggregates=tuple((one.name, msgspec.json.encode(one.metadata).decode()) for one in state.aggregates),
        topology=state.topology,
    )


def flavor(
    *,
    name: str = "m1.test",
    vcpus: int = 1,
    ram_mb: int = 64,
    disk_gb: int = 1,
    extra_specs: Mapping[str, str] | None = None,
    **fields: object,
) -> Flavor:
    """Return a flavor; ``fields`` are others of Flavor."""
    return Flavor(
        **{"flavorid": "1", **fields},
        name=name,
        vcpus=vcpus,
        memory_mb=ram_mb,
        root_gb=disk_gb,
        extra_specs=dict(extra_specs or {}),
    )


def group(policy: str, hosts: Mapping[str, int] | None = None, **rules: int) -> InstanceGroup:
    """Return a server group: so many members by host, and rules such as ``max_server_per_host=2``."""
    return InstanceGroup(uuid="g", name="g", policy=policy, hosts=dict(hosts or {}), rules=rules)


def request(
    *,
    vcpus: int = 1,
    ram_mb: int = 64,
    disk_gb: int = 1,
    flavor_name: str = "m1.test",
    extra_specs: Mapping[str, str] | None = None,
    image: ImageMeta | Mapping[str, str] | None = None,
    hints: Mapping[str, object] | None = None,
    group: InstanceGroup | None = None,
    project_id: str = "p",
    user_id: str = "u",
    **fields: object,
) -> RequestSpec:
    """Return a request for a server.

    :param vcpus, ram_mb, disk_gb, flavor_name, extra_specs: of its flavor; RAM in MiB, the root disk in GiB.
    :param image: the image, or the properties of one; None: no image.
    :param hints: scheduler hints, each a text or a list of them.
    :param group: the server group that it is to be in; see :func:`group`.
    :param fields: other fields of RequestSpec.
    """
    if image is not None and not isinstance(image, ImageMeta):
        image = ImageMeta(id=IMAGE_ID, name="cirros", properties=dict(image))
    return RequestSpec(
        project_id=project_id,
        user_id=user_id,
        flavor=flavor(name=flavor_name, vcpus=vcpus, ram_mb=ram_mb, disk_gb=disk_gb, extra_specs=extra_specs),
        image=image,
        instance_group=group,
        scheduler_hints=dict(hints or {}),
        **fields,
    )


def instance(
    name: str = "vm",
    *,
    uuid: str | None = None,
    vcpus: int = 1,
    ram_mb: int = 64,
    disk_gb: int = 1,
    project_id: str = "p",
    user_id: str = "u",
    **fields: object,
) -> Instance:
    """Return an instance as drivers and hooks see it, with a uuid of its own; ``fields`` are others of Instance."""
    return Instance(
        **{"flavor": flavor(vcpus=vcpus, ram_mb=ram_mb, disk_gb=disk_gb), "hostname": "vm", **fields},
        uuid=uuid or str(uuids.uuid4()),
        display_name=name,
        project_id=project_id,
        user_id=user_id,
    )


def configured(plugin: type, ini: Ini | str = "") -> Any:
    """Return a plug-in, made and configured as the loader does it, with its section named for the class.

    :raises Exception: what its ``configure`` raises.
    """
    conf, made = configuration(ini), plugin()
    conf.register_opts(made.options, group=plugin.__name__)
    made.configure(conf[plugin.__name__])
    return made
