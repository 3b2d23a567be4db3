"""The conductor's verbs (rpc/conductor.py has the caller's side) and its threads: scheduling rounds and the sweeper.

Computes have no database: what they ask and report comes here, and what they may touch is decided here by the address
that their hosts' services were registered with.
"""

import logging
import secrets
import threading
from collections.abc import Sequence

import sqlalchemy as sa
from oslo_config import cfg

import corenova
from corenova.coalesce import Mailbox
from corenova.conductor.sweeper import Sweeper
from corenova.conductor.tasks import reconcile
from corenova.conductor.tasks.build import BuildTask
from corenova.conductor.tasks.orders import make_orders
from corenova.conductor.tasks.outcome import OutcomeTask
from corenova.conductor.tasks.rebuild import RebuildTask
from corenova.contracts.backends import Backends
from corenova.db import deployment, hosts, instances, plugin_accounts, services, work
from corenova.db.engine import Database
from corenova.events import Events, without_secrets
from corenova.exceptions import Conflict, Unavailable
from corenova.objects.host_state import HostReport
from corenova.objects.network import InstanceFirewall
from corenova.objects.plugin_account import ServiceReport
from corenova.objects.states import Step
from corenova.objects.work import GuestSeen, HostGuests, Report, Verdicts, WorkOrder
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.scheduler import SchedulerAPI
from corenova.rpc.server import expose

LOG = logging.getLogger(__name__)
_GRACE_S = 60.0
_NOTHING = ServiceReport()
"""What a compute of an earlier version tells."""
_LINGER_S = 0.03
"""How long hints wait for company while there is much to do: a round costs the same for one instance and for twenty."""


