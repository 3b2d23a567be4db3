"""[compute]: the driver and how builds are carried out on this machine."""

from oslo_config import cfg

GROUP = "compute"
OPTIONS = [
    cfg.StrOpt("driver", default="fake", help="The hypervisor driver; any entry point of corenova.compute.drivers."),
    cfg.IntOpt("max_concurrent_builds", default=10, min=1, help="Builds that run at the same time on one host."),
    cfg.IntOpt("threads", default=64, min=1, help="Threads of this process for builds and other work on guests."),
    cfg.FloatOpt(
        "driver_timeout_s",
        default=60.0,
        min=0.1,
        help="A verb of the driver that has not come back after so many seconds counts as hanging: an alarm says so, "
        "the request ends or goes elsewhere, others go on without its thread. Builds, and what else fetches images or "
        "moves a guest's memory, have half of [conductor] build_deadline_s, a snapshot has snapshot_deadline_s.",
    ),
    cfg.IntOpt(
        "reconcile_interval_s",
        default=60,
        min=1,
        help="Seconds between two comparisons of what should run here with what does.",
    ),
    cfg.FloatOpt(
        "report_linger_s",
        default=0.03,
        min=0.0,
        max=1.0,
        help="How long hints and finished work wait for company while there is much to do, so that one message and one "
        "transaction serve many.",
    ),
    cfg.StrOpt(
        "provider_config_location",
        default="",
        help="A directory with files (.yaml) that add resource classes and traits to what the driver tells of its "
        "hosts; etc/corenova/provider.yaml.sample shows one. Empty: none.",
    ),
    cfg.IntOpt("shutdown_timeout", default=60, min=0, help="Seconds that a guest is given to shut down by itself."),
]
