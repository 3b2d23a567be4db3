"""Bodies and query strings of servers, by microversion. Facts are Nova's API; a function returns the schema whole."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

_MOST_HINTS = 64
_MOST_ENTRIES = 512
_UUIDS = types.array(types.UUID, maxItems=_MOST_ENTRIES)
_UUID_OR_UUIDS: Schema = {"anyOf": [types.UUID, _UUIDS]}
_HINTS = types.struct(
    {
        "group": {"anyOf": [types.UUID, types.array(types.UUID, minItems=1, maxItems=1)]},
        "different_host": _UUID_OR_UUIDS,
        "same_host": _UUID_OR_UUIDS,
        "query": {"type": ["string", "array"]},
        "target_cell": types.NAME,
        "different_cell": {"type": ["string", "array"], "items": {"type": "string"}, "maxItems": _MOST_ENTRIES},
        "build_near_host_ip": types.IP_ADDRESS,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
    extra=True,
) | {"maxProperties": _MOST_HINTS}
"""Nova's hints, with bounds on their number (CVE-2012-3371); plug-ins may have their own."""
_TEXT_255: Schema = {"type": "string", "maxLength": 255}


def _networks(version: int) -> Schema:
    item: Schema = {"fixed_ip": types.IP_ADDRESS, "port": {"type": ["string", "null"], "format": "uuid"}}
    item["uuid"] = types.UUID if version >= 37 else {"type": "string"}
    if 32 <= version <= 36 or version >= 42:
        item["tag"] = types.TAG
    several = types.array(types.struct(item))
    return {"oneOf": [several, {"type": "string", "enum": ["none", "auto"]}]} if version >= 37 else several


def _block_device(version: int) -> Schema:
    properties: Schema = {
        "virtual_name": _TEXT_255,
        "volume_id": types.UUID,
        "snapshot_id": types.UUID,
        "volume_size": types.POSITIVE,
        "device_name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._/-]*$"},
        "delete_on_termination": types.BOOLEAN,
        "no_device": types.ANYTHING,
        "connection_info": {"type": "string", "maxLength": 16777215},
        "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
        "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
        "image_id": types.UUID,
        "destination_type": {"type": "string", "enum": ["local", "volume"]},
        "guest_format": _TEXT_255,
        "device_type": _TEXT_255,
        "disk_bus": _TEXT_255,
        "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
    }
    if version == 32 or version >= 42:
        properties["tag"] = types.TAG
    if version >= 67:
        properties["volume_type"] = {"type": ["string", "null"], "maxLength": 255}
    return types.struct(properties)


_CREATE: Schema = {
    "name": types.NAME,
    "imageRef": {"anyOf": [types.UUID, {"type": "string", "maxLength": 0}]},
    "flavorRef": {"type": ["string", "integer"], "minLength": 1},
    "adminPass": {"type": "string"},
    "metadata": types.metadata("string"),
    "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
    "accessIPv4": {"type": "string", "format": "ipv4"},
    "accessIPv6": {"type": "string", "format": "ipv6"},
    "availability_zone": types.NAME,
    "config_drive": types.BOOLEAN,
    "key_name": types.NAME,
    "min_count": types.POSITIVE,
    "max_count": types.POSITIVE,
    "return_reservation_id": types.BOOLEAN,
    "security_groups": types.array(types.struct({"name": types.NAME})),
    "user_data": {"type": "string", "format": "base64", "maxLength": 65535},
}
FILE = types.struct({"path": {"type": "string"}, "contents": {"type": "string", "format": "base64"}})
CERTIFICATES: Schema = {
    "type": ["array", "null"],
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": {"type": "string", "minLength": 1},
}
_CREATE_BETWEEN: tuple[tuple[str, int, int, Schema], ...] = (
    ("personality", 1, 56, types.array(FILE)),
    ("description", 19, 96, types.DESCRIPTION),
    ("tags", 52, 96, types.array(types.TAG, maxItems=50)),
    ("trusted_image_certificates", 63, 96, CERTIFICATES),
    ("host", 74, 96, types.FQDN),
    ("hypervisor_hostname", 74, 96, types.FQDN),
    ("hostname", 90, 93, types.HOSTNAME),
    ("hostname", 94, 96, types.FQDN),
)
"""Keys that came or went: key, first and last microversion, schema."""


def create(version: int) -> Schema:
    """POST /servers."""
    device = _block_device(version)
    legacy = types.struct({key: value for key, value in device["properties"].items() if key in _LEGACY_DEVICE})
    properties = _CREATE | {
        "networks": _networks(version),
        "block_device_mapping": types.array(legacy),
        "block_device_mapping_v2": types.array(device),
    }
    properties |= {key: schema for key, first, last, schema in _CREATE_BETWEEN if first <= version <= last}
    required = ("name", "flavorRef", "networks") if version >= 37 else ("name", "flavorRef")
    return types.struct(
        {
            "server": types.struct(properties, required=required),
            "os:scheduler_hints": _HINTS,
            "OS-SCH-HNT:scheduler_hints": _HINTS,
        },
        required=("server",),
    )


