"""What every command does first: options, logging, and errors as one line; and the parts that services are made of.

Nobody here touches ``cfg.CONF``: it is process-wide, and an installed nova, whose filters may be loaded, takes it for
its own.
"""

import contextlib
import fcntl
import gc
import io
import logging
import os
import pathlib
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import exception as db_error
from oslo_log import log as oslo_log
from oslo_policy import opts as policy_options

import corenova
from corenova import conf as options
from corenova import crash, hooks, loader
from corenova.cmd import config_check
from corenova.cmd.plugin_accounts import Plugins
from corenova.cmd.service_host import ServiceHost, end
from corenova.cmd.watermarks import Watermarks
from corenova.contracts.backends import Backends
from corenova.db import migrate
from corenova.db.engine import Database
from corenova.events import Events
from corenova.exceptions import ConfigurationError, CorenovaError
from corenova.guards.backends import BackendGuard
from corenova.objects.pci_alias import read_aliases
from corenova.objects.plugin_account import PluginAccount, ServiceReport
from corenova.rpc import transport as bus
from corenova.rpc.notifications import Notifier

LOG = logging.getLogger(__name__)
_QUIET = (
    "alembic", "stevedore", "oslo_messaging", "amqp", "sqlalchemy", "oslo.messaging", "oslo_policy",
    "corenova.api.access",
)  # fmt: skip
SWITCH_INTERVAL_S = 0.001
_LAST_WORDS_S = 1.0
REFUSALS = (CorenovaError, cfg.Error, oslo_log.LogConfigError, sa.exc.DBAPIError, db_error.DBError, OSError)
"""What is no fault of ours when it stops a start; see :func:`say`."""


def configure(conf: cfg.ConfigOpts, args: list[str], *, prog: str) -> None:
    """Parse the command line and the ini files into ``conf``.

    :raises ConfigurationError: a file is missing, or a value or an argument cannot be read; says which and where.
    """
    options.register(conf)
    bus.register(conf)
    oslo_log.register_options(conf)
    for section, opts in policy_options.list_opts():
        conf.register_opts(opts, group=section)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            conf(args, project="corenova", prog=prog, version=corenova.__version__)
        config_check.check_values(conf)
    except cfg.ConfigFilesNotFoundError as error:
        raise ConfigurationError(f"{error}. Name an ini file that exists with --config-file.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"An ini file is not UTF-8: {error}.") from error
    except cfg.Error as error:
        raise ConfigurationError(config_check.sentence(error)) from error
    except SystemExit as end:
        if not end.code:
            raise
        # argparse: its last line says what is wrong, the usage before it is in --help.
        last = "".join(complaint.getvalue().strip().splitlines()[-1:])
        raise ConfigurationError(f"{last.partition('error: ')[2] or 'bad arguments'}. Try --help.") from None


def main(prog: str, build: Callable[["Parts", ServiceHost], Callable[[], None]], args: list[str] | None = None) -> None:
    """Run a command that serves: ``build`` adds its services to the host and returns what to call once they run.

    Whatever refuses the start is one line on stderr.
    """
    conf = cfg.ConfigOpts()
    host = ServiceHost()
    host.listen()
    try:
        set_up(conf, sys.argv[1:] if args is None else args, prog=prog)
        parts = Parts(conf)
        add_hooks(parts, host)
        ready = build(parts, host)
        config_check.warn_unknown(conf)
        # What is loaded by now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        parts.watermarks.start(host.end)
        host.run(ready)
    except REFUSALS as error:
        say(prog, error)
        end(1)
    except Exception:
        LOG.exception("%s ends by a fault of its own", prog)
        end(1)  # at once: threads that were started by now would keep the process


def set_up(conf: cfg.ConfigOpts, args: list[str], *, prog: str) -> None:
    """Do what comes before the first part of a service is made."""
    configure(conf, args, prog=prog)
    set_up_logging(conf)
    crash.install_from_env()
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def say(prog: str, error: Exception) -> None:
    """Write the one line that a refused start leaves on stderr."""
    print(f"{prog}: {config_check.sentence(error)}", file=sys.stderr)


def set_up_logging(conf: cfg.ConfigOpts) -> None:
    """Send logs where [DEFAULT] log_file, use_stderr ... say (oslo.log); libraries only from warnings on."""
    conf.set_default("use_stderr", True)
    levels = dict.fromkeys(_QUIET, "WARNING") | {"stevedore": "ERROR"}  # the loader says what is missing
    oslo_log.set_defaults(default_log_levels=[f"{name}={level}" for name, level in levels.items()])
    oslo_log.setup(conf, "corenova")
    logging.captureWarnings(True)


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
