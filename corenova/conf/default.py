"""[DEFAULT]: where this process keeps its state and how it is called."""

import socket

from oslo_config import cfg

GROUP = None
OPTIONS = [
    cfg.StrOpt(
        "state_path",
        default="./state",
        help="Directory for everything that this deployment writes: the SQLite database, passwords, logs of the fake "
        "driver. It must be writable; it is made when it does not exist.",
    ),
    cfg.HostAddressOpt(
        "host",
        default=socket.gethostname(),
        sample_default="<name of this machine>",
        help="The name of this process among its peers. Two computes must not share one; other services may.",
    ),
    cfg.StrOpt(
        "default_availability_zone",
        default="nova",
        help="The zone of a host that no aggregate puts into a zone.",
    ),
    cfg.StrOpt(
        "default_schedule_zone",
        help="The zone of servers whose request names none. Unset: any zone.",
    ),
    cfg.IntOpt(
        "service_down_time",
        default=60,
        min=2,
        help="A service is down when it has not been heard of for this many seconds.",
    ),
    cfg.IntOpt("report_interval", default=10, min=1, help="Seconds between two heartbeats of a service."),
    cfg.IntOpt(
        "max_rss_mb",
        default=0,
        min=0,
        help="A process that has more MiB of resident memory than this stops in good order, with exit code 75, so that "
        "whoever supervises it starts it again. It looks with each heartbeat. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_threads",
        default=0,
        min=0,
        help="The same for the number of its threads, which plug-ins that hang leave behind. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_open_files",
        default=0,
        min=0,
        help="The same for the number of files, sockets and pipes that it has open. 0: no limit. With any of these "
        "three set, a process that can open no more files at all (ulimit -n) stops as well.",
    ),
]
