"""Decides on a picture of the hosts and makes the decisions true: one table, its mirror, and the pipeline over it.

A picture may be old and another scheduler may be quicker: then the claim fails as a whole, the hosts concerned are read
again, and each instance is decided and claimed by itself. Nothing is called unplaceable before a fresh look.
"""

import logging
import re
import threading
import time
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.db import instances, membership, work
from corenova.db.engine import Database
from corenova.db.work import Placement
from corenova.objects.decision import Decision, Inputs
from corenova.objects.request_spec import RequestSpec, Selection, SelectRequest
from corenova.scheduler import claims
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.mirror import Mirror
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.recorder import Recorder

LOG = logging.getLogger(__name__)
_ROUNDS = 3
_TRIES = 10
_SCATTER = 8
"""Among how many of the best hosts one is chosen at random while others are claiming the same ones."""
_CONTENDED_S = 1.0
_RECORDS_S = 7 * 86400.0
_UUID = re.compile("[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")

Wish = tuple[RequestSpec, tuple[str, int]]
"""A request, and (uuid, generation) of the instance it is for."""
Choice = tuple[RequestSpec, tuple[str, int], Decision]
Told = tuple[str, dict[str, object]]
"""A hook and its arguments."""


class PassAbandonedError(Exception):
    """A plug-in did not come back; what was asked in this pass is asked again later."""


def resolved(db: Database, spec: RequestSpec, properties: Sequence[str] = ()) -> RequestSpec:
    """Return the request with what is to be looked up for it: its group, and where hinted instances are.

    :param properties: of the image; what shares them is counted by host (Pipeline.counted_properties).
    """
    hinted = [text for name in spec.scheduler_hints for text in spec.hinted(name) if _UUID.fullmatch(text)]
    if spec.instance_group_uuid is None and not hinted and not properties:
        return spec

    def read(connection: sa.Connection) -> RequestSpec:
        found: dict[str, object] = {}
        if spec.instance_group_uuid is not None:
            group = membership.load(connection, spec.instance_group_uuid)
            found |= {"instance_group": group, "instance_group_uuid": group and group.uuid}
        if hinted:
            found["instance_hosts"] = instances.hosts_of(connection, hinted)
        if properties:
            values = {name: spec.image.properties[name] for name in properties}
            found["image_property_hosts"] = instances.sharing_properties(connection, values)
        return msgspec.structs.replace(spec, **found)

    return db.read(read)


class Stats:
    """What became of the claims of one scheduler.

    :ivar commits: transactions that claimed.
    :ivar conflicts: those that did not, because somebody else was quicker.
    """

    def __init__(self) -> None:
        self.commits = 0
        self.conflicts = 0


