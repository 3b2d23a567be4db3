"""What computes report becomes true: one transaction for all reports of a message.

A report counts only while the row's generation is the one that the work was given out with; a report that comes too
late changes nothing, and its sender is told when the guest must not stay.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.conductor.tasks.reschedule import reschedule
from corenova.contracts.backends import Backends
from corenova.db import actions, hosts, instances, services, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.firewall_hints import FirewallHints
from corenova.objects import states
from corenova.objects.states import Step
from corenova.objects.work import Report, Result
from corenova.rpc.compute import ComputeAPI

_DELETE_RETRY_S = 20.0
_FAILED_VM_STATE = dict.fromkeys((Step.REBOOT_HARD, Step.REBUILD, Step.RESCUE, Step.UNRESCUE), states.ERROR)
"""Where a failed action leaves the instance; the others leave it where it was."""
_CHANGES_PORTS = (Step.BUILD, Step.ATTACH_INTERFACE, Step.DETACH_INTERFACE, Step.DELETE)
"""Steps after which addresses have come or gone, so that the rules of others change that name them by a group."""


class Applied(msgspec.Struct):
    """What a transaction of reports leaves to be done after the commit."""

    unwanted: list[tuple[str, str]] = []
    hints: dict[str, list[str]] = {}
    firewalls: list[str] = []
    changes: list[tuple[str, str]] = []


class OutcomeTask:
    """Applies reports."""

    def __init__(
        self,
        db: Database,
        compute: ComputeAPI,
        events: Events,
        backends: Backends,
        *,
        max_attempts: int,
        down_time_s: float,
    ):
        self._db = db
        self._backends = backends
        self._compute = compute
        self._events = events
        self._tell_firewalls = FirewallHints(db, compute, down_time_s=down_time_s)
        self._max_attempts = max_attempts
        self._down_time_s = down_time_s

    def run(self, address: str, reports: Sequence[Report]) -> list[tuple[str, str]]:
        """Write the reports of the compute at ``address``; return (host, uuid) of guests that must go."""

        def apply(connection: sa.Connection) -> tuple[Applied, list]:
            # A compute speaks for its own hosts only; what it says of others changes nothing.
            its_own = services.served_by(connection, address, {report.host for report in reports})
            return self._apply(connection, [report for report in reports if report.host in its_own])

        applied, changed = self._db.write("conductor.report", apply)
        for address, uuids in applied.hints.items():
            self._compute.hint(address, Step.BUILD, uuids)
        self._tell_firewalls(applied.firewalls)
        self._events.conductor_wrote(changed)
        return applied.unwanted

    def _apply(self, connection: sa.Connection, reports: Sequence[Report]) -> tuple[Applied, list]:
        rows = work.reported(connection, [r.instance_uuid for r in reports])
        applied = Applied()
        done: dict[str, list[tuple[Report, sa.Row]]] = defaultdict(list)
        progress = []
        for report in reports:
            row = rows.get(report.instance_uuid)
            if row is None or row.deleted or row.host != report.host:
                applied.unwanted.append((report.host, report.instance_uuid))
            elif row.generation != report.generation or row.step != report.step:
                continue  # overtaken by newer work on the same host, which decides about the guest
            elif report.result == Result.PROGRESS:
                if not states.may_progress(row.task_state, report.task_state):
                    continue  # a report that comes late must not turn the clock back
                progress.append((report.instance_uuid, report.generation, report.task_state))
            elif report.result == Result.DONE:
                done[report.step].append((report, row))
            else:
                self._failed(connection, report, row, applied)
        if progress:
            work.progress(connection, progress)
        for step, pairs in done.items():
            self._done(connection, step, pairs, applied)
        changed = instances.changed(connection, applied.changes if self._events.wanted else [])
        return applied, changed

    def _done(self, connection: sa.Connection, step: str, pairs: list[tuple[Report, sa.Row]], applied: Applied) -> None:
        with_ports = [row.uuid for _, row in pairs if row.network_info] if step in _CHANGES_PORTS else []
        if with_ports:
            applied.firewalls += self._backends.networks.affected(connection, with_ports)
        if step == Step.DELETE:
            work.remove(connection, [row for _, row in pairs], self._backends)
        else:
            work.finish(connection, step, [(r.instance_uuid, r.generation, r.power_state) for r, _ in pairs])
        if step == Step.BUILD:
            hosts.acquit(connection, [row.host for _, row in pairs])
        if with_ports and step in (Step.BUILD, Step.ATTACH_INTERFACE):
            self._backends.networks.plugged(connection, with_ports)
        elif step == Step.DETACH_INTERFACE:
            for _, row in pairs:
                self._backends.networks.detach(connection, row.uuid, work.args_of(row).port_id)
        actions.close_events(connection, [(r.instance_uuid, r.generation, None) for r, _ in pairs])
        actions.close_actions(connection, [(row.uuid, row.request_id, None) for _, row in pairs])
        applied.changes += [(row.uuid, row.vm_state) for _, row in pairs]

    def _failed(self, connection: sa.Connection, report: Report, row: sa.Row, applied: Applied) -> None:
        reason = report.reason or "The compute gave no reason."
        public = report.public_reason or "The hypervisor could not do it."
        if report.step == Step.BUILD and report.result == Result.RESCHEDULE:
            if report.blames_host:
                hosts.blame(connection, report.host)
            target = reschedule(
                connection,
                row,
                self._backends,
                reason=reason,
                public_reason=public,
                max_attempts=self._max_attempts,
                down_time_s=self._down_time_s,
            )
            if target is None:
                applied.changes.append((row.uuid, row.vm_state))
            else:
                applied.hints.setdefault(target[0], []).append(row.uuid)
            return
        if report.step == Step.BUILD:
            message = f"Build of instance {row.uuid} aborted: {public}"
            work.bury(connection, row, self._backends, message=message, details=reason)
        elif report.step == Step.DELETE:
            work.put_off(connection, row, vm_state=states.ERROR, seconds=_DELETE_RETRY_S)
            actions.set_fault(connection, row.uuid, code=500, message=public, details=reason)
            actions.close_events(connection, [(row.uuid, report.generation, reason)])
        else:
            vm_state = _FAILED_VM_STATE.get(report.step, row.vm_state)
            work.fail_action(connection, row, self._backends, vm_state=vm_state, message=public, details=reason)
        applied.changes.append((row.uuid, row.vm_state))
