"""IoOpsWeigher: avoid hosts that are busy building.

The multiplier is negative by default, so that builds spread over hosts that have nothing to do.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

MOST = 10.0
"""The builds that one host runs at a time by default; more than these are no worse, on the fixed scale."""


class IoOpsWeigher:
    """Weigh a host by the builds (and other I/O heavy work) under way on it."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "io_ops_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = 0.0
    maxval: ClassVar[float | None] = None
    raw_column: ClassVar[str | None] = "num_io_ops"

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the builds under way."""
        return float(host_state.num_io_ops)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the builds under way on each host."""
        return hosts.num_io_ops.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 0 and 10."""
        return 0.0, MOST