class ConductorManager:
    """One conductor.

    :param name: tells this conductor from its peers and stays the same over restarts: at its start it frees what the
        former incarnation of the same name held.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        db: Database,
        events: Events,
        backends: Backends,
        *,
        scheduler: SchedulerAPI,
        compute: ComputeAPI,
        name: str,
    ):
        self._db = db
        self._events = events
        self._owner = f"conductor:{name}"
        self._lease_s = float(conf.conductor.lease_s)
        self._shared = {
            name: float(getattr(conf.conductor, name))
            for name in ("lease_s", "build_deadline_s", "snapshot_deadline_s")
        }
        self._workers = conf.conductor.workers
        self._down_time_s = down_time_s = float(conf.service_down_time)
        self._backends = backends
        self._build = BuildTask(db, scheduler, compute, events, backends)
        self._rebuild = RebuildTask(db, scheduler, compute, backends, down_time_s=down_time_s)
        self._outcome = OutcomeTask(
            db, compute, events, backends, max_attempts=conf.scheduler.max_attempts, down_time_s=down_time_s
        )
        self._waiting: Mailbox[bool] = Mailbox()
        self._sweeper = Sweeper(
            db,
            compute,
            events,
            self._enqueue,
            backends,
            interval_s=conf.conductor.sweep_interval_s,
            batch=conf.conductor.sweep_batch,
            max_attempts=conf.scheduler.max_attempts,
            down_time_s=down_time_s,
            decision_age_s=float(conf.scheduler.decision_retention),
        )
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Free what a former incarnation held and begin to work."""

        def take_over(connection: sa.Connection) -> int:
            work.take_up(connection, grace_s=_GRACE_S, down_time_s=self._down_time_s)
            return work.take_over(connection, self._owner)

        freed = self._db.write("conductor.take_over", take_over)
        if freed:
            LOG.info("Taking up %d pieces of work of a former incarnation", freed)
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"conductor-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._sweeper.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the rounds under way, within ``timeout_s``."""
        self._sweeper.stop()
        self._waiting.close()
        for thread in self._threads:
            thread.join(timeout_s)

    def _enqueue(self, uuids: Sequence[str]) -> None:
        self._waiting.put(dict.fromkeys(uuids, True))

    def _work(self) -> None:
        while (waiting := self._waiting.take(most=500, linger_s=_LINGER_S)) is not None:
            if not waiting:
                continue
            try:
                self._take_up(list(waiting))
            except Unavailable as error:
                LOG.warning("%d instances wait for the next sweep: %s", len(waiting), error)
            except Exception:
                LOG.exception("Scheduling %d instances failed; the sweeper will try again", len(waiting))

    def _take_up(self, uuids: Sequence[str]) -> None:
        """Lease what waits for a conductor and do it."""
        rows = self._db.write(
            "conductor.take_scheduling",
            lambda connection: work.take_scheduling(connection, uuids, owner=self._owner, lease_s=self._lease_s),
        )
        builds = [row for row in rows if row.step == Step.SCHEDULE]
        if builds:
            self._build.run(builds)
        rebuilds = [row for row in rows if row.step == Step.CHECK_REBUILD]
        if rebuilds:
            self._rebuild.run(rebuilds)

    @expose
    def schedule_and_build_instances(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Take note that these rows wait to be scheduled; the workers take all that waits at once."""
        self._enqueue(instance_uuids)

    @expose
    def rebuild_instance(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Take note that these rows wait for their rebuild to be checked."""
        self._enqueue(instance_uuids)

    @expose
    def hello(self, ctxt: dict) -> dict[str, object]:
        """Tell a compute what the whole deployment shares."""
        settle = lambda connection: deployment.settle(connection, "id", secrets.token_hex(16))  # noqa: E731
        return {"deployment_id": self._db.write("conductor.hello", settle), **self._shared}

    @expose
    def register_compute(
        self, ctxt: dict, address: str, incarnation: str, reports: list[HostReport], told: ServiceReport = _NOTHING
    ) -> None:
        """Write the services and nodes of a compute that starts, free its former incarnation's work."""

        def register(connection: sa.Connection) -> None:
            names = [report.host for report in reports]
            taken = services.addresses(connection, names, down_time_s=self._down_time_s)
            others = {host: other for host, (other, is_up) in taken.items() if is_up and other != address}
            if others:
                host, other = min(others.items())
                raise Conflict(
                    f"Host {host} is served by the compute {other}, which is alive. Give the hosts of {address} names "
                    "of their own, or stop the other one."
                )
            services.register(
                connection,
                binary=services.COMPUTE,
                hosts=[report.host for report in reports],
                address=address,
                incarnation=incarnation,
                version=corenova.__version__,
            )
            who = {"binary": services.COMPUTE, "address": address, "incarnation": incarnation}
            plugin_accounts.tell(connection, **who, accounts=told.accounts)
            services.heartbeat(connection, **who, alarms=told.alarms)
            hosts.report(connection, reports)
            hosts.touch(connection, [report.host for report in reports])
            freed = work.take_over(connection, f"compute:{address}")
            LOG.info("Compute %s serves %d hosts; %d rows of its past are free", address, len(reports), freed)

        self._db.write("conductor.register_compute", register)

    @expose
    def report_hosts(self, ctxt: dict, address: str, reports: list[HostReport]) -> None:
        """Keep the hosts' facts up to date."""

        def report(connection: sa.Connection) -> None:
            its_own = services.served_by(connection, address, [r.host for r in reports])
            hosts.report(connection, [r for r in reports if r.host in its_own])

        self._db.write("conductor.report_hosts", report)

    @expose
    def heartbeat(self, ctxt: dict, address: str, incarnation: str, told: ServiceReport = _NOTHING) -> bool:
        """Note that a compute lives, and what it tells of itself."""
        who = {"binary": services.COMPUTE, "address": address, "incarnation": incarnation}

        def beat(connection: sa.Connection) -> bool:
            is_known = services.heartbeat(connection, **who, alarms=told.alarms)
            if is_known:
                plugin_accounts.tell(connection, **who, accounts=told.accounts)
            return is_known

        return self._db.write("conductor.heartbeat", beat)

    @expose
    def withdraw_compute(self, ctxt: dict, address: str, incarnation: str, told: ServiceReport = _NOTHING) -> None:
        """Note that a compute has stopped in good order."""
        who = {"binary": services.COMPUTE, "address": address, "incarnation": incarnation}

        def withdraw(connection: sa.Connection) -> None:
            plugin_accounts.withdraw(connection, binary=services.COMPUTE, incarnation=incarnation)
            if services.withdraw(connection, **who, alarms=told.alarms):
                work.take_over(connection, f"compute:{address}")

        self._db.write("conductor.withdraw_compute", withdraw)

    @expose
    def begin_work(self, ctxt: dict, address: str, instance_uuids: list[str]) -> list[WorkOrder]:
        """Give out the orders for rows that wait on the caller's hosts."""

        def begin(connection: sa.Connection) -> list[WorkOrder]:
            rows = work.take_for_compute(connection, address, instance_uuids, lease_s=self._lease_s)
            return make_orders(connection, rows, self._backends)

        orders = self._db.write("conductor.begin_work", begin)
        if self._events.hooks.listens("conductor_delete_pre"):
            for order in orders:
                if order.step == Step.DELETE:
                    self._events.hooks.call("conductor_delete_pre", instance=without_secrets(order.instance))
        return orders

    @expose
    def extend_work(self, ctxt: dict, address: str, held: list[list]) -> list[list]:
        """Extend leases; returns those that are lost."""
        pairs = [(uuid, generation) for uuid, generation in held]
        lost = self._db.write(
            "conductor.extend_work",
            lambda connection: work.extend(connection, address, pairs, lease_s=self._lease_s),
        )
        return [list(pair) for pair in lost]

    @expose
    def report_work(self, ctxt: dict, address: str, reports: list[Report]) -> list[list[str]]:
        """Write results; returns [host, uuid] of guests that must go."""
        return [list(pair) for pair in self._outcome.run(address, reports)]

    @expose
    def reconcile(self, ctxt: dict, address: str, hosts: list[HostGuests]) -> Verdicts:
        """Compare guests with rows."""
        return self._db.read(lambda connection: reconcile.compare(connection, address, hosts))

    @expose
    def settle_guests(self, ctxt: dict, address: str, seen: list[GuestSeen]) -> None:
        """Bring rows in line with guests that were looked at twice."""

        def settle(connection: sa.Connection) -> list:
            changes = reconcile.settle(connection, address, seen, self._backends)
            return instances.changed(connection, changes if self._events.wanted else [])

        self._events.state_changed(self._db.write("conductor.settle_guests", settle))

    @expose
    def firewalls(self, ctxt: dict, address: str, instance_uuids: list[str] | None = None) -> list[InstanceFirewall]:
        """Return what may pass the ports of the caller's instances; None: of all that have ports."""

        def read(connection: sa.Connection) -> list[InstanceFirewall]:
            wanted = instances.with_ports(connection, address, instance_uuids)
            found = self._backends.networks.firewalls(connection, list(wanted)) if wanted else {}
            return [
                InstanceFirewall(instance_uuid=uuid, host=wanted[uuid], firewalls=tuple(walls))
                for uuid, walls in found.items()
            ]

        return self._db.read(read)
