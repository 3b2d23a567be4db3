"""What runs on a host against what should: the conductor's half; compute/reconcile.py has the other.

Only rows without work are judged, and nothing is destroyed here: the compute looks twice before it believes that a
guest is an orphan or that one has vanished.
"""

import contextlib
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.contracts.backends import Backends
from corenova.db import instances, services, work
from corenova.exceptions import InstanceInvalidState
from corenova.objects import states
from corenova.objects.context import new_request_id
from corenova.objects.states import ACTIONS, SYNC_POWER, PowerState, Step
from corenova.objects.work import GuestSeen, HostGuests, Verdicts

_HAS_GUEST = (states.ACTIVE, states.STOPPED, states.PAUSED, states.SUSPENDED, states.RESCUED)
_DEADLINE_S = 600.0
LOST = "The guest has vanished from its host. A hard reboot creates it anew."


def compare(connection: sa.Connection, address: str, told: Sequence[HostGuests]) -> Verdicts:
    """Judge the guests of the hosts of ``address``; writes nothing: the compute looks once more at what differs."""
    names = [host.host for host in told]
    ours = services.served_by(connection, address, names)
    rows = {(row.host, row.uuid): row for row in work.on_hosts(connection, ours)}
    guests = {(host.host, guest.uuid): guest for host in told if host.host in ours for guest in host.guests}
    told_hosts = set(names)
    orphans = [key for key in guests if key not in rows]
    idle = {key: row for key, row in rows.items() if row.step is None}
    differing = [
        (row.host, row.uuid, row.generation)
        for key, row in idle.items()
        if key in guests and row.power_state != guests[key].power_state
    ]
    missing = [
        (row.host, row.uuid, row.generation)
        for key, row in idle.items()
        if key not in guests
        and row.host in told_hosts
        and row.vm_state in _HAS_GUEST
        and row.power_state != PowerState.NOSTATE
    ]
    waiting = tuple(row.uuid for row in rows.values() if row.step in Step.AT_COMPUTE)
    return Verdicts(orphans=tuple(orphans), missing=tuple(missing), differing=tuple(differing), work=waiting)


def settle(
    connection: sa.Connection, address: str, seen: Sequence[GuestSeen], backends: Backends
) -> list[tuple[str, str]]:
    """Bring rows in line with guests that the compute has looked at once more.

    A guest that has vanished takes its instance to ERROR, claims kept: the user decides between reboot and delete. A
    power state that differs is written, and followed by the work that Nova's table asks for. Rows that have changed
    since, or have work, are left alone. Returns (uuid, vm_state before) of instances whose vm_state has changed.
    """
    changes = []
    rows = work.locked(connection, [one.uuid for one in seen])
    its_own = services.served_by(connection, address, {row.host for row in rows.values() if row.host})
    for one in seen:
        row = rows.get(one.uuid)
        if row is None or row.deleted or row.generation != one.generation or row.step is not None:
            continue
        if row.host not in its_own:
            continue
        if one.power_state is None:
            details = f"Host {row.host} has no guest {row.uuid}."
            work.fail_action(connection, row, backends, vm_state=states.ERROR, message=LOST, details=details)
            instances.update(connection, row.uuid, power_state=PowerState.NOSTATE)
            changes.append((row.uuid, row.vm_state))
        else:
            _sync_power(connection, row, one.power_state, backends)
    return changes


def _sync_power(connection: sa.Connection, row: sa.Row, power_state: int, backends: Backends) -> None:
    instances.update(connection, row.uuid, power_state=power_state)
    step = SYNC_POWER.get((row.vm_state, power_state))
    if step is not None:
        # Whatever stopped the guest, the row follows through the same work as a user's stop would.
        request_id = new_request_id()
        forced = msgspec.structs.replace(ACTIONS[step], vm_states=())
        # A row whose state an operator has declared may allow no work at all; the others must still be settled.
        with contextlib.suppress(InstanceInvalidState):
            work.request(connection, row, forced, backends, request_id=request_id, user_id=None, deadline_s=_DEADLINE_S)
