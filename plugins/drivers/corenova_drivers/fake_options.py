"""The options of the fake driver, registered by the core's loader under ``[fake]``.

What the fleet looks like, how slow it is, and what goes wrong in it. Absurd values are refused by the options' own
types, so the rest of the driver need not look at them again.
"""

from types import SimpleNamespace

from oslo_config import cfg, types

from corenova.contracts.driver import Abilities

PREFIX = "supports_"
NAMES = tuple(flag.removeprefix(PREFIX) for flag in Abilities.__struct_fields__)
"""The abilities, as they are named in ``lacks``."""

OPTIONS = [
    # The fleet.
    cfg.IntOpt("hosts", default=20, min=1, help="How many hosts this compute process serves."),
    cfg.StrOpt("name_prefix", default="fake-", help="Hosts are named by this and a number of at least three digits."),
    cfg.IntOpt("vcpus", default=64, min=1, help="CPUs of each host."),
    cfg.IntOpt("ram_mb", default=262144, min=1, help="RAM of each host in MiB."),
    cfg.IntOpt("disk_gb", default=4096, min=1, help="Disk of each host in GiB."),
    cfg.FloatOpt("cpu_allocation_ratio", default=4.0, min=0.001, help="vCPUs that may be claimed per CPU."),
    cfg.FloatOpt("ram_allocation_ratio", default=1.0, min=0.001, help="MiB that may be claimed per MiB of RAM."),
    cfg.FloatOpt("disk_allocation_ratio", default=1.0, min=0.001, help="GiB that may be claimed per GiB of disk."),
    cfg.StrOpt(
        "classes_file",
        help="A YAML file with classes of hosts (etc/corenova/fake-hosts.yaml.sample); the options above are then not "
        "read.",
    ),
    # How slow it is.
    cfg.FloatOpt("spawn_latency_s", default=0.0, min=0.0, max=86400.0, help="Seconds that a spawn takes."),
    cfg.FloatOpt(
        "spawn_latency_jitter_s",
        default=0.0,
        min=0.0,
        max=86400.0,
        help="Up to so many seconds more for a spawn, by chance.",
    ),
    cfg.FloatOpt(
        "power_latency_s", default=0.0, min=0.0, max=86400.0, help="Seconds that power on, power off and reboot take."
    ),
    # What goes wrong. Patterns are those of the shell: * ? [abc].
    cfg.IntOpt("seed", help="Makes chance repeatable. Unset: different at each start."),
    cfg.FloatOpt(
        "spawn_failure_rate",
        default=0.0,
        min=0.0,
        max=1.0,
        help="The part of spawns that fails; another host is tried.",
    ),
    cfg.ListOpt(
        "spawn_failure_names", default=[], help="Servers whose name matches fail to spawn; another host is tried."
    ),
    cfg.ListOpt("spawn_failure_hosts", default=[], help="On hosts whose name matches every spawn fails."),
    cfg.ListOpt("spawn_abort_names", default=[], help="Servers whose name matches abort: no other host is tried."),
    cfg.ListOpt(
        "spawn_hang_names", default=[], help="The spawn of servers whose name matches blocks until the process stops."
    ),
    cfg.FloatOpt(
        "die_after_s", default=0.0, min=0.0, help="Guests shut down by themselves so long after their start; 0: never."
    ),
    cfg.ListOpt("die_names", default=[], help="Guests whose server's name matches crash right after their start."),
    cfg.BoolOpt(
        "power_cut", default=False, help="At the start of the process all guests are gone, as after a power cut."
    ),
    cfg.ListOpt(
        "lacks",
        default=[],
        item_type=types.String(choices=NAMES),
        help=f"Abilities that the driver shall not have, of {', '.join(NAMES)}.",
    ),
    # For tests.
    cfg.BoolOpt(
        "keep_history",
        default=False,
        help="Never compact the journal, so that it tells every spawn and destroy there has been. It grows for ever.",
    ),
]


def defaults() -> SimpleNamespace:
    """Return a section in which nothing is set, for a driver that nobody configures."""
    return SimpleNamespace(**{option.dest: option.default for option in OPTIONS})
