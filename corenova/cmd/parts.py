"""The parts that the services of one process are made of, each made when first asked for; and who hears of services."""

import contextlib
import fcntl
import logging
import os
import pathlib
import uuid
from collections.abc import Iterator
from functools import cached_property

from oslo_config import cfg

from corenova import hooks, loader
from corenova.cmd.plugin_accounts import Plugins
from corenova.cmd.service_host import ServiceHost
from corenova.cmd.watermarks import Watermarks
from corenova.contracts.backends import Backends
from corenova.db import migrate
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import ConfigurationError
from corenova.guards.backends import BackendGuard
from corenova.objects.pci_alias import read_aliases
from corenova.objects.plugin_account import PluginAccount, ServiceReport
from corenova.rpc import transport as bus
from corenova.rpc.notifications import Notifier

LOG = logging.getLogger(__name__)
_LAST_WORDS_S = 1.0


class Parts:
    """The parts of a process, each made when first asked for, from one configuration.

    :param conf: a parsed configuration (see :func:`configure`).
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf
        self.name = conf.host
        self.incarnation = str(uuid.uuid4())
        self.plugins = Plugins(conf)
        self.watermarks = Watermarks(conf)
        self._locks: list[object] = []

    def report(self, binary: str) -> ServiceReport:
        """Return what a heartbeat of the service ``binary`` tells."""
        alarms = (*self.watermarks.alarms, *self.plugins.alarms(binary))
        return ServiceReport(alarms=alarms, accounts=self.plugins.accounts(binary))

    @cached_property
    def state_path(self) -> pathlib.Path:
        """The state directory; made when it does not exist. Raises ConfigurationError when it cannot be written."""
        path = pathlib.Path(self.conf.state_path).absolute()
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o750)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write there")
        except OSError as error:
            raise ConfigurationError(
                f"[DEFAULT] state_path = {path} cannot be used: {error.strerror}. Name a directory that this user may "
                "write, or give it to the user that runs corenova."
            ) from None
        return path

    @cached_property
    def db(self) -> Database:
        """The database, at the schema of this version."""
        section = self.conf.database
        url = section.connection or f"sqlite:///{self.state_path}/corenova.sqlite"
        try:
            db = Database(
                url,
                durability=section.sqlite_durability,
                pool_size=section.max_pool_size,
                max_overflow=section.max_overflow,
                max_retries=section.max_retries,
            )
        except OSError as error:
            raise ConfigurationError(
                f"[database] connection: {error.filename} cannot be made: {error.strerror}. Name a file in a directory "
                "that this user may write."
            ) from None
        migrate.upgrade(db)
        return db

    @cached_property
    def image_backend(self) -> BackendGuard:
        """The image service, guarded, not started."""
        return self._guarded(loader.IMAGE_BACKENDS, self.conf.image.backend)

    @cached_property
    def images(self) -> BackendGuard:
        """The image service, as the compute side asks it; for processes with a database."""
        self.image_backend.start(self.db, self.conf)
        return self.image_backend

    @cached_property
    def transport(self) -> object:
        """The bus."""
        return bus.build_transport(self.conf)

    @cached_property
    def events(self) -> Events:
        """Hooks and notifications."""
        left_out: list[PluginAccount] = []
        loaded = hooks.load(self.conf, left_out=left_out)
        self.plugins.add(loaded.plugins, left_out)
        self.plugins.hear(loader.HOOKS, loaded.alarms)
        return Events(loaded, self._notifier())

    @cached_property
    def network_backend(self) -> BackendGuard:
        """The network service, guarded, not started."""
        return self._guarded(loader.NETWORK_BACKENDS, self.conf.network.backend)

    @cached_property
    def networks(self) -> BackendGuard:
        """The network service, as the compute side asks it; for processes with a database."""
        self.network_backend.start(self.db, self.conf)
        return self.network_backend

    @cached_property
    def backends(self) -> Backends:
        """The services beside compute, for processes with a database."""
        return Backends(self.images, self.networks)

    def _guarded(self, group: str, name: str) -> BackendGuard:
        guard = BackendGuard(self.plugins.load_one(group, name), self.conf)
        self.plugins.hear(group, guard.alarms)
        return guard

    def _notifier(self) -> Notifier:
        return Notifier(self.conf, self.name)

    def check(self, *, apart: bool = False) -> None:
        """Make the parts that can refuse the start and write nothing; to be called before the others are asked for.

        :param apart: the other services are in other processes.
        :raises ConfigurationError: hook plug-ins, the bus or PCI aliases are not as they must be.
        """
        if apart and self.conf.transport_url.partition(":")[0] == "local":
            raise ConfigurationError(
                "[DEFAULT] transport_url = local:// reaches nobody outside this process. Run corenova-all, or name a "
                "broker that all services share: rabbit://user:password@host:5672/vhost."
            )
        read_aliases(self.conf.pci.alias)
        for part in ("events", "transport", "image_backend", "network_backend"):
            getattr(self, part)

    def be_alone(self, command: str) -> None:
        """Take the state directory for this process, once the database is found to be ours.

        :raises ConfigurationError: another process has it.
        """
        LOG.debug("The database is %s", migrate.shown(self.db))
        if not self._lock(command):
            raise ConfigurationError(
                f"[DEFAULT] state_path = {self.state_path} is in use by another {command}. Stop that one, or name "
                "another directory."
            )

    def slot(self, service: str) -> str:
        """Return a name for this process among equals on this machine that a restart gets again.

        The lowest free number, held by a file lock: the kernel frees it however the process ends, so the successor of
        a killed process gets its name and may take over its work at once.
        """
        number = 0
        while not self._lock(f"{service}-{self.name}-{number}"):
            number += 1
        return f"{self.name}:{number}"

    def _lock(self, name: str) -> bool:
        folder = self.state_path / "locks"
        folder.mkdir(exist_ok=True)
        file = open(folder / f"{name}.lock", "w")  # noqa: SIM115 - held for life
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locks.append(file)
        return True

    def close(self) -> None:
        """Let go of everything; for processes that outlive their services (tests)."""
        for name, close in (("transport", "cleanup"), ("db", "close")):
            if name in self.__dict__:
                getattr(self.__dict__.pop(name), close)()
        while self._locks:
            self._locks.pop().close()


def add_hooks(parts: Parts, host: ServiceHost) -> None:
    """Add observers to the process, before all services.

    The first to start is the last to stop: what they have not heard of by then they are told, for a moment.
    """
    host.add("hooks", lambda: None, lambda: parts.events.hooks.drain(_LAST_WORDS_S))


@contextlib.contextmanager
def announced(parts: Parts, host: ServiceHost, binary: str) -> Iterator[None]:
    """Let hooks hear that the service which is added inside the ``with`` block has started, and that it has stopped."""

    def tell(hook: str) -> None:
        parts.events.hooks.call(hook, binary=binary, host=parts.name)

    host.add(f"{binary} until its end", lambda: None, lambda: tell("service_stopped"))
    yield
    host.add(f"{binary} from its start", lambda: tell("service_started"), lambda: None)
