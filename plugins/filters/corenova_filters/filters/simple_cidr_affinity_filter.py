"""SimpleCIDRAffinityFilter: near a host, in the network that its IP address is in.

The hint ``build_near_host_ip`` is an address, ``cidr`` says how much of it counts (``/24``).
"""

import functools
import ipaddress

from corenova.objects.host_state import HostState
from corenova.objects.request_spec import RequestSpec

NEAR = "build_near_host_ip"
CIDR = "cidr"
DEFAULT_CIDR = "/24"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SimpleCIDRAffinityFilter:
    """Pass hosts whose IP address is in the network around the hinted one."""

    contract_version = (1, 0)
    run_filter_once_per_request = True

    def applies(self, spec: RequestSpec) -> bool:
        """Return True when an address is hinted."""
        return bool(spec.get_scheduler_hint(NEAR))

    def host_passes(self, host_state: HostState, spec: RequestSpec) -> bool:
        """Return True when the host is in the network, or no address is hinted."""
        if not self.applies(spec):
            return True
        network = _network(_asked(spec))
        return network is not None and _is_in(host_state.host_ip, network)

    def reason(self, host_state: HostState, spec: RequestSpec) -> str:
        """Say which network it is not in, or that the hints name none."""
        asked = _asked(spec)
        if _network(asked) is None:
            return f"The hints {NEAR} and {CIDR} name no network: '{asked}'."
        return f"Its address is not in {asked}."


def _asked(spec: RequestSpec) -> str:
    return f"{spec.get_scheduler_hint(NEAR)}{spec.get_scheduler_hint(CIDR, DEFAULT_CIDR)}"


@functools.lru_cache(maxsize=256)
def _network(text: str) -> Network | None:
    """Return the network, or None when the text is none: a user wrote it, so it must not raise."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_in(address: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:  # the host tells no address
        return False
