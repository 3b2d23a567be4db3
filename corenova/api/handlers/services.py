"""Services: who is there, and whether schedulers may use them. Before 2.53 a service was named by host and binary."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.formats import is_uuid
from corenova.api.schemas.types import is_true
from corenova.api.views import services as view
from corenova.db import aggregates, hosts, instances, services
from corenova.exceptions import Conflict, InvalidInput, NotFound


def index(call: Call) -> dict[str, object]:
    """GET /os-services."""
    binary, host = call.parameter("binary"), call.parameter("host")

    def read(connection: sa.Connection) -> list[sa.Row]:
        return services.list_services(
            connection, down_time_s=_down_time_s(call), binary=binary or None, host=host or None
        )

    return {"services": [_shown(call, row) for row in call.read(read)]}


def update(call: Call, service_id: str) -> dict[str, object]:
    """PUT /os-services/{uuid}, from 2.53."""
    if not is_uuid(service_id):
        raise InvalidInput(f"Invalid uuid {service_id}")
    changes = _changes(call.body)

    def write(connection: sa.Connection) -> sa.Row:
        _check_binary(services.get(connection, service_id, down_time_s=_down_time_s(call)).binary)
        if not changes:
            raise InvalidInput("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
        services.update(connection, service_id, **changes)
        return services.get(connection, service_id, down_time_s=_down_time_s(call))

    row = call.write("service_update", write)
    call.services.lookups.hosts.forget()
    return {"service": _shown(call, row)}


def enable(call: Call) -> dict[str, object]:
    """PUT /os-services/enable, up to 2.52."""
    _update_named(call, disabled=False, disabled_reason=None)
    return {"service": _named(call) | {"status": "enabled"}}


def disable(call: Call) -> dict[str, object]:
    """PUT /os-services/disable, up to 2.52."""
    _update_named(call, disabled=True, disabled_reason=None)
    return {"service": _named(call) | {"status": "disabled"}}


def disable_log_reason(call: Call) -> dict[str, object]:
    """PUT /os-services/disable-log-reason, up to 2.52."""
    reason = call.body.get("disabled_reason")
    if reason is None:
        raise InvalidInput("Missing disabled reason field")
    _update_named(call, disabled=True, disabled_reason=reason)
    return {"service": _named(call) | {"status": "disabled", "disabled_reason": reason}}


def force_down(call: Call) -> dict[str, object]:
    """PUT /os-services/force-down, 2.11 to 2.52."""
    if "forced_down" not in call.body:
        raise InvalidInput("Missing forced_down field")
    forced = is_true(call.body["forced_down"])
    _update_named(call, forced_down=forced)
    return {"service": _named(call) | {"forced_down": forced}}


def delete(call: Call, service_id: str) -> None:
    """DELETE /os-services/{id}: its host is forgotten with it."""
    if call.version >= 53 and not is_uuid(service_id):
        raise InvalidInput(f"Invalid uuid {service_id}")

    def write(connection: sa.Connection) -> None:
        row = _find(call, connection, service_id)
        if row.binary == services.COMPUTE:
            if instances.find(connection, instances.InstanceQuery(host=row.host, limit=1)):
                raise Conflict(
                    "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
                )
            aggregates.forget_host(connection, row.host)
            hosts.forget(connection, row.host)
        services.delete(connection, row.uuid)

    call.write("service_delete", write)
    call.services.lookups.hosts.forget()


def _find(call: Call, connection: sa.Connection, service_id: str) -> sa.Row:
    if call.version >= 53:
        return services.get(connection, service_id, down_time_s=_down_time_s(call))
    for row in services.list_services(connection, down_time_s=_down_time_s(call)):
        if str(row.id) == service_id:
            return row
    raise NotFound(f"Service {service_id} not found.")


def _changes(body: dict[str, object]) -> dict[str, object]:
    changes: dict[str, object] = {}
    if "status" in body:
        disabled, reason = body["status"] == "disabled", body.get("disabled_reason")
        if reason and not disabled:
            raise InvalidInput("Specifying 'disabled_reason' with status 'enabled' is invalid.")
        changes |= {"disabled": disabled, "disabled_reason": reason}
    if "forced_down" in body:
        changes["forced_down"] = is_true(body["forced_down"])
    return changes


def _update_named(call: Call, **changes: object) -> None:
    host, binary = call.body["host"], call.body["binary"]
    _check_binary(binary)

    def write(connection: sa.Connection) -> None:
        found = services.list_services(connection, down_time_s=_down_time_s(call), binary=binary, host=host)
        if not found:
            raise NotFound(f"Could not find binary {binary} on host {host}.")
        services.update(connection, found[0].uuid, **changes)

    call.write("service_update", write)
    call.services.lookups.hosts.forget()


def _check_binary(binary: str) -> None:
    if binary != services.COMPUTE:
        raise InvalidInput(
            f"Updating a {binary} service is not supported. Only {services.COMPUTE} services can be updated."
        )


def _named(call: Call) -> dict[str, object]:
    return {"host": call.body["host"], "binary": call.body["binary"]}


def _shown(call: Call, row: sa.Row) -> dict[str, object]:
    zone = call.services.lookups.zone_of(row.host) if row.binary == services.COMPUTE else "internal"
    return view.show(row, zone, call.version)


def _down_time_s(call: Call) -> float:
    return float(call.services.conf.service_down_time)
