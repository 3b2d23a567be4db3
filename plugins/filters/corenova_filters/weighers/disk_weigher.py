"""DiskWeigher: prefer hosts with much free disk.

A positive multiplier spreads load over the fleet, a negative one fills hosts one after the other.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import DISK_GB, RequestSpec


class DiskWeigher:
    """Weigh a host by its free disk in MiB, ratio applied."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "disk_weight_multiplier"
    negate: ClassVar[bool] = False
    # A floor of 0 keeps the scale honest: hosts that are equally free all weigh 1.0, an overdrawn one weighs nothing.
    minval: ClassVar[float | None] = 0.0
    maxval: ClassVar[float | None] = None
    raw_column: ClassVar[str | None] = "free_disk_mb"

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return its free disk in MiB, ratio applied."""
        return float(host_state.free_disk_mb)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the free disk of each host in MiB."""
        return hosts.free_disk_mb.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 0 and the disk of the largest host when it is empty."""
        return 0.0, 1024.0 * float(hosts.capacity(DISK_GB).max(initial=0))
