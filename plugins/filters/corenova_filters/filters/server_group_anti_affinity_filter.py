"""ServerGroupAntiAffinityFilter: members of an anti-affinity group run on different hosts.

It must see every instance of a batch anew, because each one placed changes the group. The claim checks the group's
generation, so two schedulers at once cannot both use the last place.
"""

import numpy as np

from corenova.contracts.filter import HostColumns
from corenova.objects.host_state import HostState
from corenova.objects.request_spec import InstanceGroup, RequestSpec

POLICY = "anti-affinity"


class ServerGroupAntiAffinityFilter:
    """Pass hosts with fewer members of the group than the rule ``max_server_per_host`` (1) allows."""

    contract_version = (1, 0)

    def applies(self, spec: RequestSpec) -> bool:
        """Return True for a member of an anti-affinity group."""
        return spec.instance_group is not None and spec.instance_group.policy == POLICY

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host has room for one more member of the group."""
        group = spec.instance_group
        if group is None or group.policy != POLICY:
            return True
        return group.hosts.get(host_state.host, 0) < _limit(group)

    def mask(self, hosts: HostColumns, spec: RequestSpec) -> np.ndarray:
        """Return True where the host has room for one more member of the group."""
        passed = np.ones(len(hosts), dtype=bool)
        group = spec.instance_group
        if group is not None and group.policy == POLICY:
            limit = _limit(group)
            passed[hosts.rows(host for host, members in group.hosts.items() if members >= limit)] = False
        return passed

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say how many members run here and how many may."""
        group = spec.instance_group
        if group is None:
            return "The request has no server group."
        members = group.hosts.get(host_state.host, 0)
        return (
            f"It runs {members} of the server group's members, its anti-affinity rule allows {_limit(group)} per host."
        )


def _limit(group: InstanceGroup) -> int:
    # The API lets nothing below 1 in; a rule that could never be met would only hide a fault elsewhere.
    return max(1, group.rules.get("max_server_per_host", 1))
