"""Why a server is where it is, or nowhere: the last decision of the scheduler on it, a sub-resource of the server."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.lookups import must_find
from corenova.api.views import scheduling as view
from corenova.db import decisions, instances

_HOSTS = "corenova:servers:scheduling:hosts"


def show(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-scheduling: the last decision of the scheduler on the server, and why."""
    with_hosts = call.may(_HOSTS)

    def read(connection: sa.Connection) -> dict[str, object]:
        row = instances.get(connection, server_id, project_id=call.scope)
        sentence = f"No decision of the scheduler on server {server_id} is kept: there was none yet, or it is too old."
        decision = must_find(decisions.get(connection, row.uuid), sentence)
        return {"scheduling": view.show(decision, row.project_id, with_hosts=with_hosts)}

    return call.read(read)
