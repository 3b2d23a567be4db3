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
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
from oslo_config import cfg

from corenova import crash, loader
from corenova.account import Account
from corenova.cmd import compute, conductor, scheduler
from corenova.cmd.parts import Parts
from corenova.cmd.process import configure
from corenova.cmd.service_host import ServiceHost
from corenova.contracts.driver import Driver
from corenova.loader import Plugin
from corenova.rpc import local
from corenova.rpc.faults import FaultPlan, SeededFaults
from corenova.scheduler.manager import build_pipeline
from corenova.testing import empty_database
from corenova.testing.cloud_user import IMAGE, NANO, PROJECT, CloudUser
from corenova.testing.configuration import text

__all__ = ["IMAGE", "NANO", "PROJECT", "QUICK", "Cloud", "running"]
QUICK = {
    "conductor": {"lease_s": "2", "sweep_interval_s": "1"},
    "compute": {"reconcile_interval_s": "1"},
    "DEFAULT": {"report_interval": "1", "service_down_time": "6", "rpc_response_timeout": "2"},
    "scheduler": {"refresh_interval_s": "0.05"},
}
"""Intervals for tests: what takes a minute in production takes seconds."""


class Cloud(CloudUser):
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
