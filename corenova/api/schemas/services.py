"""Bodies and query strings of services and hypervisors."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 255}


def index_query(version: int) -> Schema:
    """GET /os-services."""
    return types.query(dict.fromkeys(("host", "binary"), types.TEXT_PARAMETER), strict=version >= 75)


def update(_version: int) -> Schema:
    """PUT /os-services/{id}, from 2.53."""
    status = {"type": "string", "enum": ["enabled", "disabled"]}
    return types.struct({"status": status, "disabled_reason": _TEXT, "forced_down": types.BOOLEAN})


def update_by_name(version: int) -> Schema:
    """PUT /os-services/enable, disable, disable-log-reason and force-down, up to 2.52."""
    properties = {"host": types.FQDN, "binary": _TEXT, "disabled_reason": _TEXT}
    if version >= 11:
        properties["forced_down"] = types.BOOLEAN
    return types.struct(properties, required=("host", "binary"))


def hypervisors_query(version: int) -> Schema:
    """GET /os-hypervisors and /os-hypervisors/detail."""
    if version < 33:
        return types.query({}, strict=False)
    if version < 53:
        return types.query(types.PAGING, strict=False)
    properties = {
        "limit": types.array(types.NON_NEGATIVE, maxItems=1),
        "marker": types.array({"type": "string"}, maxItems=1),
        "hypervisor_hostname_pattern": types.array(types.FQDN, maxItems=1),
        "with_servers": types.array(types.BOOLEAN, maxItems=1),
    }
    return types.query(properties, strict=True)


def hypervisor_query(version: int) -> Schema:
    """GET /os-hypervisors/{id}."""
    if version < 53:
        return types.query({}, strict=False)
    return types.query({"with_servers": types.array(types.BOOLEAN, maxItems=1)}, strict=True)
