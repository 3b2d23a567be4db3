"""Bodies of a host's traits and inventories, which are Placement's."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

_MOST_TRAITS = 500
_GENERATION: Schema = {"type": "integer", "minimum": 0}


def set_traits(_version: int) -> Schema:
    """PUT /os-hypervisors/{id}/traits."""
    names = types.array({"type": "string", "maxLength": 255}, maxItems=_MOST_TRAITS, uniqueItems=True)
    return types.struct({"traits": names, "resource_provider_generation": _GENERATION}, required=("traits",))


def set_inventory(_version: int) -> Schema:
    """PUT /os-hypervisors/{id}/inventories/{resource class}. What the numbers may be together is checked later."""
    number: Schema = {"type": "integer"}
    names = ("total", "reserved", "min_unit", "max_unit", "step_size")
    properties = dict.fromkeys(names, number) | {
        "allocation_ratio": {"type": "number"},
        "resource_provider_generation": _GENERATION,
    }
    return types.struct(properties, required=("total",))
