"""The network interfaces of a server: what its row knows of them, and ports that come and go while it is there.

A port is the server's from the transaction on that accepts the request. As Nova's clients expect, the answer to an
attach comes when the guest has the interface; if that takes longer than they would wait, the work goes on.
"""

import msgspec
import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import addresses as view
from corenova.db import instances
from corenova.exceptions import Conflict, InvalidInput, NotFound
from corenova.objects.network import Nic, WantedNic
from corenova.objects.states import Step
from corenova.objects.work import StepArgs

_PATIENCE_S = 30.0


def index(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-interface."""
    row = _server(call, server_id)
    nics = instances.nics_of(row)
    return {"interfaceAttachments": [view.interface(nic, row.power_state, call.version) for nic in nics]}


def show(call: Call, server_id: str, port_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-interface/{port}."""
    row = _server(call, server_id)
    for nic in instances.nics_of(row):
        if nic.port_id == port_id:
            return {"interfaceAttachment": view.interface(nic, row.power_state, call.version)}
    raise NotFound(f"Instance {server_id} does not have a port with id {port_id}")


def attach(call: Call, server_id: str) -> dict[str, object]:
    """POST /servers/{id}/os-interface."""
    asked = (call.body or {}).get("interfaceAttachment") or {}
    wanted = _wanted(asked)
    made: list[Nic] = []

    def prepare(connection: sa.Connection, row: sa.Row) -> StepArgs:
        # Whoever asks, an administrator perhaps: the port is the server's project's.
        owner = msgspec.structs.replace(call.context, project_id=row.project_id)
        made[:] = [call.services.backends.networks.attach(connection, owner, row.uuid, wanted)]
        return StepArgs(port_id=made[0].port_id)

    actions = call.services.instance_actions
    actions.request(call.context, server_id, Step.ATTACH_INTERFACE, prepare=prepare)
    actions.finished(server_id, call.context, timeout_s=_PATIENCE_S)
    row = _server(call, server_id)
    nic = next((nic for nic in instances.nics_of(row) if nic.port_id == made[0].port_id), None)
    if nic is None:
        raise Conflict(f"Failed to attach interface to server {server_id}; its actions say why.")
    return {"interfaceAttachment": view.interface(nic, row.power_state, call.version)}


def detach(call: Call, server_id: str, port_id: str) -> None:
    """DELETE /servers/{id}/os-interface/{port_id}."""

    def prepare(connection: sa.Connection, row: sa.Row) -> StepArgs:
        if port_id not in {nic.port_id for nic in instances.nics_of(row)}:
            raise NotFound(f"Port {port_id} is not attached to server {server_id}.")
        return StepArgs(port_id=port_id)

    call.services.instance_actions.request(call.context, server_id, Step.DETACH_INTERFACE, prepare=prepare)


def _wanted(asked: dict) -> WantedNic:
    network_id, port_id = asked.get("net_id"), asked.get("port_id")
    addresses = [one.get("ip_address") for one in asked.get("fixed_ips") or ()]
    if network_id and port_id:
        raise InvalidInput("Must not input both network_id and port_id")
    if addresses and not network_id:
        raise InvalidInput("Must input network_id when request IP address")
    address = addresses[0] if addresses else None
    return WantedNic(network_id=network_id, port_id=port_id, address=address, tag=asked.get("tag"))


def _server(call: Call, server_id: str) -> sa.Row:
    return call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
