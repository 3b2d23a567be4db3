"""A whole cloud inside the test's own process: real services on ``local://`` and SQLite, with faults by name.

Services can be killed one by one (their objects are dropped as they are, as a dead process would) or all at once, and
started again on the same state. Requests go in where HTTP handlers hand them over; tests of HTTP itself use
:meth:`Cloud.wsgi`.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from oslo_config import cfg

from corenova import audit, crash
from corenova.account import Account
from corenova.api.instance_actions import InstanceActions
from corenova.api.provision import CreateRequest, Provisioner
from corenova.cmd import api, compute, conductor, scheduler
from corenova.cmd.process import Parts, configure
from corenova.cmd.service_host import ServiceHost
from corenova.contracts.driver import Driver
from corenova.db import actions, decisions, instances
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
from corenova.scheduler.manager import build_pipeline

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
    :param hooks: hook plug-ins (objects) that listen in every service, besides those that the ini enables.
    """

    def __init__(self, path: Path, ini: dict[str, dict[str, object]] | None = None, *, hooks: Iterable[object] = ()):
        self.path = path
        self._plugged = [Plugin(type(hook).__name__, hook, "the test") for hook in hooks]
        self.vhost = secrets.token_hex(4)
        self._ini = {name: dict(options) for name, options in QUICK.items()}
        for name, options in (ini or {}).items():
            self._ini.setdefault(name, {}).update(options)
        self.driver: Driver | None = None
        self.other_driver: Driver | None = None
        self._dead: set[threading.Thread] = set()
        self._hosts: dict[str, ServiceHost] = {}
        self._parts: dict[str, Parts] = {}

    def __enter__(self) -> "Cloud":
        # Queues live as long as a transport of the vhost does, so they outlive the services that are killed here.
        self.start("conductor", "scheduler", "compute")
        self._keep = self.parts("test").transport
        return self

    def __exit__(self, *_: object) -> None:
        crash.install(None)
        self.stop()

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
        text = "".join(
            f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
            for name, options in sections.items()
        )
        file = self.path / f"{host}.conf"
        file.write_text(text)
        conf = cfg.ConfigOpts()
        configure(conf, ["--config-file", str(file)], prog="corenova-test")
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
        """Start these services: ``conductor``, ``scheduler``, ``compute``."""
        for name in names:
            parts, host = self.parts(name), ServiceHost()
            if name == "scheduler":
                scheduler.add(parts, host, build_pipeline(parts.conf))
            elif name == "compute":
                self.driver = compute.load_driver(parts)
                compute.add(parts, host, self.driver)
            else:
                conductor.add(parts, host)
            self._hosts[name] = host
            host.start()

    @contextlib.contextmanager
    def another(self, name: str, ini: dict[str, dict[str, object]] | None = None) -> Iterator[None]:
        """Run a second service of this name beside the first, inside a ``with`` block.

        :param ini: options of that one alone.
        """
        parts, host = self._made(self.conf(f"{name}-2", ini)), ServiceHost()
        if name == "scheduler":
            scheduler.add(parts, host, build_pipeline(parts.conf))
        elif name == "compute":
            self.other_driver = compute.load_driver(parts)
            compute.add(parts, host, self.other_driver)
        else:
            conductor.add(parts, host)
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

    def reset_state(self, uuid: str, vm_state: str) -> None:
        """Reset the state, as an operator."""
        self._actions().reset_state(self.context(roles=("admin",)), uuid, vm_state)

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

    def wait_settled(self, *, timeout_s: float = 60.0) -> None:
        """Wait until no row has work left."""
        self.wait(
            lambda: not [row for row in self.servers(deleted=None) if row.step is not None],
            what="every piece of work is done",
            timeout_s=timeout_s,
        )

    # Faults.

    def faults(self, plan: object) -> contextlib.AbstractContextManager:
        """Let messages of this cloud pass through ``plan`` (corenova/rpc/faults.py) inside a ``with`` block."""
        return local.inject(self.vhost, plan)

    @contextlib.contextmanager
    def crash_at(self, point: str, *, nth: int = 1) -> Iterator[threading.Event]:
        """Let this process die at the ``nth`` pass of a crash point; yields an event that is set when it does.

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

        hook = threading.excepthook
        threading.excepthook = lambda args: None if args.exc_type is crash.SimulatedCrash else hook(args)
        crash.install(handler)
        try:
            yield met
        finally:
            crash.install(None)
            threading.excepthook = hook

    def revive(self) -> None:
        """Start all services again on what a crash has left, without a good-bye of their former selves."""
        for name in list(self._hosts):
            host = self._hosts.pop(name)
            # Its threads must end, and as one of the dead the thread that ends them can commit and send nothing.
            ending = threading.Thread(target=self._end, args=(host,), daemon=True)
            self._dead.add(ending)
            ending.start()
            ending.join(10)
            self._forget(name)
        self.driver.stop()
        self.start("conductor", "scheduler", "compute")

    @staticmethod
    def _end(host: ServiceHost) -> None:
        while host.is_running:
            with contextlib.suppress(crash.SimulatedCrash):
                host.stop()

    def findings(self) -> list:
        """Return what the invariant checker finds now; see corenova/audit.py."""
        return audit.audit(self.db, self._told, pause_s=0.5).findings

    def _told(self) -> list[HostGuests]:
        drivers = [driver for driver in (self.driver, self.other_driver) if driver is not None]
        return [HostGuests(host=h, guests=tuple(driver.list_guests(h))) for driver in drivers for h in driver.hosts()]
