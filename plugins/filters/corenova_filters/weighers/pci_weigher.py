"""PCIWeigher: keep hosts with free PCI devices for those who need them.

Hosts with few free devices weigh more. Who asks for no device is kept away from the others; who asks for some fills a
host up before the next is opened, so that large requests find a place later. PciPassthroughFilter sees to it that there
are enough.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

ENOUGH = 99
"""Where this many devices are free nothing is scarce: more of them make no difference."""


class PCIWeigher:
    """Weigh a host by the PCI devices that it has not got free."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "pci_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return 100 without free devices, down to 1 with 99 or more of them."""
        return float(ENOUGH + 1 - min(host_state.free_pci_devices, ENOUGH))

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the same for each host."""
        return (ENOUGH + 1 - np.minimum(hosts.free_pci_devices, ENOUGH)).astype(np.float64)

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return 1 and 100."""
        return 1.0, ENOUGH + 1.0
