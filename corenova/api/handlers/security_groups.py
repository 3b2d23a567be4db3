"""Security groups of a server, which are those of its ports; the groups themselves are the network service's."""

import msgspec
import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views import security_groups as view
from corenova.db import instances
from corenova.exceptions import InstanceInvalidState
from corenova.objects.states import ACTIVE, PAUSED, RESCUED, STOPPED, SUSPENDED

_MAY_CHANGE = (ACTIVE, PAUSED, STOPPED, SUSPENDED, RESCUED)


def index(call: Call, server_id: str) -> dict[str, object]:
    """GET /servers/{id}/os-security-groups."""

    def read(connection: sa.Connection) -> dict[str, object]:
        instances.get(connection, server_id, project_id=call.scope)
        groups = call.services.backends.networks.security_groups(connection, server_id)
        return {"security_groups": [view.group(group) for group in groups]}

    return call.read(read)


def add(call: Call, server_id: str) -> None:
    """The action addSecurityGroup."""
    _change(call, server_id, call.body["addSecurityGroup"]["name"], add=True)


def remove(call: Call, server_id: str) -> None:
    """The action removeSecurityGroup."""
    _change(call, server_id, call.body["removeSecurityGroup"]["name"], add=False)


def _change(call: Call, server_id: str, name: str, *, add: bool) -> None:
    networks = call.services.backends.networks

    def write(connection: sa.Connection) -> list[str]:
        row = instances.get(connection, server_id, project_id=call.scope)
        if row.vm_state not in _MAY_CHANGE:
            raise InstanceInvalidState(
                f"Cannot change the security groups of instance {server_id} while it is in vm_state {row.vm_state}"
            )
        told = {server_id, *networks.affected(connection, [server_id])}
        owner = msgspec.structs.replace(call.context, project_id=row.project_id)
        networks.change_security_group(connection, owner, server_id, name, add=add)
        return sorted(told | {*networks.affected(connection, [server_id])})

    call.services.tell_firewalls(call.write("security_group", write))
