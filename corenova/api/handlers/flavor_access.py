"""Which projects may use a private flavor."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import flavors as view
from corenova.db import flavors
from corenova.exceptions import Conflict, NotFound


def index(call: Call, flavor_id: str) -> dict[str, object]:
    """GET /flavors/{id}/os-flavor-access."""

    def read(connection: sa.Connection) -> dict[str, object]:
        if flavors.get(connection, flavor_id).is_public:
            raise NotFound("Access list not available for public flavors.")
        return _shown(connection, flavor_id)

    return call.read(read)


def add(call: Call, flavor_id: str) -> dict[str, object]:
    """Let a project use the flavor (addTenantAccess)."""
    project_id = call.body["addTenantAccess"]["tenant"]

    def write(connection: sa.Connection) -> dict[str, object]:
        if flavors.get(connection, flavor_id).is_public and call.version >= 7:
            raise Conflict("Can not add access to a public flavor.")
        flavors.add_access(connection, flavor_id, project_id)
        return _shown(connection, flavor_id)

    return call.write("flavor_access_add", write)


def remove(call: Call, flavor_id: str) -> dict[str, object]:
    """No longer let a project use the flavor (removeTenantAccess)."""
    project_id = call.body["removeTenantAccess"]["tenant"]

    def write(connection: sa.Connection) -> dict[str, object]:
        flavors.get(connection, flavor_id)
        flavors.remove_access(connection, flavor_id, project_id)
        return _shown(connection, flavor_id)

    return call.write("flavor_access_remove", write)


def _shown(connection: sa.Connection, flavor_id: str) -> dict[str, object]:
    return view.access(flavor_id, list(flavors.list_access(connection, flavor_id)))
