"""BuildFailureWeigher: avoid hosts whose last builds failed.

Its default multiplier is so large that it outvotes all other weighers together: a broken host looks empty to them,
and would attract every build of the fleet. One success sets the count back.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

MOST = 10.0
"""More failures in a row than this are no worse, on the fixed scale."""


class BuildFailureWeigher:
    """Weigh a host by the builds that failed on it in a row; the multiplier is applied negatively."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "build_failure_weight_multiplier"
    negate: ClassVar[bool] = True
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return the number of builds that failed in a row."""
        return float(host_state.failed_builds)

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the number of builds that failed in a row on each host."""
        return hosts.failed_builds.astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 0 and 10: one failure already costs a tenth of the multiplier, which outvotes the others."""
        return 0.0, MOST
