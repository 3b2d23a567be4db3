"""Making ports with their addresses: the one way for users' ports and for those of servers.

The caller holds the network (db/networks.py ``lock``), so what is free here stays free until the commit.
"""

import ipaddress
import random
import secrets
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db import addresses, networks, ports
from corenova.exceptions import InvalidInput
from corenova.network import errors, ipam
from corenova.objects.context import new_uuid

MAC_PREFIX = "fa:16:3e"
_MACS = random.Random(secrets.token_bytes(32))


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a port wants: itself, or any of a subnet."""

    address: str | None = None
    subnet_uuid: str | None = None


def make_ports(
    connection: sa.Connection,
    network: sa.Row,
    values: Sequence[Mapping[str, object]],
    *,
    groups: Sequence[str],
    wishes: Sequence[Wish] | None = None,
) -> list[str]:
    """Insert ports on the network and return their uuids.

    :param values: further columns of each, with the same keys; without ``mac`` a free one is found.
    :param wishes: for one port alone; None: an address of each IP version that the network has, [] none.
    :raises MacAddressInUse, IpAddressInUse, IpAddressGenerationFailure, InvalidInput: as their names say.
    """
    macs = _checked_macs(connection, [one["mac"] for one in values]) if "mac" in values[0] else None
    macs = macs or free_macs(connection, len(values))
    rows = [
        {"uuid": new_uuid(), "network_uuid": network.uuid, **one, "mac": mac}
        for one, mac in zip(values, macs, strict=True)
    ]
    try:
        ports.add(connection, rows, groups)
    except db_error.DBDuplicateEntry as error:  # the hardware address, found by two at the same moment
        raise db_error.RetryRequest(error) from error
    uuids = [row["uuid"] for row in rows]
    give_addresses(connection, network, uuids, wishes)
    return uuids


def give_addresses(
    connection: sa.Connection, network: sa.Row, port_uuids: Sequence[str], wishes: Sequence[Wish] | None
) -> None:
    """Give addresses to ports that have none; raises as :func:`make_ports`."""
    subnets = networks.subnets_of(connection, [network.uuid])[network.uuid]
    if wishes is None:
        for version in sorted({subnet.ip_version for subnet in subnets}):
            of_version = [subnet for subnet in subnets if subnet.ip_version == version]
            _give_any(connection, network, of_version, port_uuids)
        return
    # The named ones first: a free one that is found afterwards is none of them.
    for wish in sorted(wishes, key=lambda wish: wish.address is None):
        if not (wish.address or wish.subnet_uuid):
            raise InvalidInput("Invalid input for fixed_ips. Reason: an entry has neither ip_address nor subnet_id.")
        among = [subnet for subnet in subnets if wish.subnet_uuid in (None, subnet.uuid)]
        if wish.subnet_uuid and not among:
            raise InvalidInput(
                f"Invalid input for fixed_ips. Reason: subnet {wish.subnet_uuid} is not on {network.uuid}."
            )
        if wish.address:
            _give_named(connection, network, among, port_uuids[0], wish.address)
        else:
            _give_any(connection, network, among, port_uuids)


def subnet_for(network: sa.Row, subnets: Sequence[sa.Row], text: str) -> sa.Row:
    """Return the subnet in which a port can have this address; raises InvalidInput."""
    address = ipam.address_of(text, "fixed_ips")
    for subnet in subnets:
        cidr = ipaddress.ip_network(subnet.cidr)
        if address.version == cidr.version and address in cidr:
            ipam.check_address(cidr, _kept(network, subnet), address)
            return subnet
    raise errors.InvalidIpForSubnet(
        f"IP address {text} is not a valid IP for any of the subnets on the network {network.uuid}."
    )


def _kept(network: sa.Row, subnet: sa.Row) -> ipam.Address | None:
    gateway = subnet.gateway_ip and ipaddress.ip_address(subnet.gateway_ip)
    has_dhcp = subnet.enable_dhcp and network.network_type != networks.FLAT
    return ipam.kept(ipaddress.ip_network(subnet.cidr), gateway, has_dhcp=has_dhcp)


def _give_named(
    connection: sa.Connection, network: sa.Row, subnets: Sequence[sa.Row], port_uuid: str, text: str
) -> None:
    subnet = subnet_for(network, subnets, text)
    position = addresses.position_of(subnet.cidr, text)
    if addresses.taken(connection, subnet.uuid, [position]):
        raise errors.IpAddressInUse(
            f"Unable to complete operation for network {network.uuid}. The IP address {text} is in use."
        )
    addresses.add(connection, [(port_uuid, subnet, position)])


def _give_any(connection: sa.Connection, network: sa.Row, subnets: Sequence[sa.Row], port_uuids: Sequence[str]) -> None:
    """Give each port one address of whichever of the subnets has one."""
    left = list(port_uuids)
    for subnet in subnets:
        found = addresses.take(connection, subnet, len(left))
        addresses.add(connection, [(port, subnet, place) for port, place in zip(left, found, strict=False)])
        left = left[len(found) :]
        if not left:
            return
    raise errors.IpAddressGenerationFailure(
        f"No more IP addresses available on network {network.uuid}: {len(left)} of {len(port_uuids)} ports get none."
    )


def checked_mac(text: str) -> str:
    """Return a hardware address in its one spelling; raises InvalidInput."""
    parts = text.lower().replace("-", ":").split(":")
    is_mac = len(parts) == 6 and all(len(part) == 2 and set(part) <= set("0123456789abcdef") for part in parts)
    if not is_mac or int(parts[0], 16) & 1 or not any(int(part, 16) for part in parts):
        raise InvalidInput(f"Invalid input for mac_address. Reason: '{text}' is not a valid MAC address of one card.")
    return ":".join(parts)


def _checked_macs(connection: sa.Connection, macs: list[str]) -> list[str]:
    known = ports.known_macs(connection, macs)
    if known:
        raise errors.MacAddressInUse(
            f"Unable to complete operation: The mac address {', '.join(sorted(known))} is in use by another port."
        )
    return macs


def free_macs(connection: sa.Connection, count: int) -> list[str]:
    """Return hardware addresses that no port has."""
    found: set[str] = set()
    while len(found) < count:
        wanted = {_new_mac() for _ in range(count - len(found))}
        found |= wanted - ports.known_macs(connection, wanted)
    return list(found)


def _new_mac() -> str:
    return ":".join((MAC_PREFIX, *(f"{_MACS.getrandbits(8):02x}" for _ in range(3))))
