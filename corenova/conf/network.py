"""[network]: where servers get their interfaces, and what a project may have of the embedded service."""

from oslo_config import cfg

GROUP = "network"


def _limit(name: str, default: int, what: str) -> cfg.IntOpt:
    return cfg.IntOpt(f"quota_{name}", default=default, min=-1, help=f"{what} of a project. -1: unlimited.")


OPTIONS = [
    cfg.StrOpt(
        "backend",
        default="embedded",
        help="The network backend, an entry point of corenova.network.backends. 'embedded' is the service of this "
        "process, which makes networks on the hosts of the computes.",
    ),
    _limit("network", 100, "Networks"),
    _limit("subnet", 100, "Subnets"),
    _limit("port", 500, "Ports"),
    _limit("security_group", 10, "Security groups"),
    _limit("security_group_rule", 100, "Security group rules"),
]
