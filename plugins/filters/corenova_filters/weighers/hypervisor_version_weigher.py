"""HypervisorVersionWeigher: prefer hosts with the newest hypervisor.

Versions of different hypervisors do not compare: in a mixed fleet set the multiplier to 0, here or per aggregate.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec


class HypervisorVersionWeigher:
    """Weigh a host by the version number of its hypervisor."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "hypervisor_version_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the version as a number; 0 when the host tells none."""
        return float(host_state.hypervisor_version)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the version of each host as a number."""
        return hosts.hypervisor_version.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return the oldest and the newest version there is."""
        versions = hosts.hypervisor_version
        return (float(versions.min()), float(versions.max())) if len(versions) else (0.0, 0.0)
