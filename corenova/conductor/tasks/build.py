"""Scheduling a batch of new instances and handing them to their computes: the conductor's part of a create.

Lease the rows, ask the scheduler (which claims and writes the host in one transaction), wake the computes. If this
process dies anywhere between, the row says how far it came: the lease ends, or the hint is sent again.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import oslo_messaging
import sqlalchemy as sa

from corenova.contracts.backends import Backends
from corenova.db import instances, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import CorenovaError
from corenova.objects.request_spec import Selection, SelectRequest
from corenova.objects.states import SCHEDULE_EVENT, Step
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.scheduler import SchedulerAPI

LOG = logging.getLogger(__name__)
_UNREADABLE = "What was asked for cannot be read; ask an operator."


class BuildTask:
    """One round of scheduling; stateless but for what it was given."""

    def __init__(self, db: Database, scheduler: SchedulerAPI, compute: ComputeAPI, events: Events, backends: Backends):
        self._db = db
        self._backends = backends
        self._scheduler = scheduler
        self._compute = compute
        self._events = events

    def run(self, rows: Sequence[sa.Row]) -> None:
        """Place these instances, whose rows this conductor has leased, and wake their computes."""
        requests, unreadable = _requests(rows)
        if self._events.hooks.listens("conductor_create_pre"):
            broken = {selection.instance_uuid for selection in unreadable}
            taken = [instances.to_instance(row) for row in rows if row.uuid not in broken]
            self._events.hooks.call("conductor_create_pre", instances=taken)
        selections = self._select(requests)
        if self._events.hooks.listens("conductor_create_post"):
            hosts = {selection.instance_uuid: selection.host for selection in (*selections, *unreadable)}
            self._events.hooks.call("conductor_create_post", hosts=hosts)
        self._dispatch(selections)
        unplaced = [s for s in selections if s.host is None and s.reason]
        self._bury([*unplaced, *unreadable], {row.uuid: row.generation for row in rows})

    def _select(self, requests: Sequence[SelectRequest]) -> list[Selection]:
        """Ask the scheduler; what it does not answer waits for the next sweep."""
        if not requests:
            return []
        try:
            return self._scheduler.select_destinations(requests)
        except oslo_messaging.RemoteError as error:
            LOG.error("The scheduler failed: %s", str(error).splitlines()[0])
            if len(requests) > 1:  # one poisonous wish must not keep the others from being placed
                return [selection for request in requests for selection in self._select([request])]
        except CorenovaError as error:
            LOG.warning("Scheduling of %d requests is put off: %s", len(requests), error)
        # Unknown what the scheduler did: rows that it placed have moved on, the others wait for the sweeper.
        held = [one for request in requests for one in request.instances]
        self._db.write("conductor.give_back", lambda connection: work.give_back(connection, held))
        return []

    def _dispatch(self, selections: Sequence[Selection]) -> None:
        by_address: dict[str, list[str]] = defaultdict(list)
        for selection in selections:
            if selection.host is not None:
                by_address[selection.address].append(selection.instance_uuid)
        for address, uuids in by_address.items():
            self._compute.hint(address, Step.BUILD, uuids)

    def _bury(self, unplaced: Sequence[Selection], generations: dict[str, int]) -> None:
        if not unplaced:
            return

        def end(connection: sa.Connection) -> list:
            rows = work.locked(connection, [s.instance_uuid for s in unplaced])
            ended = []
            for selection in unplaced:
                row = rows.get(selection.instance_uuid)
                # Deleted, reset or taken by another conductor meanwhile: then it is no longer ours to end.
                if row is None or row.step != Step.SCHEDULE or row.generation != generations[row.uuid]:
                    continue
                details = selection.details or None
                work.bury(
                    connection, row, self._backends, message=selection.reason, details=details, event=SCHEDULE_EVENT
                )
                ended.append((row.uuid, row.vm_state))
            return instances.changed(connection, ended if self._events.wanted else [])

        self._events.state_changed(self._db.write("conductor.bury", end))


def _requests(rows: Sequence[sa.Row]) -> tuple[list[SelectRequest], list[Selection]]:
    """Put equal wishes together: the scheduler answers them at the price of one, in order of arrival.

    The second list says of rows whose wish cannot be read that they fit nowhere.
    """
    alike: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        alike.setdefault(row.spec, []).append((row.uuid, row.generation))
    requests, unreadable = [], []
    for text, members in alike.items():
        try:
            requests.append(SelectRequest(spec=instances.decode_spec(text), instances=tuple(members)))
        except (msgspec.DecodeError, TypeError) as error:
            LOG.error("The wish of %s cannot be read: %s", members[0][0], error)
            unreadable += [Selection(instance_uuid=uuid, reason=_UNREADABLE) for uuid, _ in members]
    return requests, unreadable
