"""``corenova-manage host``: the hosts and what is used of them."""

from oslo_config import cfg

from corenova.cmd.manage import database
from corenova.cmd.manage.output import Output
from corenova.db import hosts
from corenova.objects.host_row import HostRow
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU

_CLASSES = ((VCPU, "vcpus"), (MEMORY_MB, "ram mb"), (DISK_GB, "disk gb"))


def list_hosts(conf: cfg.ConfigOpts, output: Output) -> int:
    """List the hosts with bars of what is claimed, ratios and reserve considered."""
    with database.reading(conf) as db:
        rows = db.read(lambda c: hosts.snapshot(c, down_time_s=float(conf.service_down_time)))
    output.json({"hosts": [_described(row) for row in rows]})
    output.table(
        ("host", "state", "status", "servers", *(title for _, title in _CLASSES)),
        [
            (
                row.host,
                _state(row),
                _status(row),
                row.num_instances,
                *(_usage(output, row, resource_class) for resource_class, _ in _CLASSES),
            )
            for row in rows
        ],
    )
    return 0


def _described(row: HostRow) -> dict[str, object]:
    return {
        "host": row.host,
        "address": row.address,
        "state": _state(row),
        "status": _status(row),
        "disabled_reason": row.disabled_reason,
        "hypervisor_type": row.hypervisor_type,
        "servers": row.num_instances,
        "failed_builds": row.failed_builds,
        "resources": {
            name: {"used": inventory.used, "capacity": inventory.capacity, "total": inventory.total}
            for name, inventory in sorted(row.inventories.items())
        },
    }


def _state(row: HostRow) -> str:
    return "up" if row.is_up else "down"


def _status(row: HostRow) -> str:
    return "disabled" if row.disabled else "enabled"


def _usage(output: Output, row: HostRow, resource_class: str) -> str | None:
    inventory = row.inventories.get(resource_class)
    return None if inventory is None else output.bar(inventory.used, inventory.capacity)
