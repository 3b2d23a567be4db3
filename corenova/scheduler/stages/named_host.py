"""Stages for requests that name their host, in the two ways that the API has.

Who forces a host (``az:host``) has decided and no filter is asked; who requests one wants it only if it fits.
"""

import numpy as np

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec
from corenova.scheduler.plugin_guard import Columns


class ForcedHost:
    """The request names its host (``az:host``, ``az:host:node``)."""

    name = "ForcedHost"

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True for the named host; for its node when one is named (both must hold); for all when none is named."""
        passes = np.ones(len(hosts), dtype=bool)
        for names in (spec.force_hosts, spec.force_nodes):
            if names:
                named = np.zeros(len(hosts), dtype=bool)
                named[hosts.rows(names)] = True
                passes &= named
        return passes

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return all(not names or host.host in names for names in (spec.force_hosts, spec.force_nodes))

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that another host is asked for."""
        return "the request names another host"


class RequestedHost:
    """The request wishes for a host (``host``, ``hypervisor_hostname`` of 2.74), and all filters are asked about it.

    Selective: a host each would be a class of requests each.
    """

    name = "RequestedHost"

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether a host is wished for."""
        return spec.requested_host is not None

    def mask(self, hosts: Columns, spec: RequestSpec) -> np.ndarray:
        """True for that host."""
        if spec.requested_host is None:
            return np.ones(len(hosts), dtype=bool)
        named = np.zeros(len(hosts), dtype=bool)
        named[hosts.rows((spec.requested_host,))] = True
        return named

    def host_passes(self, host: HostState, spec: RequestSpec) -> bool:
        """The same for one host."""
        return spec.requested_host in (None, host.host)

    def reason(self, host: HostState, spec: RequestSpec) -> str:
        """Say that another host is asked for."""
        return "the request asks for another host"
