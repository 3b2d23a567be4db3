"""The addresses of a server, without the rest of it."""

from corenova.api.call import Call
from corenova.api.views import addresses as view
from corenova.db import instances
from corenova.exceptions import NotFound


def index(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/ips."""
    return {"addresses": _addresses(call, server_id)}


def show(call: Call, server_id: str, network_label: str) -> dict[str, object]:
    """GET /servers/{id}/ips/{network}."""
    addresses = _addresses(call, server_id)
    if network_label not in addresses:
        raise NotFound("Instance is not a member of specified network")
    return {network_label: addresses[network_label]}


def _addresses(call: Call, server_id: str) -> dict[str, list[dict[str, object]]]:
    row = call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    return view.by_network(instances.nics_of(row))
