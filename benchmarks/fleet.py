"""Hosts and requests for the benchmarks of the scheduler: a fleet in use, classes of requests, and their order.

The order is that of real traces: four of five requests repeat the flavor of the one before (83 % in the Azure V1
trace), the others are drawn by Zipf's law from 32 classes.
"""

import random
import uuid
from collections.abc import Iterator

from oslo_config import cfg

from corenova import conf as options
from corenova.objects.host_row import Facts, HostRow
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU, Flavor, ImageMeta, InstanceGroup, RequestSpec
from corenova.scheduler.hosts import HostTable

CLASSES = 32
_REPEATS = 0.83
INVENTORIES = {
    VCPU: Inventory(total=64, allocation_ratio=4.0),
    MEMORY_MB: Inventory(total=262144),
    DISK_GB: Inventory(total=4096),
}
_FACTS = Facts(supported_instances=(("x86_64", "fake", "hvm"),))
_IMAGE = ImageMeta(id="11111111-1111-4111-8111-111111111111", name="cirros")


def conf(**scheduling: object) -> cfg.ConfigOpts:
    """Return the default configuration, with these options of [filter_scheduler]."""
    made = cfg.ConfigOpts()
    options.register(made)
    made([], default_config_files=[], default_config_dirs=[])
    for name, value in scheduling.items():
        made.set_override(name, value, group="filter_scheduler")
    return made


def name(number: int) -> str:
    """Return the name of a host."""
    return f"host-{number:06d}"


def rows(count: int) -> list[HostRow]:
    """Return empty hosts of one size, as the database tells them."""
    chance = random.Random(count)
    return [
        HostRow(
            id=number, uuid=str(uuid.UUID(int=chance.getrandbits(128), version=4)), host=name(number),
            hypervisor_type="fake", hypervisor_version=1,
            host_ip=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", facts=_FACTS,
            failed_builds=0, changed_at=0.0, revision=0, address=f"compute-{number // 100}", service_id=number,
            service_uuid="s", disabled=False, disabled_reason=None, is_up=True, inventories=INVENTORIES,
            num_instances=0, num_io_ops=0, aggregates=(),
        )
        for number in range(count)
    ]  # fmt: skip


def spec(number: int, group: InstanceGroup | None = None) -> RequestSpec:
    """Return a request of class ``number``."""
    flavor = Flavor(
        flavorid=str(number),
        name=f"m1.{number}",
        vcpus=1 + number % 8,
        memory_mb=1024 * (1 + number % 11),
        root_gb=number % 5,
    )
    return RequestSpec(project_id="p" * 32, user_id="u" * 32, flavor=flavor, image=_IMAGE, instance_group=group)


def requests(seed: int = 11) -> Iterator[RequestSpec]:
    """Yield requests for ever, in an order like that of real clouds."""
    chance = random.Random(seed)
    specs = [spec(number) for number in range(CLASSES)]
    weights = [1 / (number + 1) for number in range(CLASSES)]
    last = specs[0]
    while True:
        if chance.random() >= _REPEATS:
            (last,) = chance.choices(specs, weights)
        yield last


def in_use(count: int, seed: int = 11) -> tuple[HostTable, list[tuple[int, dict[str, int]]]]:
    """Return a fleet with four servers a host, and the servers: (row of the host, resources)."""
    chance, asked = random.Random(seed), requests(seed)
    table = HostTable.of(rows(count))
    servers = [(chance.randrange(count), next(asked).resources()) for _ in range(4 * count)]
    for row, resources in servers:
        table.consume(row, resources)
    chance.shuffle(servers)
    return table, servers
