"""What a user asks of an existing instance, turned into work on its row and a hint to its compute.

As with creates the transaction is the acceptance and the message only a hint. Delete wins over whatever else is under
way: it raises the row's generation, so every result of older work is refused.
"""

import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from oslo_config import cfg

from corenova.contracts.backends import Backends
from corenova.db import actions, hosts, instances, services, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import NotFound, NotImplementedByDriver
from corenova.objects import states
from corenova.objects.context import RequestContext
from corenova.objects.states import ACTIONS, Action, Step
from corenova.objects.work import NO_ARGS, StepArgs
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.conductor import ConductorAPI

_LOOK_S, _MOST_LOOK_S = 0.02, 0.5
_DECLARED = "An operator has declared this server to be in error."


class InstanceActions:
    """Actions on instances. Thread-safe; one for the process."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        db: Database,
        events: Events,
        backends: Backends,
        *,
        compute: ComputeAPI,
        conductor: ConductorAPI,
    ):
        self._db = db
        self._backends = backends
        self._conductor = conductor
        self._waiters = threading.BoundedSemaphore(max(1, conf.api.threads // 4))
        self._compute = compute
        self._events = events
        self._down_time_s = float(conf.service_down_time)
        self._deadline_s = float(conf.conductor.build_deadline_s)
        self._deadlines_s = {Step.SNAPSHOT: float(conf.conductor.snapshot_deadline_s)}

    def request(
        self,
        context: RequestContext,
        instance_uuid: str,
        step: str,
        *,
        prepare: Callable[[sa.Connection, sa.Row], StepArgs] = lambda connection, row: NO_ARGS,
    ) -> sa.Row:
        """Ask for an action; returns the row as it was before.

        :param step: one of objects.states.ACTIONS but delete.
        :param prepare: called in the transaction, once the row's state allows the action: writes what goes with it and
            returns what the step is about; what it raises refuses the action.
        :raises NotFound: no such instance in the caller's sight.
        :raises InstanceInvalidState: its states do not allow it.
        :raises NotImplementedByDriver: the hypervisor of its host does not offer it.
        """

        def accept(connection: sa.Connection) -> tuple[str | None, sa.Row]:
            row = self._visible(connection, context, instance_uuid)
            if not _is_accepted(row, context):
                work.check(row, ACTIONS[step])
                _check_ability(connection, row, ACTIONS[step])
                work.request(
                    connection,
                    row,
                    ACTIONS[step],
                    self._backends,
                    request_id=context.request_id,
                    user_id=context.user_id,
                    deadline_s=self._deadlines_s.get(step, self._deadline_s),
                    args=prepare(connection, row),
                )
            return self._address(connection, row.host), row

        address, row = self._db.write("api.action", accept)
        self._hint(address, step, instance_uuid)
        return row

    def finished(self, instance_uuid: str, context: RequestContext, *, timeout_s: float) -> bool:
        """Wait until the action of this very request is over; False when it is not within ``timeout_s``."""
        if not self._waiters.acquire(blocking=False):
            return False  # enough threads wait already; others must be left for other requests
        try:
            deadline, pause_s = time.monotonic() + timeout_s, _LOOK_S
            while not self._is_over(instance_uuid, context):
                if time.monotonic() > deadline:
                    return False
                time.sleep(pause_s)
                pause_s = min(pause_s * 1.5, _MOST_LOOK_S)
            return True
        finally:
            self._waiters.release()

    def _is_over(self, instance_uuid: str, context: RequestContext) -> bool:
        row = self._db.read(lambda connection: instances.get(connection, instance_uuid, deleted=True))
        return row.step is None or row.request_id != context.request_id

    def delete(self, context: RequestContext, instance_uuid: str) -> None:
        """Delete an instance in whatever state it is; one that is on no living host is gone at once.

        :raises NotFound: no such instance in the caller's sight.
        :raises Vetoed: a plug-in refuses; nothing was written.
        """
        hooks = self._events.hooks
        if hooks.listens("api_delete_pre"):
            self._ask(context, instance_uuid)

        def accept(connection: sa.Connection) -> tuple[str | None, list, list]:
            row = self._visible(connection, context, instance_uuid)
            if row.deleted:
                return None, [], []
            is_new = row.step != Step.DELETE or _is_accepted(row, context)
            asked_for = row.request_id if row.step == Step.DELETE else context.request_id
            if row.step != Step.DELETE:
                work.request(
                    connection,
                    row,
                    ACTIONS[Step.DELETE],
                    self._backends,
                    request_id=context.request_id,
                    user_id=context.user_id,
                    deadline_s=self._deadline_s,
                )
            actions.close_stale_events(connection, [row.uuid], "Deleted by its user.")
            address = self._address(connection, row.host)
            if address is None:
                # On no host, or on one that is down: its guest, if there is one, is reaped when the host comes back.
                work.remove(connection, [row], self._backends)
                actions.close_actions(connection, [(row.uuid, asked_for, None)])
            is_told = is_new and hooks.listens("api_delete_post")
            accepted = instances.changed(connection, [(row.uuid, row.vm_state)] if is_told else [])
            return address, accepted, self._changed(connection, row) if address is None else []

        address, accepted, gone = self._db.write("api.delete", accept)
        for instance, _ in accepted:
            hooks.call("api_delete_post", context=context, instance=instance)
        self._events.state_changed(gone)
        self._hint(address, Step.DELETE, instance_uuid)

    def _ask(self, context: RequestContext, instance_uuid: str) -> None:
        """Let plug-ins say no to a delete, outside the transaction: they may take their time."""
        row = self._db.read(lambda connection: instances.get(connection, instance_uuid, deleted=True))
        _check_sight(row, context, instance_uuid)
        if row.step != Step.DELETE and not row.deleted:
            self._events.hooks.ask("api_delete_pre", context=context, instance=instances.to_instance(row))

    def reset_state(self, context: RequestContext, instance_uuid: str, vm_state: str) -> None:
        """Declare an instance active or in error (an operator's word); whatever works on it is overtaken.

        :raises NotFound: no such instance.
        """

        def accept(connection: sa.Connection) -> list:
            row = self._visible(connection, context, instance_uuid)
            work.reset(connection, row, self._backends, vm_state=vm_state)
            if vm_state == states.ERROR:
                given_up = row.vm_state == states.BUILDING
                message = "An operator has given up the build of this server." if given_up else _DECLARED
                actions.set_fault(connection, row.uuid, code=500, message=message, details=None)
            if row.step is not None:
                actions.close_actions(connection, [(row.uuid, row.request_id, actions.ERROR)])
            return self._changed(connection, row)

        self._events.state_changed(self._db.write("api.reset_state", accept))

    def _changed(self, connection: sa.Connection, row: sa.Row) -> list:
        return instances.changed(connection, [(row.uuid, row.vm_state)] if self._events.wanted else [])

    def _visible(self, connection: sa.Connection, context: RequestContext, instance_uuid: str) -> sa.Row:
        row = work.locked(connection, [instance_uuid]).get(instance_uuid)
        _check_sight(row, context, instance_uuid)
        return row

    def _address(self, connection: sa.Connection, host: str | None) -> str | None:
        """Return where the compute of ``host`` listens, None when there is no living one."""
        if host is None:
            return None
        address, is_up = services.addresses(connection, [host], down_time_s=self._down_time_s).get(host, (None, False))
        return address if is_up else None

    def _hint(self, address: str | None, step: str, instance_uuid: str) -> None:
        if step in Step.AT_CONDUCTOR:
            self._conductor.rebuild_instance([instance_uuid])
        elif address is not None:
            self._compute.hint(address, step, [instance_uuid])


def _check_sight(row: sa.Row | None, context: RequestContext, instance_uuid: str) -> None:
    foreign = row is not None and row.project_id != context.project_id and not context.is_admin
    if row is None or foreign or (row.deleted and row.request_id != context.request_id):
        raise NotFound(f"Instance {instance_uuid} could not be found.")


def _check_ability(connection: sa.Connection, row: sa.Row, action: Action) -> None:
    if action.ability and action.ability not in hosts.abilities(connection, row.host):
        raise NotImplementedByDriver(f"The hypervisor of this server's host does not offer '{action.name}'.")


def _is_accepted(row: sa.Row, context: RequestContext) -> bool:
    """Tell whether this very request was accepted before: a commit whose answer was lost is tried again."""
    return row.request_id == context.request_id
