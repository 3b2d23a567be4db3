"""NumInstancesFilter: a host runs no more than a number of instances, however small they are.

It sees every instance of a batch anew, because each one placed counts.
"""

import numpy as np
from oslo_config import cfg

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

OPTION = "max_instances_per_host"


class NumInstancesFilter:
    """Pass hosts that run fewer instances than ``max_instances_per_host``."""

    contract_version = (1, 0)
    options = [
        cfg.IntOpt(
            OPTION,
            default=50,
            min=1,
            deprecated_group="filter_scheduler",
            help="A host with this many instances takes no more.",
        ),
    ]

    def __init__(self) -> None:
        self._limit = 50

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the limit from the filter's own section."""
        self._limit = section[OPTION]

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host runs fewer instances than the limit."""
        return host_state.num_instances < self._limit

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host runs fewer instances than the limit."""
        return hosts.num_instances < self._limit

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say how many instances run here and how many may."""
        return f"It runs {host_state.num_instances} instances, the limit is {self._limit}."
