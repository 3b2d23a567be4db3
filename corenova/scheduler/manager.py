"""The scheduler's verb (rpc/scheduler.py has the caller's side): decide on a picture, claim in the database.

A picture may be old and another scheduler may be quicker: then the claim fails as a whole, the hosts concerned are read
again, and each instance is decided and claimed by itself. Nothing is called unplaceable before a fresh look.
"""

import logging
import threading
import time
from collections.abc import Sequence

import msgspec
from oslo_config import cfg

from corenova import loader
from corenova.conf import filter_scheduler
from corenova.db import membership, work
from corenova.db.engine import Database
from corenova.db.work import Placement
from corenova.events import Events
from corenova.objects.decision import Decision
from corenova.objects.request_spec import InstanceGroup, RequestSpec, Selection, SelectRequest
from corenova.rpc.server import expose
from corenova.scheduler import claims
from corenova.scheduler.hosts import HostTable
from corenova.scheduler.pipeline import Pipeline
from corenova.scheduler.stages import AvailabilityZone, Capacity, ForcedHost, HostEnabled, Tenant

LOG = logging.getLogger(__name__)

_ALL = {
    "nova.scheduler.weights.all_weighers": "weight_classes",
    "nova.scheduler.filters.all_filters": "enabled_filters",
}
"""Nova's words for its own list, as old ini files have them: our defaults."""
_TRIES = 10

Instances = Sequence[tuple[str, int]]


def build_pipeline(conf: cfg.ConfigOpts) -> Pipeline:
    """Load the enabled plug-ins and put the pipeline together; raises PluginError."""
    section = conf.filter_scheduler
    filters = loader.load(conf, loader.FILTERS, _names(conf, "enabled_filters"))
    weighers = [
        (plugin, getattr(section, getattr(plugin.object, "multiplier_option", None) or "", 1.0))
        for plugin in loader.load(conf, loader.WEIGHERS, _names(conf, "weight_classes"))
    ]
    tenant = Tenant(
        limited=conf.scheduler.limit_tenants_to_placement_aggregate,
        required=conf.scheduler.placement_aggregate_required_for_tenants,
    )
    return Pipeline(
        [HostEnabled(), ForcedHost(), AvailabilityZone(), tenant, Capacity()],
        filters,
        weighers,
        alternates=conf.scheduler.max_attempts - 1,
        subset=section.host_subset_size,
        shuffle=section.shuffle_best_same_weighed_hosts,
    )


def _names(conf: cfg.ConfigOpts, option: str) -> list[str]:
    names: list[str] = []
    default = next(opt.default for opt in filter_scheduler.OPTIONS if opt.name == option)
    for name in getattr(conf.filter_scheduler, option):
        names += [n for n in default if n not in names] if _ALL.get(name) == option else [name]
    return names


