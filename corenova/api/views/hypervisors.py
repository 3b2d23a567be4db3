"""Hypervisors as clients see them: a host's node, its service and, up to 2.87, sums over its inventories."""

from collections.abc import Mapping

import msgspec

from corenova.objects.host_row import HostRow
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU

_NOTHING = Inventory(total=0)


def basic(node: HostRow, version: int) -> dict[str, object]:
    """Return one hypervisor of a list without details."""
    return {
        "id": node.uuid if version >= 53 else node.id,
        "hypervisor_hostname": node.host,
        "state": "up" if node.is_up else "down",
        "status": "disabled" if node.disabled else "enabled",
    }


def show(node: HostRow, version: int) -> dict[str, object]:
    """Return one hypervisor with all details."""
    shown = basic(node, version) | {
        "hypervisor_type": node.hypervisor_type,
        "hypervisor_version": node.hypervisor_version,
        "host_ip": node.host_ip,
        "service": {
            "id": node.service_uuid if version >= 53 else node.service_id,
            "host": node.host,
            "disabled_reason": node.disabled_reason,
        },
    }
    if version >= 88:
        return shown | {"uptime": None}
    cpu_info = node.facts.cpu_info
    return shown | _usage_of(node) | {"cpu_info": cpu_info if version >= 28 else msgspec.json.encode(cpu_info).decode()}


def usage(inventories: Mapping[str, Inventory], running: int, building: int) -> dict[str, int]:
    """Return what a hypervisor has and what of it is claimed, with its servers and those of them under way."""
    vcpus, ram, disk = (inventories.get(name, _NOTHING) for name in (VCPU, MEMORY_MB, DISK_GB))
    return {
        "vcpus": vcpus.total,
        "vcpus_used": vcpus.used,
        "memory_mb": ram.total,
        "memory_mb_used": ram.used + ram.reserved,
        "free_ram_mb": ram.total - ram.used - ram.reserved,
        "local_gb": disk.total,
        "local_gb_used": disk.used + disk.reserved,
        "free_disk_gb": disk.total - disk.used - disk.reserved,
        "disk_available_least": disk.total - disk.used - disk.reserved,
        "running_vms": running,
        "current_workload": building,
    }


def with_servers(shown: dict[str, object], servers: list[dict[str, str]], version: int) -> dict[str, object]:
    """Add the servers of a hypervisor to its view; before 2.75 an empty list is left out."""
    return shown | {"servers": servers} if servers or version >= 75 else shown


def statistics(nodes: list[HostRow]) -> dict[str, int]:
    """Return the sums over all hypervisors, with their number."""
    sums = {"count": len(nodes)} | usage({}, 0, 0)
    for node in nodes:
        for key, value in _usage_of(node).items():
            sums[key] += value
    return sums


def _usage_of(node: HostRow) -> dict[str, int]:
    return usage(node.inventories, node.num_instances, node.num_io_ops)
