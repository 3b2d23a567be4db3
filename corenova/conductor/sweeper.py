"""Looks, at intervals, for work that nobody does: messages that were lost, workers that died, builds past their time.

This is the mechanism that makes accepted requests end; messages only make it quick. Several conductors may sweep: what
one takes up is put off for the others. It also forgets decisions that are older than anybody wants to know.
"""

import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from oslo_db.exception import DBError, RetryRequest

from corenova.conductor.tasks.reschedule import reschedule
from corenova.contracts.backends import Backends
from corenova.db import actions, decisions, instances, services, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import Unavailable
from corenova.objects import states
from corenova.objects.instance import Instance
from corenova.objects.states import Step
from corenova.rpc.compute import ComputeAPI

LOG = logging.getLogger(__name__)
_BURY_BATCH = 200
_PRUNE_BATCH = 200
_MOST_PRUNED = 4000
"""In one sweep; so many transactions are short, and a scheduler's claim waits for one of them at most."""
_PRUNE_INTERVAL_S = 600.0
"""Between two looks for old decisions, once there are none left: a look reads the whole table."""
_OVERDUE_BUILDS = {
    Step.SCHEDULE: ("waiting to be scheduled", states.SCHEDULE_EVENT),
    Step.BUILD: ("being built", None),
}
"""What is said of a build that is given up, and the event that has failed (None: the compute's own is open)."""


