"""NumInstancesWeigher: prefer hosts with many instances, or with few.

Off by default; a positive multiplier fills hosts one after the other, a negative one spreads by number.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import VCPU, RequestSpec


class NumInstancesWeigher:
    """Weigh a host by the instances it runs, whatever their size."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "num_instances_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None
    raw_column: ClassVar[str | None] = "num_instances"

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the number of instances."""
        return float(host_state.num_instances)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the number of instances on each host."""
        return hosts.num_instances.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 0 and the vCPUs of the largest host: an instance has at least one."""
        return 0.0, float(hosts.capacity(VCPU).max(initial=0))
