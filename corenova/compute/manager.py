"""The compute's verbs (rpc/compute.py has the caller's side) and the threads that carry out orders.

A hint names rows; the orders for them, with the leases, come from the conductor, so a hint that is lost, late or
doubled does no harm. What an order asks of the driver is in orders.py, its way back in reports.py. One compute process
may serve many hosts.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from oslo_config import cfg

from corenova.coalesce import Mailbox
from corenova.compute import provider_config
from corenova.compute.discards import Discards
from corenova.compute.firewalls import Firewalls
from corenova.compute.hints import Hints
from corenova.compute.leases import Leases
from corenova.compute.locks import GuestLocks
from corenova.compute.orders import Orders
from corenova.compute.presence import Presence, patiently
from corenova.compute.questions import Questions
from corenova.compute.reconcile import Reconciler
from corenova.compute.reports import Reports
from corenova.compute.slots import Slots
from corenova.contracts.driver import DriverContext
from corenova.contracts.image import ImageTransfer
from corenova.exceptions import DriverError, Unavailable
from corenova.guards.driver import DriverGuard
from corenova.hooks import Hooks
from corenova.objects.plugin_account import ServiceReport
from corenova.objects.states import Step
from corenova.objects.work import HostGuests, WorkOrder
from corenova.rpc.conductor import ConductorAPI
from corenova.rpc.server import expose

LOG = logging.getLogger(__name__)
_PATIENCE_S = 1.0


class ComputeManager(Hints, Questions):
    """One compute process.

    :param hooks: told of what the driver is asked to build and to remove.
    :param images: what the driver moves the bytes of images with.
    :param state_path: a directory for the driver, absolute.
    :param address: where messages for its hosts are sent; its name in the database.
    :param incarnation: tells this start from earlier ones.
    :param report: returns what heartbeats tell of this process.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: DriverGuard,
        conductor: ConductorAPI,
        *,
        hooks: Hooks,
        images: ImageTransfer,
        state_path: str,
        address: str,
        incarnation: str,
        report: Callable[[], ServiceReport] = ServiceReport,
    ):
        super().__init__()
        self._driver = driver
        self._service_report = report
        self._images = images
        self._conductor = conductor
        self._address = address
        self._incarnation = incarnation
        self._state_path = state_path
        self._linger_s = conf.compute.report_linger_s
        self._hints: Mailbox[bool] = Mailbox()
        threads = conf.compute.threads
        self._pool = ThreadPoolExecutor(3 * threads, thread_name_prefix="compute")  # two thirds may be left hanging
        # Builds may hang; a quarter of the threads is out of their reach, so that deletes and the rest go on.
        others = max(1, threads // 4)
        builds = max(1, threads - others)
        self._slots = Slots(self._pool, most=others, most_of_host=max(1, others // 2), most_left=threads, do=self._do)
        self._build_slots = Slots(
            self._pool,
            most=builds,
            most_of_host=conf.compute.max_concurrent_builds,
            most_left=threads,
            do=self._do,
        )
        self._locks = GuestLocks()
        self._stopping = threading.Event()
        timeout_s = conf.compute.driver_timeout_s
        self._discards = Discards(driver, alone=self._alone, stopping=self._stopping, timeout_s=timeout_s)
        self._reports = Reports(
            conductor, address, linger_s=self._linger_s, discard=self._discards.put, stopping=self._stopping
        )
        self._orders = Orders(
            driver,
            hooks,
            self._reports,
            believes=lambda order: self._leases.believes(order),
            shutdown_s=conf.compute.shutdown_timeout,
        )
        self._look_s = min(1.0, timeout_s / 4)
        self._presence = Presence(
            driver,
            conductor,
            address,
            incarnation,
            providers=provider_config.load(conf.compute.provider_config_location),
            beat_s=conf.report_interval,
            timeout_s=timeout_s,
            report=report,
            stopping=self._stopping,
        )
        self._reconciler = Reconciler(
            driver,
            conductor,
            address,
            interval_s=conf.compute.reconcile_interval_s,
            wake=self._wake,
            discard=self._discards.put,
            timeout_s=timeout_s,
        )
        self._firewalls = Firewalls(
            driver,
            conductor,
            address,
            interval_s=conf.compute.reconcile_interval_s,
            alone=self._alone,
            stopping=self._stopping,
            timeout_s=timeout_s,
        )
        self._threads = [
            threading.Thread(target=self._take_hints, name="compute-hints", daemon=True),
            threading.Thread(target=self._extend, name="compute-leases", daemon=True),
            threading.Thread(target=self._look_for_hangs, name="compute-hangs", daemon=True),
        ]

    def start(self) -> None:
        """Register the hosts, take up what waits for them, and adopt the guests that are there."""
        shared = patiently(self._conductor.hello, self._stopping)
        self._lease_s = shared["lease_s"]
        self._driver.expect(build_s=shared["build_deadline_s"], snapshot_s=shared["snapshot_deadline_s"])
        self._leases = Leases(self._lease_s)
        self._driver.start(
            DriverContext(
                state_path=self._state_path,
                deployment_id=shared["deployment_id"],
                address=self._address,
                images=self._images,
                changed=lambda host, uuid: self._reconciler.notice(),
            )
        )
        self._presence.start()
        self._reports.start()
        self._discards.start()
        self._firewalls.start()
        for thread in self._threads:
            thread.start()
        self._reconciler.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish what is under way, within ``timeout_s``; guests go on running, the rest waits for the next start."""
        self._stopping.set()
        self._reconciler.stop()
        for mailbox in (self._hints, self._firewalls, self._discards):
            mailbox.close()
        deadline = time.monotonic() + timeout_s
        self._pool.shutdown(wait=False, cancel_futures=True)
        while (self._slots.running or self._build_slots.running) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._driver.stop()
        self._reports.close()
        self._reports.join(max(0.1, deadline - time.monotonic()))
        try:
            self._conductor.withdraw_compute(self._address, self._incarnation, self._service_report())
        except Unavailable as error:
            LOG.info("Stopping unannounced: %s", error)

    @expose
    def refresh_security_groups(self, ctxt: dict, instance_uuids: list[str]) -> None:
        """Hint: what may pass the ports of these instances has changed."""
        self._firewalls.hint(instance_uuids)

    @expose
    def list_guests(self, ctxt: dict) -> list[HostGuests]:
        """Return what runs on the hosts of this process."""
        return self._reconciler.guests()

    def _alone(self, host: str, uuid: str) -> AbstractContextManager[bool]:
        return self._locks.of(host, uuid, timeout_s=_PATIENCE_S)

    # Threads.

    def _wake(self, uuids: list[str]) -> None:
        self._hints.put(dict.fromkeys(uuids, True))

    def _take_hints(self) -> None:
        while (hints := self._hints.take(most=500, linger_s=self._linger_s)) is not None:
            if not hints:
                continue
            asked_at = time.monotonic()
            try:
                orders = self._conductor.begin_work(self._address, list(hints))
            except Exception as error:
                LOG.warning("%d hints are left to the sweeper: %s", len(hints), error)
                continue
            self._leases.add(orders, asked_at)
            builds = [order for order in orders if order.step == Step.BUILD]
            self._slots.submit([order for order in orders if order.step != Step.BUILD])
            self._build_slots.submit(builds)

    def _do(self, order: WorkOrder) -> None:
        """Carry out one order and leave its report; whatever happens, the lease is let go."""
        try:
            # Whoever waits long for a guest that another order holds must not hold a thread: the sweeper hints again.
            host, uuid = order.instance.host, order.instance.uuid
            self._driver.check(host, uuid)
            with self._alone(host, uuid) as alone:
                if alone and self._leases.believes(order):
                    self._orders.carry_out(order)
        except Exception as error:
            if self._stopping.is_set():
                return  # the driver was stopped under it; the next start takes the order up again
            self._orders.failed(order, error)
        finally:
            self._firewalls.forget(order.instance.uuid)
            self._leases.drop(order)

    def _look_for_hangs(self) -> None:
        while not self._stopping.wait(self._look_s):
            try:
                self._give_up_hanging()
            except Exception:
                LOG.exception("Looking for calls that hang failed; the next look is in %s s", self._look_s)

    def _give_up_hanging(self) -> None:
        """Orders whose driver does not come back are given up: the lease goes, and the thread is left behind."""
        for call in self._driver.overdue():
            for slots in (self._slots, self._build_slots):
                order = slots.leave(call.thread, call.started)
                if order is not None:
                    self._leases.drop(order)
                    self._orders.failed(order, DriverError(f"{self._driver.label}: {call.verb} does not come back."))

    def _extend(self) -> None:
        while not self._stopping.wait(self._lease_s / 4):
            asked_at = time.monotonic()
            held = self._leases.held()
            if not held:
                continue
            try:
                lost = self._conductor.extend_work(self._address, held)
            except Exception as error:
                LOG.warning("%d leases were not extended: %s", len(held), error)
                continue
            self._leases.extended(held, lost, asked_at)