class Sweeper:
    """A thread that sweeps.

    :param schedule: called with the uuids of instances that wait for a conductor.
    :param decision_age_s: decisions older than that are forgotten; 0: none.
    """

    def __init__(
        self,
        db: Database,
        compute: ComputeAPI,
        events: Events,
        schedule: Callable[[Sequence[str]], None],
        backends: Backends,
        *,
        interval_s: float,
        batch: int,
        max_attempts: int,
        down_time_s: float,
        decision_age_s: float = 0.0,
    ):
        self._db = db
        self._compute = compute
        self._events = events
        self._schedule = schedule
        self._backends = backends
        self._interval_s = interval_s
        self._batch = batch
        self._max_attempts = max_attempts
        self._down_time_s = down_time_s
        self._decision_age_s = decision_age_s
        self._prunes_from = 0.0
        # Computes start beside us, perhaps after a long night: nobody is called down before they had time to say hello.
        self._judges_from = time.monotonic() + down_time_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin; the first sweep is at once, because this may be a restart."""
        self._thread.start()

    def stop(self) -> None:
        """End before the next sweep; waits a moment for the one that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.sweep()
            except Unavailable as error:
                LOG.warning("No sweep: %s", error)
            except Exception:
                LOG.exception("A sweep failed; the next one is in %s s", self._interval_s)
            # A random offset keeps several conductors from sweeping in step.
            self._stopped.wait(self._interval_s * random.uniform(0.8, 1.2))

    def sweep(self) -> int:
        """Take up what is due; returns how many rows that was."""
        rows = self._db.write("sweeper.due", lambda connection: work.due(connection, most=self._batch))
        waiting = [row.uuid for row in rows if row.step in Step.AT_CONDUCTOR]
        if waiting:
            self._schedule(waiting)
        at_compute = [row for row in rows if row.step in Step.AT_COMPUTE and row.host]
        if at_compute:
            self._wake(at_compute)
        self._events.conductor_wrote(self._db.write("sweeper.deadline", self._end_overdue))
        if self._decision_age_s and time.monotonic() >= self._prunes_from:
            self._prune()
        return len(rows)

    def _prune(self) -> None:
        """Forget old decisions; when there are many, what is left is for the next sweep."""

        def prune(connection: sa.Connection) -> int:
            return decisions.prune(connection, age_s=self._decision_age_s, most=_PRUNE_BATCH)

        for _ in range(_MOST_PRUNED // _PRUNE_BATCH):
            if self._db.write("sweeper.prune", prune) < _PRUNE_BATCH:
                self._prunes_from = time.monotonic() + min(_PRUNE_INTERVAL_S, self._decision_age_s)
                return

    def _wake(self, rows: Sequence[sa.Row]) -> None:
        names = sorted({row.host for row in rows})
        known = self._db.read(lambda c: services.addresses(c, names, down_time_s=self._down_time_s))
        hints: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows:
            address, is_up = known.get(row.host, (None, False))
            if is_up:
                hints[address, row.step].append(row.uuid)
        for (address, step), uuids in hints.items():
            self._compute.hint(address, step, uuids)
        if time.monotonic() > self._judges_from:
            self._give_away([row for row in rows if not known.get(row.host, (None, False))[1]])

    def _give_away(self, rows: Sequence[sa.Row]) -> None:
        """The hosts of these rows are down. One row that fails must not keep the others."""
        for row in rows:
            if row.step not in (Step.BUILD, Step.DELETE):
                continue
            try:
                ended = self._db.write("sweeper.host_down", lambda connection, r=row: self._without(connection, r))
                self._events.conductor_wrote(ended)
            except Exception:
                LOG.exception("%s on the silent host %s is left for the next sweep", row.uuid, row.host)

    def _without(self, connection: sa.Connection, seen: sa.Row) -> list[tuple[Instance, str]]:
        """The host of this row is down: a build goes elsewhere, a delete ends here (a guest is reaped later).

        A build whose alternates are down too is scheduled anew; while no host is up at all it waits for its deadline.
        Returns what has ended, for listeners.
        """
        row = work.locked(connection, [seen.uuid])[seen.uuid]
        if row.generation != seen.generation or row.host != seen.host:
            return []  # it has moved on since the sweep looked
        if row.step == Step.DELETE and not row.deleted:
            self._remove(connection, row)
            return self._ended(connection, [row])
        if row.step != Step.BUILD:
            return []
        known = services.list_services(connection, down_time_s=self._down_time_s, binary=services.COMPUTE)
        up = {service.host for service in known if service.is_up}
        reason = f"Host {row.host} has not been heard of for {self._down_time_s:.0f} s."
        if up.isdisjoint(host for host, _ in work.alternates_of(row)) and row.attempts < self._max_attempts:
            if up:
                work.send_back(connection, row, reason=reason)
            return []
        target = reschedule(
            connection,
            row,
            self._backends,
            reason=reason,
            public_reason="the host does not answer",
            max_attempts=self._max_attempts,
            down_time_s=self._down_time_s,
        )
        return self._ended(connection, [row]) if target is None else []

    def _end_overdue(self, connection: sa.Connection) -> list[tuple[Instance, str]]:
        ended = []
        for row in work.past_deadline(connection, most=_BURY_BATCH):
            try:
                with connection.begin_nested():
                    self._give_up(connection, row)
                ended.append(row)
            except (RetryRequest, DBError):
                raise
            except Exception:  # one row that fails must not keep the others
                LOG.exception("%s, which is past its deadline, is left for the next sweep", row.uuid)
        return self._ended(connection, ended)

    def _give_up(self, connection: sa.Connection, row: sa.Row) -> None:
        details = f"Deadline passed in step {row.step}, attempt {row.attempts}, host {row.host}, owner {row.owner}."
        if row.step == Step.DELETE:
            self._remove(connection, row)
        elif row.step in _OVERDUE_BUILDS:
            what, event = _OVERDUE_BUILDS[row.step]
            message = f"Instance {row.uuid} was still {what} at its deadline and was given up."
            work.bury(connection, row, self._backends, message=message, details=details, event=event)
        else:
            action = states.ACTIONS[row.step].name
            message = f"The action {action} was not done by its deadline and was given up."
            work.fail_action(connection, row, self._backends, vm_state=row.vm_state, message=message, details=details)

    def _ended(self, connection: sa.Connection, rows: Sequence[sa.Row]) -> list[tuple[Instance, str]]:
        """Return these instances as they are now, with their vm_state before, for those who listen."""
        changes = [(row.uuid, row.vm_state) for row in rows] if self._events.wanted else []
        return instances.changed(connection, changes)

    def _remove(self, connection: sa.Connection, row: sa.Row) -> None:
        work.remove(connection, [row], self._backends)
        actions.close_stale_events(connection, [row.uuid], "The host did not answer; its guest is reaped later.")
        actions.close_actions(connection, [(row.uuid, row.request_id, None)])
