"""ServerGroupSoftAffinityWeigher: members of a soft-affinity group stand together if they can.

The soft policy is a wish: it weighs, it never refuses. For requests without such a group all hosts weigh the same.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova_filters import host_values

POLICY = "soft-affinity"


class ServerGroupSoftAffinityWeigher:
    """Weigh a host by the members of the server's group that it runs."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "soft_affinity_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    def applies(self, spec: RequestSpec) -> bool:
        """Return True for a member of a soft-affinity group."""
        return spec.instance_group is not None and spec.instance_group.policy == POLICY

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the members of the server's group that it runs; 0 without a group of this policy."""
        group = spec.instance_group
        if group is None or group.policy != POLICY:
            return 0.0
        return float(group.hosts.get(host_state.host, 0))

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the members on each host; zeros without a group of this policy."""
        group = spec.instance_group
        if group is None or group.policy != POLICY:
            return np.zeros(len(hosts))
        return host_values.column(hosts, group.hosts)
