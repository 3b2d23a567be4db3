"""What runs on a host against what should: the conductor's half; compute/reconcile.py has the other.

Only rows without work are judged, and nothing is destroyed here: the compute looks twice before it believes that a
guest is an orphan or that one has vanished.
"""

import contextlib
import secrets
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from oslo_db.exception import RetryRequest

from corenova.db import actions, instances, services, work
from corenova.exceptions import InstanceInvalidState
from corenova.objects import states
from corenova.objects.states import ACTIONS, SYNC_POWER, PowerState, Step
from corenova.objects.work import HostGuests, Verdicts

_HAS_GUEST = (states.ACTIVE, states.STOPPED, states.PAUSED, states.SUSPENDED, states.RESCUED)
LOST = "The guest has vanished from its host. A hard reboot creates it anew."


def compare(connection: sa.Connection, address: str, told: Sequence[HostGuests]) -> Verdicts:
    """Judge the guests of the hosts of ``address``; brings power states in line (Nova's table) on the way."""
    names = [host.host for host in told]
    ours = services.served_by(connection, address, names)
    rows = {(row.host, row.uuid): row for row in work.on_hosts(connection, ours)}
    guests = {(host.host, guest.uuid): guest for host in told if host.host in ours for guest in host.guests}
    orphans = [key for key in guests if key not in rows]
    idle = {key: row for key, row in rows.items() if row.step is None}
    for key, row in idle.items():
        if key in guests and row.power_state != guests[key].power_state:
            _sync_power(connection, row, guests[key].power_state)
    missing = [
        (row.uuid, row.generation)
        for key, row in idle.items()
        if key not in guests and row.vm_state in _HAS_GUEST and row.power_state != PowerState.NOSTATE
    ]
    waiting = tuple(row.uuid for row in rows.values() if row.step in Step.AT_COMPUTE)
    return Verdicts(orphans=tuple(orphans), missing=tuple(missing), work=waiting)


def _sync_power(connection: sa.Connection, narrow: sa.Row, power_state: int) -> None:
    row = work.locked(connection, [narrow.uuid])[narrow.uuid]
    if row.generation != narrow.generation or row.step is not None:
        raise RetryRequest(RuntimeError("the row changed while power states were compared"))
    instances.update(connection, row.uuid, power_state=power_state)
    step = SYNC_POWER.get((row.vm_state, power_state))
    if step is not None:
        # Whatever stopped the guest, the row follows through the same work as a user's stop would.
        request_id = f"req-{secrets.token_hex(16)}"
        forced = msgspec.structs.replace(ACTIONS[step], vm_states=())
        # A row whose state an operator has declared may allow no work at all; the others must still be compared.
        with contextlib.suppress(InstanceInvalidState):
            work.request(connection, row, forced, request_id=request_id, user_id=None)


def lose(connection: sa.Connection, address: str, lost: Sequence[tuple[str, int]]) -> None:
    """Put instances whose guest has vanished in ERROR, claims kept: the user decides between reboot and delete."""
    rows = work.locked(connection, [uuid for uuid, _ in lost])
    its_own = services.served_by(connection, address, {row.host for row in rows.values() if row.host})
    for uuid, generation in lost:
        row = rows.get(uuid)
        if row is None or row.generation != generation or row.step is not None or row.deleted:
            continue
        if row.host not in its_own:
            continue
        work.fail_action(connection, row, vm_state=states.ERROR)
        instances.update(connection, uuid, power_state=PowerState.NOSTATE)
        actions.set_fault(connection, uuid, code=500, message=LOST, details=f"Host {row.host} has no guest {uuid}.")
