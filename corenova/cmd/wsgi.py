"""corenova-api for a WSGI server of your choice, with as many worker processes as it likes:

CORENOVA_CONFIG_FILES=/etc/corenova/corenova.conf gunicorn -w 4 --threads 16 -b :8774 corenova.cmd.wsgi:application

The variable names the ini files, separated by colons. ``application`` is built when it is first asked for, so a worker
must import it after the fork (no ``--preload``); hooks hear that it has stopped when the worker ends by itself, which
gunicorn's do at SIGTERM. Clients find the API by ``[api] public_url``, or by bind_host and
bind_port, which should be where the server listens.
"""

import atexit
import os
from collections.abc import Callable, Iterable

from oslo_config import cfg

from corenova.cmd import api, config_check
from corenova.cmd.heartbeat import Heartbeat
from corenova.cmd.parts import Parts, add_hooks, announced
from corenova.cmd.process import REFUSALS, say, set_up
from corenova.cmd.service_host import ServiceHost
from corenova.db.services import API

PROG = "corenova-api"
FILES = "CORENOVA_CONFIG_FILES"
_NEVER = 3
"""The exit code by which gunicorn's master knows that another worker would fare no better."""


def __getattr__(name: str) -> Callable[[dict, Callable], Iterable[bytes]]:
    if name != "application":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    globals()[name] = application = _build()
    return application


def _build() -> Callable[[dict, Callable], Iterable[bytes]]:
    conf = cfg.ConfigOpts()
    host = ServiceHost()
    files = [file for file in os.environ.get(FILES, "").split(":") if file]
    try:
        set_up(conf, [word for file in files for word in ("--config-file", file)], prog=PROG)
        parts = Parts(conf)
        parts.check(apart=True)
        add_hooks(parts, host)
        application = api.dispatcher(api.applications(parts, conf.api.bind_port))
        beat = Heartbeat(parts, API)
        with announced(parts, host, API):
            host.add("api heartbeat", beat.start, beat.stop)
        host.start()
        atexit.register(host.stop)
        config_check.warn_unknown(conf)
    except REFUSALS as error:
        say(PROG, error)
        raise SystemExit(_NEVER) from None
    return application
