"""A whole cloud inside the test's own process: real services on ``local://`` and SQLite, with faults by name.

Services can be killed one by one (:meth:`Cloud.kill`) or all at once (:meth:`Cloud.crash_at`), and started again on the
same state. Requests go in where HTTP handlers hand them over; tests of HTTP itself use :meth:`Cloud.wsgi`.

Faults have names. Of messages (:meth:`Cloud.faults`): ``drop``, ``duplicate``, ``delay``, ``reorder``,
``crash_before``, ``crash_after``. Of processes (:meth:`Cloud.crash_at`): ``<step>.before`` and ``<step>.after``, where
a step is a commit (``api.create``, ``conductor.report`` ...) or a send (``rpc.build_and_run_instance`` ...);
:meth:`Cloud.passed` tells which a test has come by. Of the fake driver: the options of its section.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova import audit, crash, loader
from corenova.account import Account
from corenova.api.instance_actions import InstanceActions
from corenova.api.provision import CreateRequest, Provisioner
from corenova.cmd import api, compute, conductor, scheduler
from corenova.cmd.process import Parts, configure
from corenova.cmd.service_host import ServiceHost
from corenova.contracts.driver import Driver
from corenova.db import actions, aggregates, decisions, instances
from corenova.db import hosts as hosts_db
from corenova.loader import Plugin
from corenova.objects.context import RequestContext
from corenova.objects.decision import Decision
from corenova.objects.pci_alias import read_aliases
from corenova.objects.request_spec import Flavor, ImageMeta, RequestSpec
from corenova.objects.topology_wish import with_wish
from corenova.objects.work import HostGuests
from corenova.rpc import local
from corenova.rpc.compute import ComputeAPI
from corenova.rpc.conductor import ConductorAPI
from corenova.rpc.faults import FaultPlan, SeededFaults
from corenova.scheduler.manager import build_pipeline
from corenova.testing import empty_database
from corenova.testing.configuration import text

NANO = Flavor(flavorid="1", name="m1.nano", vcpus=1, memory_mb=64, root_gb=1)
IMAGE = ImageMeta(id="11111111-1111-4111-8111-111111111111", name="cirros")
PROJECT = "p" * 32

QUICK = {
    "conductor": {"lease_s": "2", "sweep_interval_s": "1"},
    "compute": {"reconcile_interval_s": "1"},
    "DEFAULT": {"report_interval": "1", "service_down_time": "6", "rpc_response_timeout": "2"},
    "scheduler": {"refresh_interval_s": "0.05"},
}
"""Intervals for tests: what takes a minute in production takes seconds."""


class Cloud:
    """A cloud on ``path``; use it as a context manager.

    :param path: a directory of its own; what is there from an earlier cloud is taken up.
    :param ini: options by section, over :data:`QUICK`.
    :param hooks: hook plug-ins (objects, or classes) that listen in every service, besides those that the ini enables.
    :param filters, weighers: classes that are enabled besides those that the ini names; nothing need be installed.
    :param driver: a class in place of the driver that the ini names.
    """

    def __init__(
        self,
        path: Path,
        ini: dict[str, dict[str, object]] | None = None,
        *,
        hooks: Iterable[object] = (),
        filters: Iterable[type] = (),
        weighers: Iterable[type] = (),
        driver: type | None = None,
    ):
        self.path = path
        self._given = {loader.FILTERS: tuple(filters), loader.WEIGHERS: tuple(weighers)}
        self._driver_class = driver
        self.vhost = secrets.token_hex(4)
        self._ini = {name: dict(options) for name, options in QUICK.items()}
        for name, options in (ini or {}).items():
            self._ini.setdefault(name, {}).update(options)
        self._plugged = [self._hook(hook) for hook in hooks]
        self.driver: Driver | None = None
        self.other_driver: Driver | None = None
        self._dead: set[threading.Thread] = set()
        self._excepthook = threading.excepthook
        self._hosts: dict[str, ServiceHost] = {}
        self._parts: dict[str, Parts] = {}

    def _hook(self, hook: object) -> Plugin:
        if not isinstance(hook, type):
            return Plugin(type(hook).__name__, hook, "the test")
        conf = self.conf()
        return loader.load_one(conf, loader.HOOKS, loader.give(conf, loader.HOOKS, hook))

    def plugin(self, name: str) -> object:
        """Return the object of one of the ``hooks``, by the name of its class."""
        return next(plugin.object for plugin in self._plugged if plugin.name == name)

    def __enter__(self) -> "Cloud":
        if "connection" not in self._ini.get("database", {}):
            empty_database.put(self.path / "state" / "corenova.sqlite")
        # Queues live as long as a transport of the vhost does, so they outlive the services that are killed here.
        self.start("conductor", "scheduler", "compute")
        self._keep = self.parts("test").transport
        return self

    def __exit__(self, *_: object) -> None:
        crash.install(None)
        self.stop()
        threading.excepthook = self._excepthook

    @property
    def running(self) -> bool:
        """Whether any service runs."""
        return bool(self._hosts)

    def conf(self, host: str = "test-host", ini: dict[str, dict[str, object]] | None = None) -> cfg.ConfigOpts:
        """Return a parsed configuration of this cloud, private to the caller; ``host`` names the process.

        :param ini: options of that process alone.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        common = {"state_path": self.path / "state", "transport_url": f"local:///{self.vhost}", "host": host}
        sections: dict[str, dict[str, object]] = {"DEFAULT": common}
        for name, options in (*self._ini.items(), *(ini or {}).items()):
            sections.setdefault(name, {}).update(options)
        file = self.path / f"{host}.conf"
        file.write_text(text(sections))
        conf = cfg.ConfigOpts()
        configure(conf, ["--config-file", str(file)], prog="corenova-test")
        for group, classes in self._given.items():
            section, option = loader.KINDS[group].option.removeprefix("[").split("] ")
            given = [loader.give(conf, group, written) for written in classes]
            conf.set_override(option, [*conf[section][option], *given], group=section)
        if self._driver_class is not None:
            conf.set_override("driver", loader.give(conf, loader.DRIVERS, self._driver_class), group="compute")
        return conf

    def parts(self, who: str) -> Parts:
        """Return the parts that ``who`` (a service, or ``test``) is made of."""
        if who not in self._parts:
            self._parts[who] = self._made(self.conf())
        return self._parts[who]

    def _made(self, conf: cfg.ConfigOpts) -> Parts:
        parts = Parts(conf)
        for plugin in self._plugged:  # each process has an account of its own
            parts.events.hooks.register(msgspec.structs.replace(plugin, account=Account()))
        return parts

    def start(self, *names: str) -> None:
        """Start these services: ``conductor``, ``scheduler``, ``compute``; also after :meth:`kill`."""
        for name in names:
            if name == "compute" and self.driver is not None:
                self.driver.stop()  # of the one that was killed
            host, driver = _service(self.parts(name), name)
            self.driver = driver or self.driver
            self._hosts[name] = host
            host.start()

    @contextlib.contextmanager
    def another(self, name: str, ini: dict[str, dict[str, object]] | None = None) -> Iterator[None]:
        """Run a second service of this name beside the first, inside a ``with`` block.

        :param ini: options of that one alone.
        """
        parts = self._made(self.conf(f"{name}-2", ini))
        host, self.other_driver = _service(parts, name)
        host.start()
        try:
            yield
        finally:
            host.stop()
            parts.close()
            self.other_driver = None

    def stop(self, *names: str) -> None:
        """Stop these services, or all, in good order."""
        for name in names or reversed(list(self._hosts)):
            host = self._hosts.pop(name, None)
            if host is not None:
                host.stop()
            self._forget(name)

    def kill(self, name: str) -> None:
        """Let a service die as if its process had: it commits, sends and says nothing more; :meth:`start` it again."""
        self._quieten()
        parts = self.parts(name)
        for part in ("db", "transport"):
            if part in vars(parts):
                _kill(vars(parts)[part])
        self._bury(name)

    def restart(self) -> None:
        """Stop and start everything on the same state."""
        self.stop()
        self.start("conductor", "scheduler", "compute")

    def _forget(self, name: str) -> None:
        parts = self._parts.pop(name, None)
        if parts is not None:
            parts.close()

    # What a user does.

    @property
    def db(self):
        """The database, as the test looks at it."""
        return self.parts("test").db

    def context(self, project_id: str = PROJECT, roles: tuple[str, ...] = ("member", "reader")) -> RequestContext:
        """Return a caller with a request id of its own."""
        return RequestContext(
            request_id=f"req-{secrets.token_hex(16)}", user_id="u" * 32, project_id=project_id, roles=roles
        )

    def create_servers(
        self,
        count: int = 1,
        *,
        name: str = "server",
        flavor: Flavor = NANO,
        min_count: int | None = None,
        project_id: str = PROJECT,
        **spec: object,
    ) -> list[str]:
        """Ask for ``count`` servers in one request and return their uuids; ``spec`` are fields of RequestSpec."""
        context = self.context(project_id)
        wanted = RequestSpec(project_id=project_id, user_id=context.user_id, flavor=flavor, **{"image": IMAGE, **spec})
        wanted = with_wish(wanted, read_aliases(self.parts("test").conf.pci.alias))
        request = CreateRequest(name=name, spec=wanted, min_count=min_count or count, max_count=count)
        return self._provisioner().create(context, request).uuids

    def create_server(self, **arguments: object) -> str:
        """Ask for one server; see :meth:`create_servers`."""
        return self.create_servers(1, **arguments)[0]

    def action(self, uuid: str, step: str) -> None:
        """Ask for a start, stop or reboot (objects.states.Step)."""
        self._actions().request(self.context(), uuid, step)

    def delete(self, uuid: str) -> None:
        """Ask for a delete."""
        self._actions().delete(self.context(), uuid)

    def delete_server(self, uuid: str) -> None:
        """Ask for a delete and wait until the server is gone."""
        self.delete(uuid)
        self.wait_for(uuid, "deleted")

    def reset_state(self, uuid: str, vm_state: str) -> None:
        """Reset the state, as an operator."""
        self._actions().reset_state(self.context(roles=("admin",)), uuid, vm_state)

    def make_aggregate(self, name: str, hosts: Iterable[str], metadata: Mapping[str, str] | None = None) -> None:
        """Make a host aggregate of these hosts; on return the next decision knows it."""
        chosen = list(hosts)

        def write(connection: sa.Connection) -> None:
            made = aggregates.create(connection, name, None)
            aggregates.set_metadata(connection, made.id, dict(metadata or {}))
            for host in chosen:
                aggregates.add_host(connection, made.id, host)

        for host in chosen:
            self.wait(lambda host=host: self.db.read(lambda c: hosts_db.known(c, host)), what=f"{host} is known")
        self.db.write("test.aggregate", write)
        time.sleep(self.parts("test").conf.scheduler.refresh_interval_s)  # what the scheduler has read is older now

    def wsgi(self) -> dict[str, object]:
        """Return the HTTP applications over this cloud, by first path segment (cmd/api.py)."""
        return api.applications(self.parts("api"), 8774)

    def _provisioner(self) -> Provisioner:
        parts = self.parts("test")
        return Provisioner(parts.conf, parts.db, self._conductor(), parts.events, parts.backends)

    def _actions(self) -> InstanceActions:
        parts = self.parts("test")
        return InstanceActions(
            parts.conf,
            parts.db,
            parts.events,
            parts.backends,
            compute=ComputeAPI(parts.transport),
            conductor=self._conductor(),
        )

    def _conductor(self) -> ConductorAPI:
        parts = self.parts("test")
        return ConductorAPI(parts.transport, timeout_s=parts.conf.rpc_response_timeout)

    # What a test looks at.

    def server(self, uuid: str):
        """Return the row of a server, deleted or not (db.instances.get)."""
        return self.db.read(lambda connection: instances.get(connection, uuid, deleted=True))

    def servers(self, **query: object) -> list:
        """Return rows that match (db.instances.InstanceQuery)."""
        return list(self.db.read(lambda c: instances.find(c, instances.InstanceQuery(**query))))

    def events(self, uuid: str) -> list:
        """Return the action events of a server, the newest first."""
        return list(self.db.read(lambda connection: actions.list_events(connection, uuid)))

    def decision(self, uuid: str) -> Decision | None:
        """Return what the scheduler decided for a server."""
        return self.db.read(lambda connection: decisions.get(connection, uuid))

    def guests(self) -> dict[str, str]:
        """Return ``{uuid: host}`` of all guests."""
        return {guest.uuid: told.host for told in self._told() for guest in told.guests}

    def wait(self, condition: Callable[[], bool], *, what: str = "the condition", timeout_s: float = 30.0) -> None:
        """Wait until ``condition`` holds; fails the test with ``what`` after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come true within {timeout_s} s")
            time.sleep(0.01)

    def wait_for(self, uuids: list[str] | str, vm_state: str = "active", *, timeout_s: float = 30.0) -> None:
        """Wait until these servers are in ``vm_state`` and nothing more is to be done with them."""
        wanted = [uuids] if isinstance(uuids, str) else uuids

        def there() -> bool:
            return all(row.vm_state == vm_state and row.step is None for row in map(self.server, wanted))

        try:
            self.wait(there, timeout_s=timeout_s)
        except AssertionError:
            shown = [
                (r.uuid, r.vm_state, r.task_state, r.step, r.owner, r.fault_message) for r in map(self.server, wanted)
            ]
            raise AssertionError(f"not all are {vm_state} after {timeout_s} s: {shown[:5]}") from None

    def wait_active(self, *uuids: str, timeout_s: float = 30.0) -> None:
        """Wait until these servers are ACTIVE; one that ends in ERROR fails the test with its reason."""
        self._wait_built(uuids, "active", "error", timeout_s)

    def wait_error(self, *uuids: str, timeout_s: float = 30.0) -> None:
        """Wait until these servers are in ERROR; one that gets ACTIVE fails the test."""
        self._wait_built(uuids, "error", "active", timeout_s)

    def _wait_built(self, uuids: Iterable[str], wanted: str, wrong: str, timeout_s: float) -> None:
        for uuid in uuids:
            self.wait(lambda u=uuid: self.server(u).step is None, what=f"the end of {uuid}", timeout_s=timeout_s)
            row = self.server(uuid)
            assert row.vm_state != wrong, f"{row.display_name} ({uuid}) is {wrong}: {row.fault_message or row.host}"
            self.wait_for(uuid, wanted, timeout_s=timeout_s)

    def reason(self, uuid: str) -> str:
        """Return what the user reads of a server that is in ERROR; empty for others."""
        return self.server(uuid).fault_message or ""

    def wait_settled(self, *, timeout_s: float = 60.0) -> None:
        """Wait until no row has work left."""
        self.wait(
            lambda: not [row for row in self.servers(deleted=None) if row.step is not None],
            what="every piece of work is done",
            timeout_s=timeout_s,
        )

    # Faults.

    @contextlib.contextmanager
    def faults(
        self, plan: FaultPlan | None = None, *, seed: int = 0, only: Collection[str] | None = None, **rates: float
    ) -> Iterator[FaultPlan]:
        """Trouble the messages of this cloud inside a ``with`` block; yields the plan, which counts (``injected``).

        :param rates: how probable each fault is, 0 to 1, by its name: ``drop=0.2, duplicate=0.2``.
        :param only: the remote verbs to trouble; all of them when None.
        :param seed: the same one gives the same faults again.
        :param plan: in place of these; see corenova/rpc/faults.py.
        """
        plan = plan or SeededFaults(seed, only=only, **rates)
        with local.inject(self.vhost, plan):
            yield plan

    @contextlib.contextmanager
    def crash_at(self, point: str, *, nth: int = 1) -> Iterator[threading.Event]:
        """Let all services die at the ``nth`` pass of a crash point; yields an event that is set when they do.

        All threads there are at that moment are dead from then on: whatever they try to commit or send raises. What
        is started afterwards lives. The test's own thread survives, though a request that it makes may raise.
        """
        dead = self._dead
        met, left, lock = threading.Event(), [nth], threading.Lock()

        def handler(name: str) -> None:
            if threading.current_thread() in dead:
                raise crash.SimulatedCrash(name)
            if name == point and not met.is_set():
                with lock:
                    left[0] -= 1
                    if left[0]:
                        return
                    dead.update(set(threading.enumerate()) - {threading.main_thread()})
                    met.set()
                raise crash.SimulatedCrash(name)

        self._quieten()
        crash.install(handler)
        try:
            yield met
        finally:
            crash.install(None)

    def revive(self) -> None:
        """Start all services again on what a crash has left, without a good-bye of their former selves."""
        for name in list(self._hosts):
            self._bury(name)
        self.start("conductor", "scheduler", "compute")

    def _bury(self, name: str) -> None:
        """End the threads of a dead service; whoever ends them is one of the dead: it commits and sends nothing."""
        host = self._hosts.pop(name)
        ending = threading.Thread(target=self._end, args=(host,), daemon=True)
        self._dead.add(ending)
        ending.start()
        ending.join(10)
        self._forget(name)

    def _quieten(self) -> None:
        """Let the threads of the dead end without a word."""
        hook = self._excepthook
        threading.excepthook = lambda args: None if args.exc_type is crash.SimulatedCrash else hook(args)

    @staticmethod
    def _end(host: ServiceHost) -> None:
        while host.is_running:
            with contextlib.suppress(crash.SimulatedCrash):
                host.stop()

    @contextlib.contextmanager
    def passed(self) -> Iterator[list[str]]:
        """Note the crash points that are passed inside a ``with`` block, for a name to give to :meth:`crash_at`."""
        names: list[str] = []
        crash.install(names.append)
        try:
            yield names
        finally:
            crash.install(None)

    def findings(self) -> list:
        """Return what the invariant checker finds now; see corenova/audit.py."""
        return audit.audit(self.db, self._told, pause_s=0.5).findings

    def _told(self) -> list[HostGuests]:
        drivers = [driver for driver in (self.driver, self.other_driver) if driver is not None]
        return [HostGuests(host=h, guests=tuple(driver.list_guests(h))) for driver in drivers for h in driver.hosts()]


def _service(parts: Parts, name: str) -> tuple[ServiceHost, Driver | None]:
    """Return a service that is ready to start, and the driver if it has one."""
    host = ServiceHost()
    if name == "scheduler":
        scheduler.add(parts, host, build_pipeline(parts.conf))
    elif name == "compute":
        driver = compute.load_driver(parts)
        compute.add(parts, host, driver)
        return host, driver
    elif name == "conductor":
        conductor.add(parts, host)
    else:
        raise ValueError(f"There is no service {name}: conductor, scheduler or compute.")
    return host, None


def _kill(part: object) -> None:
    """Let a database or transport do nothing more, for whoever still holds it."""

    def die(*_: object, **__: object) -> NoReturn:
        raise crash.SimulatedCrash("the process is dead")

    for verb in ("read", "write", "reading", "_send", "_send_notification"):
        if hasattr(part, verb):
            setattr(part, verb, die)


@contextlib.contextmanager
def running(path: Path, *, audit: bool = True, **arguments: object) -> Iterator[Cloud]:
    """Run a cloud inside a ``with`` block and hold it to the invariants at its end; what the fixture ``cloud`` does.

    :param audit: False: leave out the check, and the wait until all work is done.
    :param arguments: of :class:`Cloud`.
    """
    with Cloud(path, **arguments) as cloud:
        yield cloud
        if audit and cloud.running:
            cloud.wait_settled()
            assert cloud.findings() == [], "the invariants of corenova/audit.py do not hold"
