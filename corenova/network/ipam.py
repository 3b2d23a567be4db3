"""Which addresses a subnet has: its pools, its gateway, and those that no port can have. No database, no state.

Every function raises InvalidInput (or a kind of it) with the value at fault and what it should be.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from itertools import pairwise

from corenova.exceptions import InvalidInput
from corenova.network import errors

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Pools = list[tuple[Address, Address]]
MOST_POOLS = 64
_LONGEST = {4: 30, 6: 126}
_SHORTEST = {4: 8, 6: 64}


def network_of(cidr: str, version: int) -> Network:
    """Return the subnet that ``cidr`` names."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        raise InvalidInput(f"Invalid input for cidr. Reason: '{cidr}' is not a valid IP subnet.") from None
    if network.with_prefixlen != cidr:
        raise InvalidInput(f"Invalid input for cidr. Reason: '{cidr}' is not how a subnet is written: try '{network}'.")
    if network.version != version:
        raise InvalidInput(f"Invalid input for operation: cidr {cidr} does not match the ip_version {version}.")
    if not _SHORTEST[version] <= network.prefixlen <= _LONGEST[version]:
        raise InvalidInput(
            f"Invalid input for cidr. Reason: the prefix of '{cidr}' must be from /{_SHORTEST[version]} to "
            f"/{_LONGEST[version]}."
        )
    if network.is_multicast or network.is_loopback or network.is_link_local:
        raise InvalidInput(f"Invalid input for cidr. Reason: '{cidr}' is multicast, loopback or link-local.")
    return network


def address_of(text: str, what: str, version: int | None = None) -> Address:
    """Return an address; ``what`` names the field in the message."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput(f"Invalid input for {what}. Reason: '{text}' is not a valid IP address.") from None
    if version is not None and address.version != version:
        raise InvalidInput(f"Invalid input for {what}. Reason: '{text}' is not an IPv{version} address.")
    if getattr(address, "scope_id", None):
        raise InvalidInput(f"Invalid input for {what}. Reason: '{text}' has a scope.")
    return address


def first_host(network: Network) -> Address:
    """Return the first address behind that of the network itself."""
    return network.network_address + 1


def last_host(network: Network) -> Address:
    """Return the last address that a port can have: IPv4 keeps the very last for broadcasts."""
    return network.broadcast_address - (1 if network.version == 4 else 0)


def checked_gateway(network: Network, text: str) -> Address:
    """Return the gateway when it is an address of the subnet that a host can have."""
    gateway = address_of(text, "gateway_ip", network.version)
    if not first_host(network) <= gateway <= last_host(network):
        raise InvalidInput(f"Invalid input for operation: Gateway {text} is not valid on subnet {network}.")
    return gateway


def kept(network: Network, gateway: Address | None, *, has_dhcp: bool) -> Address | None:
    """Return the address that the hosts themselves have: the gateway's, or for DHCP without one the first."""
    return gateway or (first_host(network) if has_dhcp else None)


def default_pools(network: Network, keep: Address | None) -> Pools:
    """Return all addresses of the subnet that a port can have."""
    first, last = first_host(network), last_host(network)
    if keep is None or not first <= keep <= last:
        return [(first, last)]
    sides = [(first, keep - 1)] if keep > first else []
    return sides + ([(keep + 1, last)] if keep < last else [])


def checked_pools(network: Network, keep: Address | None, asked: Iterable[tuple[str, str]]) -> Pools:
    """Return the wanted pools in order."""
    pools = []
    for start, end in asked:
        first = address_of(start, "allocation_pools", network.version)
        last = address_of(end, "allocation_pools", network.version)
        if first > last:
            raise errors.InvalidAllocationPool(
                f"The allocation pool {start}-{end} is not valid: it ends before it begins."
            )
        if first < first_host(network) or last > last_host(network):
            raise errors.OutOfBoundsAllocationPool(
                f"The allocation pool {start}-{end} spans beyond the subnet cidr {network}: addresses of ports are "
                f"from {first_host(network)} to {last_host(network)}."
            )
        if keep is not None and first <= keep <= last:
            raise errors.GatewayConflictWithAllocationPools(
                f"Gateway ip {keep} conflicts with allocation pool {start}-{end}."
            )
        pools.append((first, last))
    if len(pools) > MOST_POOLS:
        raise InvalidInput(f"Invalid input for allocation_pools. Reason: more than {MOST_POOLS} pools.")
    pools.sort()
    for one, other in pairwise(pools):
        if other[0] <= one[1]:
            raise errors.OverlappingAllocationPools(
                f"Found overlapping allocation pools: {one[0]}-{one[1]} and {other[0]}-{other[1]} for subnet {network}."
            )
    return pools


def check_address(network: Network, keep: Address | None, address: Address) -> None:
    """Raise unless a port can have this address of the subnet."""
    if not first_host(network) <= address <= last_host(network):
        raise errors.InvalidIpForSubnet(f"IP address {address} is not a valid IP for the subnet {network}.")
    if address == keep:
        raise errors.InvalidIpForSubnet(
            f"IP address {address} is not for ports: the hosts of subnet {network} have it as gateway or for DHCP."
        )


def overlapping(network: Network, others: Sequence[str]) -> str | None:
    """Return the first of the other subnets that has addresses of this one."""
    return next((other for other in others if _same_version(network, other)), None)


def _same_version(network: Network, other: str) -> bool:
    that = ipaddress.ip_network(other)
    return that.version == network.version and that.overlaps(network)
