"""BestFitWeigher: fill hosts up, so that few are in use and what is left of the others is whole.

It looks at vCPUs and RAM together: the share of each that the server would leave free. RAM counts four times as much:
it is what servers ask for in large pieces and what hardly is overcommitted, so it is worth more in one piece.
On traces of real requests that needs fewer hosts than the L2 norm of the two shares.
"""

from typing import ClassVar

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import MEMORY_MB, VCPU, RequestSpec

_VCPU_SHARE, _RAM_SHARE = 0.2, 0.8


class BestFitWeigher:
    """Weigh a host by how little of it the server would leave free: from -1.0, an empty host, to 0.0, a full one."""

    contract_version = (1, 0)
    multiplier_option: ClassVar[str | None] = "best_fit_weight_multiplier"
    negate: ClassVar[bool] = False
    minval: ClassVar[float | None] = None
    maxval: ClassVar[float | None] = None

    def weigh(self, host_state: HostState, spec: RequestSpec) -> float:
        """Return minus the weighted shares of vCPUs and RAM that would be left."""
        held, flavor = host_state.inventories, spec.flavor
        left = 0.0
        for name, asked, weight in ((VCPU, flavor.vcpus, _VCPU_SHARE), (MEMORY_MB, flavor.memory_mb, _RAM_SHARE)):
            inventory = held.get(name)
            capacity = 0 if inventory is None else inventory.capacity
            if capacity > 0:
                left += (capacity - inventory.used - asked) / capacity * weight
        return -left

    def weights(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return the same of each host."""
        flavor = spec.flavor
        left = np.zeros(len(hosts))
        for name, asked, weight in ((VCPU, flavor.vcpus, _VCPU_SHARE), (MEMORY_MB, flavor.memory_mb, _RAM_SHARE)):
            capacity = hosts.capacity(name)
            share = (hosts.free(name) - asked) / np.maximum(capacity, 1) * weight
            left += np.where(capacity > 0, share, 0.0)
        return -left

    def scale(self, hosts: HostColumns) -> tuple[float, float]:
        """Return the weights of an empty host and of a full one."""
        return -1.0, 0.0
