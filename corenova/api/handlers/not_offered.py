"""What no driver can do yet: moving guests and their sizes, and volumes. Refused before anything is touched.

Each has its row in routes.py, so a client is told so in its own words, and whoever builds it begins there.
"""

from corenova.api.call import Call
from corenova.db import instances
from corenova.exceptions import NotFound, NotImplementedByDriver


def act(call: Call, server_id: str) -> None:
    """An action that no hypervisor here offers."""
    name = next(iter(call.body))
    call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    raise NotImplementedByDriver(f"The hypervisor of this server's host does not offer '{name}': no driver does yet.")


def attach_volume(call: Call, server_id: str) -> None:
    """POST /servers/{id}/os-volume_attachments."""
    call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    raise NotImplementedByDriver("Volumes are not available in this release.")


def list_volumes(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-volume_attachments: there are none."""
    call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    return {"volumeAttachments": []}


def show_volume(call: Call, server_id: str, volume_id: str) -> None:
    """GET /servers/{id}/os-volume_attachments/{volume}: there is none."""
    call.read(lambda connection: instances.get(connection, server_id, project_id=call.scope))
    raise NotFound(f"Volume {volume_id} is not attached to server {server_id}.")
