"""ServerGroupAffinityFilter: members of an affinity group run on one host.

The first member may go anywhere, all others follow it. The claim checks the group's generation, so two schedulers at
once cannot choose two first hosts.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

POLICY = "affinity"


class ServerGroupAffinityFilter:
    """Pass the hosts of the group's members, or every host while there is none."""

    contract_version = (1, 0)

    def applies(self, spec: RequestSpec) -> bool:
        """Return True for a member of an affinity group."""
        return spec.instance_group is not None and spec.instance_group.policy == POLICY

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host runs a member of the group, or when no host does yet."""
        used = _used(spec)
        return not used or host_state.host in used

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host runs a member of the group, or everywhere when no host does yet."""
        used = _used(spec)
        if not used:
            return np.ones(len(hosts), dtype=bool)
        passed = np.zeros(len(hosts), dtype=bool)
        passed[hosts.rows(used)] = True
        return passed

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say that the group lives elsewhere, without telling where."""
        return "The members of the server group run on another host, and its policy is affinity."


def _used(spec: RequestSpec) -> set[str]:
    """Return the hosts that run members of the request's affinity group; empty when it has no such group."""
    group = spec.instance_group
    if group is None or group.policy != POLICY:
        return set()
    return {host for host, members in group.hosts.items() if members}
