"""Bodies and query strings of flavors."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

_DESCRIPTION: Schema = {"type": ["string", "null"], "format": "printable", "maxLength": 65535}
_ID: Schema = {
    "type": ["string", "number", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
}
SORT_KEYS = (
    "created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public", "memory_mb", "name",
    "root_gb", "rxtx_factor", "swap", "updated_at", "vcpu_weight", "vcpus",
)  # fmt: skip


def create(version: int) -> Schema:
    """POST /flavors."""
    properties = {
        "name": types.NAME,
        "id": _ID,
        "ram": types.POSITIVE,
        "vcpus": types.POSITIVE,
        "disk": types.NON_NEGATIVE,
        "OS-FLV-EXT-DATA:ephemeral": types.NON_NEGATIVE,
        "swap": types.NON_NEGATIVE,
        "rxtx_factor": {
            "type": ["number", "string"],
            "pattern": r"^[0-9]+(\.[0-9]+)?$",
            "exclusiveMinimum": 0,
            "maximum": 3.40282e38,
        },
        "os-flavor-access:is_public": types.BOOLEAN,
    }
    if version >= 55:
        properties["description"] = _DESCRIPTION
    return types.envelope("flavor", types.struct(properties, required=("name", "ram", "vcpus", "disk")))


def update(_version: int) -> Schema:
    """PUT /flavors/{id}."""
    return types.envelope("flavor", types.struct({"description": _DESCRIPTION}, required=("description",)))


def index_query(version: int) -> Schema:
    """GET /flavors and /flavors/detail."""
    properties = types.PAGING | dict.fromkeys(("is_public", "minRam", "minDisk"), types.TEXT_PARAMETER)
    properties["sort_key"] = types.array({"type": "string", "enum": list(SORT_KEYS)})
    properties["sort_dir"] = types.array({"type": "string", "enum": ["asc", "desc"]})
    return types.query(properties, strict=version >= 75)


def create_extra_specs(_version: int) -> Schema:
    """POST /flavors/{id}/os-extra_specs."""
    return types.envelope("extra_specs", types.metadata("string", "number"))


def update_extra_spec(_version: int) -> Schema:
    """PUT /flavors/{id}/os-extra_specs/{key}."""
    return types.metadata("string", "number") | {"minProperties": 1, "maxProperties": 1}


def add_access(_version: int) -> Schema:
    """The action addTenantAccess."""
    return types.envelope("addTenantAccess", types.struct({"tenant": types.PROJECT_ID}, required=("tenant",)))


def remove_access(_version: int) -> Schema:
    """The action removeTenantAccess."""
    return types.envelope("removeTenantAccess", types.struct({"tenant": types.PROJECT_ID}, required=("tenant",)))
