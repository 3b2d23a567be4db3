"""[plugins]: what of the installed plug-ins may act in this process, and what happens to those that fail."""

from oslo_config import cfg

GROUP = "plugins"
OPTIONS = [
    cfg.ListOpt("enabled_hooks", default=[], help="Hook plug-ins that are called; entry points of corenova.hooks."),
    cfg.ListOpt(
        "allowed_distributions",
        default=[],
        help="Distributions that may bring plug-ins, by name; corenova itself always may. Empty: all that are "
        "installed. A plug-in runs with the rights of the service.",
    ),
    cfg.ListOpt(
        "optional",
        default=[],
        help="Plug-ins that a service may start without when they cannot be loaded, by name; an alarm says so. "
        "Whatever else is enabled and cannot be loaded stops the start.",
    ),
    cfg.ListOpt(
        "isolate",
        default=[],
        help="Filters and weighers that run in a process of their own, by name. It is killed and replaced when it has "
        "not come back after plugin_timeout_s, and may die. Slower: what has changed of the hosts is sent there.",
    ),
    cfg.IntOpt(
        "isolate_memory_mb",
        default=0,
        min=0,
        help="How large the address space of such a process may become, in MiB; some 150 are taken before the plug-in "
        "does anything. A plug-in that wants more fails, and its process is replaced. 0: no limit.",
    ),
    cfg.FloatOpt(
        "veto_timeout_s",
        default=2.0,
        min=0.01,
        help="How long a veto hook, or a resource that a plug-in adds to the API, may take while the user waits. After "
        "that the request is refused.",
    ),
    cfg.FloatOpt(
        "hook_timeout_s",
        default=10.0,
        min=0.01,
        help="An observing hook that has not come back after so many seconds counts as hanging: its thread is left "
        "alone and another one goes on.",
    ),
    cfg.IntOpt(
        "breaker_faults",
        default=5,
        min=0,
        help="After so many faults within a minute a plug-in is switched off for a while: a filter then refuses every "
        "host, a weigher weighs nothing, a veto hook refuses, other hooks are not called, a driver is given no builds. "
        "0: never.",
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
        "up the requests that it was asked about (they are tried again) and goes on without the thread. Of an image or "
        "network backend an alarm tells.",
    ),
]
