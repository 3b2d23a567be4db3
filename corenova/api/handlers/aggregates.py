"""Host aggregates: hosts that have something in common, an availability zone for one."""

import math
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import aggregates as view
from corenova.db import aggregates
from corenova.exceptions import InvalidInput

_MAX_ID = 0x7FFFFFFF


def index(call: Call) -> dict[str, object]:
    """GET /os-aggregates."""
    return {"aggregates": [view.show(row, call.version) for row in call.read(aggregates.list_aggregates)]}


def show(call: Call, aggregate_id: str) -> dict[str, object]:
    """GET /os-aggregates/{id}."""
    number = _number(aggregate_id)
    row = call.read(lambda connection: aggregates.get(connection, number))
    return {"aggregate": view.show(row, call.version)}


def create(call: Call) -> dict[str, object]:
    """POST /os-aggregates."""
    asked = call.body["aggregate"]
    name, zone = asked["name"].strip(), asked.get("availability_zone")
    row = call.write("aggregate_create", lambda connection: aggregates.create(connection, name, zone))
    return {"aggregate": view.created(row, call.version)}


def update(call: Call, aggregate_id: str) -> dict[str, object]:
    """PUT /os-aggregates/{id}."""
    number, asked = _number(aggregate_id), call.body["aggregate"]

    def write(connection: sa.Connection) -> aggregates.AggregateRow:
        if "name" in asked:
            aggregates.rename(connection, number, asked["name"].strip())
        if "availability_zone" in asked:
            aggregates.set_metadata(connection, number, {aggregates.ZONE: asked["availability_zone"]})
        return aggregates.get(connection, number)

    return _changed(call, "aggregate_update", write)


def delete(call: Call, aggregate_id: str) -> None:
    """DELETE /os-aggregates/{id}."""
    number = _number(aggregate_id)
    call.write("aggregate_delete", lambda connection: aggregates.delete(connection, number))


def add_host(call: Call, aggregate_id: str) -> dict[str, object]:
    """add_host."""
    number, host = _number(aggregate_id), call.body["add_host"]["host"]
    return _changed(call, "aggregate_add_host", lambda connection: aggregates.add_host(connection, number, host))


def remove_host(call: Call, aggregate_id: str) -> dict[str, object]:
    """remove_host."""
    number, host = _number(aggregate_id), call.body["remove_host"]["host"]
    return _changed(call, "aggregate_remove_host", lambda connection: aggregates.remove_host(connection, number, host))


def set_metadata(call: Call, aggregate_id: str) -> dict[str, object]:
    """set_metadata."""
    number, metadata = _number(aggregate_id), call.body["set_metadata"]["metadata"]
    _check_multipliers(metadata)
    return _changed(
        call, "aggregate_set_metadata", lambda connection: aggregates.set_metadata(connection, number, metadata)
    )


def _check_multipliers(metadata: Mapping[str, str | None]) -> None:
    """Refuse a weight multiplier that the scheduler would have to overlook."""
    for key, value in metadata.items():
        if key.endswith("_weight_multiplier") and value is not None and not _is_finite(value):
            raise InvalidInput(f"Invalid input for aggregate metadata {key}: '{value}' is no finite number.")


def _is_finite(text: str) -> bool:
    """Tell whether a text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _changed(call: Call, name: str, write: Callable[[sa.Connection], aggregates.AggregateRow]) -> dict[str, object]:
    row = call.write(name, write)
    call.services.lookups.hosts.forget()
    return {"aggregate": view.show(row, call.version)}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_ID:
        raise InvalidInput(f"Invalid input received: id must be a number between 0 and {_MAX_ID}, not '{text}'.")
    return int(text)