class SchedulerManager:
    """One scheduler; it owes nothing to its memory."""

    def __init__(self, conf: cfg.ConfigOpts, db: Database, events: Events, pipeline: Pipeline):
        self._db = db
        self._events = events
        self._down_time_s = float(conf.service_down_time)
        self._refresh_interval_s = conf.scheduler.refresh_interval_s
        self._pipeline = pipeline
        self._hosts = HostTable(default_zone=conf.default_availability_zone)
        self._refreshed_at = -1e9
        # One decision at a time: each must see the ones before it.
        self._lock = threading.Lock()

    @expose
    def select_destinations(self, ctxt: dict, requests: list[SelectRequest]) -> list[Selection]:
        """Place and claim; the answers are in the order of the instances."""
        with self._lock:
            self._refresh()
            return self._select(requests)

    def _refresh(self, *, everything: bool = False) -> None:
        if everything or time.monotonic() - self._refreshed_at > self._refresh_interval_s:
            self._hosts.refresh(self._db, down_time_s=self._down_time_s, everything=everything)
            self._refreshed_at = time.monotonic()

    def _select(self, requests: list[SelectRequest]) -> list[Selection]:
        decided: list[tuple[RequestSpec, tuple[str, int], Decision]] = []
        groups: dict[str, InstanceGroup] = {}
        alone: list[tuple[RequestSpec, tuple[str, int]]] = []
        for request in requests:
            if request.spec.instance_group_uuid in groups:
                # A second wish for one group in this round: it must see the first one's members.
                alone += [(request.spec, one) for one in request.instances]
                continue
            spec = self._with_group(request.spec)
            if spec.instance_group is not None:
                groups[spec.instance_group.uuid] = spec.instance_group
            decisions = self._pipeline.place(self._hosts, spec, len(request.instances))
            for one, decision in zip(request.instances, decisions, strict=True):
                if decision.host is None:
                    alone.append((request.spec, one))  # not before a fresh look
                else:
                    decided.append((spec, one, decision))
        if not decided or claims.claim(self._db, [self._placement(*d) for d in decided], self._used(decided)):
            selections = [self._selected(spec, one[0], decision) for spec, one, decision in decided]
        else:
            selections = []
            alone = [(spec, one) for spec, one, _ in decided] + alone
        if alone:
            self._refresh(everything=True)
            selections += self._select_alone(alone)
        return selections

    @staticmethod
    def _used(decided: list[tuple[RequestSpec, tuple[str, int], Decision]]) -> list[InstanceGroup]:
        found = {spec.instance_group.uuid: spec.instance_group for spec, _, _ in decided if spec.instance_group}
        return [found[uuid] for uuid in sorted(found)]

    def _select_alone(self, waiting: list[tuple[RequestSpec, tuple[str, int]]]) -> list[Selection]:
        """Decide and claim one by one, each on hosts read after its last failure."""
        selections, reasons = [], []
        for bare, one in waiting:
            decision = None
            for _ in range(_TRIES):
                spec = self._with_group(bare)
                decision = self._pipeline.place(self._hosts, spec, 1)[0]
                if decision.host is None:
                    break
                if claims.claim(self._db, [self._placement(spec, one, decision)], self._used([(spec, one, decision)])):
                    break
                self._hosts.reload(self._db, [decision.host], down_time_s=self._down_time_s)
                if not self._still_ours(one):
                    decision = None
                    break
            else:
                decision = None  # lost every race: the sweeper brings it back
            if decision is None:
                selections.append(Selection(instance_uuid=one[0]))
            elif decision.host is None:
                reasons.append((one, decision))
                selections.append(Selection(instance_uuid=one[0], reason=decision.summary))
                self._events.hooks.call("nothing_fits", spec=bare, instance_uuid=one[0], reason=decision.summary)
            else:
                selections.append(self._selected(spec, one[0], decision))
        claims.keep_reasons(self._db, reasons)
        return selections

    def _still_ours(self, one: tuple[str, int]) -> bool:
        """Tell whether a claim failed for the host's sake and not because the instance was deleted or taken."""
        return self._db.read(lambda c: work.is_current(c, *one))

    def _with_group(self, spec: RequestSpec) -> RequestSpec:
        if spec.instance_group_uuid is None:
            return spec
        group = self._db.read(lambda connection: membership.load(connection, spec.instance_group_uuid))
        return msgspec.structs.replace(spec, instance_group=group, instance_group_uuid=group and group.uuid)

    def _placement(self, spec: RequestSpec, one: tuple[str, int], decision: Decision) -> Placement:
        return Placement(
            instance_uuid=one[0],
            generation=one[1],
            host=decision.host,
            zone=self._hosts.zones[self._hosts.index[decision.host]],
            resources=spec.resources(),
            decision=decision,
        )

    def _selected(self, spec: RequestSpec, instance_uuid: str, decision: Decision) -> Selection:
        self._events.hooks.call("host_selected", spec=spec, instance_uuid=instance_uuid, host=decision.host)
        address = self._hosts.addresses[self._hosts.index[decision.host]]
        return Selection(instance_uuid=instance_uuid, host=decision.host, address=address)
