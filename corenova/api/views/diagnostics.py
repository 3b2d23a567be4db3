"""Diagnostics of a server: the standard form from 2.48 on, before that what hypervisors called things themselves."""

_NIC_KEYS = {
    "mac_address": None, "rx_octets": 0, "rx_packets": 0, "rx_errors": 0, "rx_drop": 0, "rx_rate": None, "tx_octets": 0,
    "tx_packets": 0, "tx_errors": 0, "tx_drop": 0, "tx_rate": None,
}  # fmt: skip
_DISK_KEYS = {"read_bytes": 0, "read_requests": 0, "write_bytes": 0, "write_requests": 0, "errors_count": 0}


def diagnostics(told: dict, version: int) -> dict[str, object]:
    """Return the answer.

    :param told: contracts.driver_abilities.Diagnostics as builtins.
    """
    return _standard(told) if version >= 48 else _plain(told)


def _standard(told: dict) -> dict[str, object]:
    nics = [{**_NIC_KEYS, **{k: v for k, v in nic.items() if k in _NIC_KEYS}} for nic in told["nics"]]
    disks = [{**_DISK_KEYS, **{k: v for k, v in disk.items() if k in _DISK_KEYS}} for disk in told["disks"]]
    times = told["cpu_times_ns"]
    return {
        "state": told["state"],
        "driver": told["driver"],
        "hypervisor": told["hypervisor"],
        "hypervisor_os": told["hypervisor_os"],
        "uptime": told["uptime_s"],
        "config_drive": told["config_drive"],
        "num_cpus": len(times),
        "num_nics": len(nics),
        "num_disks": len(disks),
        "memory_details": {"maximum": told["memory_maximum_mb"], "used": told["memory_used_mb"]},
        "cpu_details": [{"id": i, "time": time, "utilisation": None} for i, time in enumerate(times)],
        "nic_details": nics,
        "disk_details": disks,
    }


def _plain(told: dict) -> dict[str, object]:
    shown = {f"cpu{i}_time": time for i, time in enumerate(told["cpu_times_ns"])}
    shown["memory"] = (told["memory_maximum_mb"] or 0) * 1024
    for number, disk in enumerate(told["disks"]):
        name = f"vd{chr(ord('a') + number)}"
        shown |= {
            f"{name}_read": disk.get("read_bytes", 0),
            f"{name}_read_req": disk.get("read_requests", 0),
            f"{name}_write": disk.get("write_bytes", 0),
            f"{name}_write_req": disk.get("write_requests", 0),
            f"{name}_errors": disk.get("errors_count", -1),
        }
    return shown