class Decider:
    """One thread at a time; it owes nothing to its memory.

    :ivar is_fenced: it was given up, and may claim nothing any more.
    """

    def __init__(self, conf: cfg.ConfigOpts, db: Database, pipeline: Pipeline, stats: Stats):
        self._db = db
        self._refresh_interval_s = conf.scheduler.refresh_interval_s
        self._pipeline = pipeline
        self._hosts = HostTable(default_zone=conf.default_availability_zone)
        self._mirror = Mirror(db, self._hosts, down_time_s=float(conf.service_down_time))
        self._contended_until = 0.0
        self._stats = stats
        self._lock = threading.Lock()
        retention_s = float(conf.scheduler.decision_retention) or _RECORDS_S
        self.recorder = Recorder(db, self._hosts, self._lock, retention_s=retention_s)
        self._told: list[Told] = []
        self.is_fenced = False

    def select(self, requests: list[SelectRequest]) -> tuple[list[Selection], list[Told]]:
        """Place and claim; one answer an instance, in any order, and which hooks are to be called for that.

        Hooks are the caller's business: one that hangs must not keep others from being placed.
        """
        with self._lock:
            self._told = []
            return self._select_fresh(requests), self._told

    def check_host(self, spec: RequestSpec, host: str) -> tuple[str | None, list[Told]]:
        """Return why ``host`` may not run what is asked, None when it may; nothing is claimed, no hook is called."""
        with self._lock:
            self._mirror.refresh()
            return self._pipeline.refusal(self._hosts, resolved(self._db, spec), host), []

    def _select_fresh(self, requests: list[SelectRequest]) -> list[Selection]:
        try:
            if time.monotonic() - self._mirror.refreshed_at > self._refresh_interval_s:
                self._mirror.refresh()
            return self._select(requests)
        except BaseException:
            # Claims were entered that may not have come true, or have and nobody was told.
            self._mirror.distrust()
            raise

    def _select(self, requests: list[SelectRequest]) -> list[Selection]:
        """Decide and claim everything in one transaction; what cannot be done so is done one by one."""
        wishes: list[Wish] = [(request.spec, one) for request in requests for one in request.instances]
        for _ in range(_ROUNDS):
            decided, waiting = self._decide(requests)
            if not decided or self._claim(decided):
                done = {one for _, one, _ in decided}
                selections = [self._selected(*choice) for choice in decided]
                return selections + self._select_alone([wish for wish in waiting if wish[1] not in done])
        return self._select_alone(wishes)

    def _decide(self, requests: list[SelectRequest]) -> tuple[list[Choice], list[Wish]]:
        """Decide on all requests; return the decisions that found a host, and the wishes that must wait for more."""
        decided: list[Choice] = []
        waiting: list[Wish] = []
        groups: set[str] = set()
        for request in requests:
            group = request.spec.instance_group_uuid
            if group is not None and group in groups:
                # A second wish for one group in this round: it must see the first one's members.
                waiting += [(request.spec, one) for one in request.instances]
                continue
            groups.add(group)
            spec, decisions = self._place(request.spec, len(request.instances))
            for one, decision in zip(request.instances, decisions, strict=True):
                if decision.host is None:
                    waiting.append((request.spec, one))  # nothing is unplaceable before a fresh look
                else:
                    decided.append((spec, one, decision))
        return decided, waiting

    def _place(self, bare: RequestSpec, count: int) -> tuple[RequestSpec, list[Decision]]:
        """Decide, and note with each decision what it was made on."""
        spec = resolved(self._db, bare, self._pipeline.counted_properties(bare))
        among = _SCATTER if time.monotonic() < self._contended_until else 1
        decisions = self._pipeline.place(self._hosts, spec, count, among=among)
        if not self.recorder.picture:
            return spec, decisions
        group, noted = spec.instance_group, []
        for decision in decisions:
            inputs = Inputs(
                picture=self.recorder.picture,
                among=among,
                instance_group=group,
                instance_hosts=spec.instance_hosts,
                image_property_hosts=spec.image_property_hosts,
            )
            noted.append(msgspec.structs.replace(decision, inputs=inputs))
            if group is not None and decision.host is not None:
                group = group.with_member(decision.host)
        return spec, noted

    def _claim(self, decided: Sequence[Choice]) -> bool:
        """Make these decisions true; when somebody was quicker, forget them and read their hosts again."""
        self._mind_fence()
        groups = {spec.instance_group.uuid: spec.instance_group for spec, _, _ in decided if spec.instance_group}
        hosts = {decision.host for _, _, decision in decided}
        placements = [self._placement(*choice) for choice in decided]
        if claims.claim(self._db, placements, [groups[uuid] for uuid in sorted(groups)]):
            self._mirror.claimed(hosts)
            self._stats.commits += 1
            return True
        self._stats.conflicts += 1
        LOG.debug("Somebody was quicker: %d conflicts, %d commits", self._stats.conflicts, self._stats.commits)
        self._contended_until = time.monotonic() + _CONTENDED_S
        self._mirror.reload(hosts)
        return False

    def _select_alone(self, waiting: Sequence[Wish]) -> list[Selection]:
        """Decide and claim one by one, beginning with a fresh look at the hosts."""
        selections, reasons = [], []
        if waiting:
            self._mirror.refresh(thorough=True)
        for bare, one in waiting:
            decision = self._place_alone(bare, one)
            self._mind_fence()
            if decision is None:  # lost every race, or not ours any more: the sweeper brings it back
                selections.append(Selection(instance_uuid=one[0]))
            elif decision[2].host is None:
                reason, details = decision[2].message(), decision[2].details()
                reasons.append((one, decision[2]))
                selections.append(Selection(instance_uuid=one[0], reason=reason, details=details))
                self._told.append(("nothing_fits", {"spec": bare, "instance_uuid": one[0], "reason": reason}))
            else:
                selections.append(self._selected(*decision))
        claims.keep_reasons(self._db, reasons)
        return selections

    def _mind_fence(self) -> None:
        if self.is_fenced:
            raise PassAbandonedError("it took too long and was given up")

    def _place_alone(self, bare: RequestSpec, one: tuple[str, int]) -> Choice | None:
        for _ in range(_TRIES):
            spec, (decision,) = self._place(bare, 1)
            if decision.host is None or self._claim([(spec, one, decision)]):
                return spec, one, decision
            if not self._db.read(lambda c: work.current(c, [one])):  # deleted or taken meanwhile
                return None
        return None

    def _placement(self, spec: RequestSpec, one: tuple[str, int], decision: Decision) -> Placement:
        return Placement(
            instance_uuid=one[0],
            generation=one[1],
            host=decision.host,
            zone=self._hosts.zone(self._hosts.index[decision.host]),
            resources=spec.resources(),
            decision=decision,
            topology=spec.topology,
        )

    def _selected(self, spec: RequestSpec, one: tuple[str, int], decision: Decision) -> Selection:
        self._told.append(("host_selected", {"spec": spec, "instance_uuid": one[0], "host": decision.host}))
        address = self._hosts.addresses[self._hosts.index[decision.host]]
        return Selection(instance_uuid=one[0], host=decision.host, address=address)
