"""IoOpsFilter: no host that is busy building already.

It sees every instance of a batch anew, because each one placed makes the host busier.
"""

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

OPTION = "max_io_ops_per_host"


class IoOpsFilter:
    """Pass hosts with fewer builds (and other I/O heavy work) under way than ``max_io_ops_per_host``."""

    contract_version = (1, 0)
    options = [
        cfg.IntOpt(
            OPTION,
            default=8,
            deprecated_group="filter_scheduler",
            help="A host with this many builds under way takes no more instances.",
        ),
    ]

    def __init__(self) -> None:
        self._limit = 8

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the limit from the filter's own section."""
        self._limit = section[OPTION]

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when fewer builds are under way than the limit."""
        return host_state.num_io_ops < self._limit

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where fewer builds are under way than the limit."""
        return hosts.num_io_ops < self._limit

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say how many builds are under way and how many may be."""
        return f"It has {host_state.num_io_ops} builds under way, the limit is {self._limit}."
