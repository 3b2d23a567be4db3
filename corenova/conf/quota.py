"""[quota]: limits of every project, under Nova's names; -1 is unlimited.

Nova starts with 10 servers, 20 cores and 50 GiB a project; a control plane that starts with one command on a fleet of
fake hosts would meet that limit before anything else, so servers, cores and RAM are unlimited until the operator
says otherwise.
"""

from oslo_config import cfg

GROUP = "quota"


def _limit(name: str, default: int, what: str) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=-1, help=f"{what}. -1: unlimited.")


OPTIONS = [
    _limit("instances", -1, "Servers of a project"),
    _limit("cores", -1, "vCPUs of a project's servers together"),
    _limit("ram", -1, "MiB of RAM of a project's servers together"),
    _limit("metadata_items", 128, "Metadata entries of one server"),
    _limit("key_pairs", 100, "Key pairs of a user"),
    _limit("server_groups", 10, "Server groups of a project"),
    _limit("server_group_members", 10, "Members of one server group"),
]
