"""Bodies of host aggregates."""

from corenova.api.schemas import types
from corenova.api.validation import Schema


def create(_version: int) -> Schema:
    """POST /os-aggregates."""
    properties = {"name": types.NAME, "availability_zone": types.ZONE}
    return types.envelope("aggregate", types.struct(properties, required=("name",)))


def update(_version: int) -> Schema:
    """PUT /os-aggregates/{id}."""
    aggregate = types.struct({"name": types.LOOSE_NAME, "availability_zone": types.ZONE}) | {"minProperties": 1}
    return types.envelope("aggregate", aggregate)


def add_host(_version: int) -> Schema:
    """The action add_host."""
    return types.envelope("add_host", types.struct({"host": types.FQDN}, required=("host",)))


def remove_host(_version: int) -> Schema:
    """The action remove_host."""
    return types.envelope("remove_host", types.struct({"host": types.FQDN}, required=("host",)))


def set_metadata(_version: int) -> Schema:
    """The action set_metadata; null removes a key."""
    metadata = types.struct({"metadata": types.metadata("string", "null")}, required=("metadata",))
    return types.envelope("set_metadata", metadata)
