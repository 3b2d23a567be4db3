"""CPUWeigher: prefer hosts with many free vCPUs.

A positive multiplier spreads load over the fleet, a negative one fills hosts one after the other.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import VCPU, RequestSpec


class CPUWeigher:
    """Weigh a host by its free vCPUs, ratio applied."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "cpu_weight_multiplier"
    negate: ClassVar[bool] = False
    # A floor of 0 keeps the scale honest: hosts that are equally free all weigh 1.0, an overdrawn one weighs nothing.
    minval: ClassVar[float | None] = 0.0
    maxval: ClassVar[float | None] = None
    raw_column: ClassVar[str | None] = "vcpus_free"

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return its free vCPUs, ratio applied."""
        return float(host_state.vcpus_free)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the free vCPUs of each host."""
        return hosts.vcpus_free.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 0 and the vCPUs of the largest host when it is empty, the reserve left out."""
        return 0.0, float(hosts.capacity(VCPU).max(initial=0))
