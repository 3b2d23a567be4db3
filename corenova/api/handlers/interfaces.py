"""The network interfaces of a server, for reading: what its row knows of them."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import addresses as view
from corenova.db import instances
from corenova.exceptions import NotFound


def index(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-interface."""
    row = _server(call, server_id)
    nics = view.nics_of(row)
    return {"interfaceAttachments": [view.interface(nic, row.power_state, call.version) for nic in nics]}


def show(call: Call, server_id: str, port_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-interface/{port}."""
    row = _server(call, server_id)
    for nic in view.nics_of(row):
        if nic.port_id == port_id:
            return {"interfaceAttachment": view.interface(nic, row.power_state, call.version)}
    raise NotFound(f"Instance {server_id} does not have a port with id {port_id}")


def _server(call: Call, server_id: str) -> sa.Row:
    return call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
