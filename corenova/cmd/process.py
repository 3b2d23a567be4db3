"""What every command does first: options, logging, and errors as one line.

Nobody here touches ``cfg.CONF``: it is process-wide, and an installed nova, whose filters may be loaded, takes it for
its own.
"""

import contextlib
import gc
import io
import logging
import sys
from collections.abc import Callable

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import exception as db_error
from oslo_log import log as oslo_log
from oslo_policy import opts as policy_options

import corenova
from corenova import conf as options
from corenova import crash
from corenova.cmd import config_check
from corenova.cmd.parts import Parts, add_hooks
from corenova.cmd.service_host import ServiceHost, end
from corenova.exceptions import ConfigurationError, CorenovaError
from corenova.rpc import transport as bus

LOG = logging.getLogger(__name__)
_QUIET = (
    "alembic", "stevedore", "oslo_messaging", "amqp", "sqlalchemy", "oslo.messaging", "oslo_policy",
    "corenova.api.access",
)  # fmt: skip
SWITCH_INTERVAL_S = 0.001
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


def main(prog: str, build: Callable[[Parts, ServiceHost], Callable[[], None]], args: list[str] | None = None) -> None:
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