_LEGACY_DEVICE = frozenset(
    (
        "virtual_name", "volume_id", "snapshot_id", "volume_size", "device_name", "delete_on_termination", "no_device",
        "connection_info",
    )
)  # fmt: skip


def update(version: int) -> Schema:
    """PUT /servers/{id}."""
    properties = {key: _CREATE[key] for key in ("name", "OS-DCF:diskConfig", "accessIPv4", "accessIPv6")}
    if version >= 19:
        properties["description"] = types.DESCRIPTION
    if version >= 90:
        properties["hostname"] = types.FQDN if version >= 94 else types.HOSTNAME
    return types.envelope("server", types.struct(properties))


def reboot(_version: int) -> Schema:
    """The action reboot."""
    kinds = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
    return types.envelope("reboot", types.struct({"type": {"type": "string", "enum": kinds}}, required=("type",)))


def reset_state(_version: int) -> Schema:
    """The action os-resetState."""
    states = {"type": "string", "enum": ["active", "error"]}
    return types.envelope("os-resetState", types.struct({"state": states}, required=("state",)))


def start(_version: int) -> Schema:
    """The action os-start."""
    return types.envelope("os-start", types.ANYTHING)


def stop(_version: int) -> Schema:
    """The action os-stop."""
    return types.envelope("os-stop", types.ANYTHING)


_TEXT_FILTERS = (
    "user_id", "project_id", "tenant_id", "launch_index", "image_ref", "image", "vm_state", "task_state", "host",
    "uuid", "sort_dir", "all_tenants", "soft_deleted", "deleted", "status",
)  # fmt: skip
_REGEX_FILTERS = (
    "kernel_id", "ramdisk_id", "hostname", "key_name", "power_state", "node", "flavor", "reservation_id", "launched_at",
    "terminated_at", "availability_zone", "name", "display_name", "description", "display_description", "locked_by",
    "root_device_name", "config_drive", "access_ip_v4", "access_ip_v6", "auto_disk_config", "progress", "ip", "ip6",
    "created_at",
)  # fmt: skip
INTERNAL_FILTERS = (
    "block_device_mapping", "services", "metadata", "system_metadata", "info_cache", "security_groups", "pci_devices",
)  # fmt: skip
"""Names of Nova's internals: refused as filters with a sentence of their own, in every microversion."""
SORT_KEYS = (
    "access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "config_drive", "created_at",
    "display_description", "display_name", "host", "hostname", "image_ref", "instance_type_id", "kernel_id", "key_name",
    "launch_index", "launched_at", "locked_by", "node", "power_state", "progress", "project_id", "ramdisk_id",
    "root_device_name", "task_state", "terminated_at", "updated_at", "user_id", "uuid", "vm_state",
)  # fmt: skip
IGNORED_SORT_KEYS = (
    "architecture", "cell_name", "cleaned", "default_ephemeral_device", "default_swap_device", "deleted", "deleted_at",
    "disable_terminate", "ephemeral_gb", "ephemeral_key_uuid", "id", "key_data", "launched_on", "locked", "memory_mb",
    "os_type", "reservation_id", "root_gb", "shutdown_terminate", "user_data", "vcpus", "vm_mode",
)  # fmt: skip
"""Sort keys that are let through and sort nothing, up to 2.74."""
_TIME_FILTER = types.array({"type": "string", "format": "date-time"})


def index_query(version: int) -> Schema:
    """GET /servers and /servers/detail."""
    sort_keys = list(SORT_KEYS) + (["locked"] if version >= 73 else [])
    if version < 75:
        sort_keys += [key for key in IGNORED_SORT_KEYS if key not in sort_keys]
    properties = (
        dict.fromkeys((*_TEXT_FILTERS, *INTERNAL_FILTERS), types.TEXT_PARAMETER)
        | dict.fromkeys(_REGEX_FILTERS, types.REGEX_PARAMETER)
        | types.PAGING
        | {"sort_key": types.array({"type": "string", "enum": sort_keys}), "changes-since": _TIME_FILTER}
    )
    if version >= 26:
        properties |= dict.fromkeys(("tags", "tags-any", "not-tags", "not-tags-any"), types.REGEX_PARAMETER)
    if version >= 66:
        properties["changes-before"] = _TIME_FILTER
    if version >= 73:
        properties["locked"] = types.TEXT_PARAMETER
    return types.query(properties, strict=version >= 75)


def actions_query(version: int) -> Schema:
    """GET /servers/{id}/os-instance-actions."""
    if version < 58:
        return types.query({}, strict=False)
    properties = {
        "limit": types.array(types.NON_NEGATIVE, maxItems=1),
        "marker": types.array({"type": "string"}, maxItems=1),
        "changes-since": types.array({"type": "string", "format": "date-time"}, maxItems=1),
    }
    if version >= 66:
        properties["changes-before"] = properties["changes-since"]
    return types.query(properties, strict=True)
