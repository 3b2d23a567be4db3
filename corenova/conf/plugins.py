"""[plugins]: what of the installed plug-ins may act in this process, and what happens to those that fail."""

from oslo_config import cfg

GROUP = "plugins"
OPTIONS = [
    cfg.ListOpt("enabled_hooks", default=[], help="Hook plug-ins that are called; entry points of corenova.hooks."),
    cfg.IntOpt(
        "breaker_faults",
        default=5,
        min=0,
        help="After so many faults within a minute a filter or weigher is switched off for a while: the filter then "
        "refuses every host, the weigher weighs nothing. 0: never.",
    ),
    cfg.FloatOpt(
        "breaker_open_s",
        default=60.0,
        min=0.1,
        help="How long it is switched off, in seconds. Then the next call decides: if it fails, twice as long (at most "
        "32 times).",
    ),
    cfg.FloatOpt(
        "plugin_timeout_s",
        default=10.0,
        min=0.1,
        help="A filter or weigher that has not come back after so many seconds counts as hanging: the scheduler gives "
        "up the requests that it was asked about (they are tried again) and goes on without the thread.",
    ),
]
