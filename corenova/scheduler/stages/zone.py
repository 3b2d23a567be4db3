"""The stage of availability zones. A host that no aggregate puts in a zone is in the default zone."""

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns


class AvailabilityZone:
    """The host is in the zone that the request names (Nova's map_az_to_placement_aggregate)."""

    name = "AvailabilityZone"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True in the zone; everywhere when none is named."""
        if spec.availability_zone is None:
            return np.ones(len(hosts), dtype=bool)
        return hosts.zone_is(spec.availability_zone)

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return spec.availability_zone in (None, host.availability_zone)

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Name both zones."""
        return f"it is in zone {host.availability_zone}, the request wants {spec.availability_zone}"
