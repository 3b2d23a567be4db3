"""Request bodies of the network API as types: msgspec reads and checks in one go, and says what is wrong with a body.

A key that is not here is refused, as Neutron refuses it: a client learns that what it asks for is not done. Everything
is optional for a change; what a new thing must have is without a default.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from corenova.exceptions import InvalidInput

Body = TypeVar("Body", bound=msgspec.Struct)
Name = Annotated[str, Meta(max_length=255)]
Uuid = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=64)]
_NOTHING = Annotated[list, Meta(max_length=0)]


class _Common(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    description: Name | UnsetType = UNSET


class NetworkChange(_Common, kw_only=True):
    """PUT /networks/ID."""

    admin_state_up: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    external: bool | UnsetType = field(default=UNSET, name="router:external")
    port_security: bool | UnsetType = field(default=UNSET, name="port_security_enabled")
    mtu: Annotated[int, Meta(ge=68, le=9216)] | UnsetType = UNSET


class NewNetwork(NetworkChange, kw_only=True):
    """POST /networks."""

    project_id: Name | UnsetType = UNSET
    tenant_id: Name | UnsetType = UNSET
    network_type: Text | UnsetType = field(default=UNSET, name="provider:network_type")
    bridge: Text | UnsetType | None = field(default=UNSET, name="provider:physical_network")
    segmentation_id: int | UnsetType | None = field(default=UNSET, name="provider:segmentation_id")
    availability_zone_hints: _NOTHING | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET


class Pool(msgspec.Struct, forbid_unknown_fields=True):
    """A range of addresses, both ends in it."""

    start: Text
    end: Text


class HostRoute(msgspec.Struct, forbid_unknown_fields=True):
    """A static route of the guests of a subnet."""

    destination: Text
    nexthop: Text


class SubnetChange(_Common, kw_only=True):
    """PUT /subnets/ID."""

    gateway_ip: Text | UnsetType | None = UNSET
    allocation_pools: list[Pool] | UnsetType = UNSET
    enable_dhcp: bool | UnsetType = UNSET
    dns_nameservers: Annotated[list[Text], Meta(max_length=5)] | UnsetType = UNSET
    host_routes: Annotated[list[HostRoute], Meta(max_length=20)] | UnsetType = UNSET


class NewSubnet(SubnetChange, kw_only=True):
    """POST /subnets."""

    project_id: Name | UnsetType = UNSET
    tenant_id: Name | UnsetType = UNSET
    network_id: Uuid
    cidr: Text
    ip_version: int = 4
    ipv6_address_mode: UnsetType | None = UNSET
    ipv6_ra_mode: UnsetType | None = UNSET
    subnetpool_id: UnsetType | None = UNSET


class FixedIp(msgspec.Struct, forbid_unknown_fields=True):
    """An address that a port wants: itself, or any of a subnet."""

    ip_address: Text | None = None
    subnet_id: Uuid | None = None


class PortChange(_Common, kw_only=True):
    """PUT /ports/ID."""

    admin_state_up: bool | UnsetType = UNSET
    device_id: Name | UnsetType = UNSET
    device_owner: Name | UnsetType = UNSET
    mac_address: Text | UnsetType | None = UNSET
    fixed_ips: Annotated[list[FixedIp], Meta(max_length=5)] | UnsetType = UNSET
    security_groups: Annotated[list[Uuid], Meta(max_length=20)] | UnsetType | None = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    allowed_address_pairs: _NOTHING | UnsetType = UNSET
    extra_dhcp_opts: _NOTHING | UnsetType = UNSET
    vnic_type: Text | UnsetType = field(default=UNSET, name="binding:vnic_type")
    host_id: Name | UnsetType | None = field(default=UNSET, name="binding:host_id")
    profile: dict | UnsetType | None = field(default=UNSET, name="binding:profile")


class NewPort(PortChange, kw_only=True):
    """POST /ports."""

    project_id: Name | UnsetType = UNSET
    tenant_id: Name | UnsetType = UNSET
    network_id: Uuid


class GroupChange(_Common, kw_only=True):
    """PUT /security-groups/ID."""

    stateful: bool | UnsetType = UNSET


class NewGroup(GroupChange, kw_only=True):
    """POST /security-groups."""

    project_id: Name | UnsetType = UNSET
    tenant_id: Name | UnsetType = UNSET


class NewRule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /security-group-rules."""

    security_group_id: Uuid
    direction: Text
    ethertype: Text | None = None
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: Text | None = None
    remote_group_id: Uuid | None = None
    description: Name | UnsetType = UNSET
    project_id: Name | UnsetType = UNSET
    tenant_id: Name | UnsetType = UNSET


_Limit = Annotated[int, Meta(ge=-1, le=2**31 - 1)] | UnsetType


class QuotaChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """PUT /quotas/PROJECT."""

    network: _Limit = UNSET
    subnet: _Limit = UNSET
    port: _Limit = UNSET
    security_group: _Limit = UNSET
    security_group_rule: _Limit = UNSET


def read(body: bytes, singular: str, plural: str) -> tuple[list[dict], bool]:
    """Return the objects that a body holds, as they are, and whether it is a list of them.

    :raises InvalidInput: it is no JSON object with the one key or the other.
    """
    try:
        content = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if singular in content:
            return [msgspec.json.decode(content[singular], type=dict)], False
        many = msgspec.json.decode(content.get(plural, b"[]"), type=list[dict])
        if many:
            return many, True
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The request body cannot be read: {error}.") from None
    raise InvalidInput(f"Unable to find '{singular}' in request body.")


def typed(given: dict, kind: type[Body]) -> Body:
    """Return ``given`` as ``kind``; raises InvalidInput with the place at fault."""
    known = {one.encode_name for one in msgspec.structs.fields(kind)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidInput(f"Unrecognized attribute(s) '{', '.join(unknown)}'. There are {', '.join(sorted(known))}.")
    _refuse_nul(given)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Invalid input: {error}.") from None


def values(body: msgspec.Struct, *names: str) -> dict[str, object]:
    """Return what a body gives of these fields."""
    return {name: getattr(body, name) for name in names if getattr(body, name) is not UNSET}


def _refuse_nul(value: object) -> None:
    """PostgreSQL cannot keep such text."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _refuse_nul(part)
    if isinstance(value, str) and "\x00" in value:
        raise InvalidInput("Invalid input: text must not have a NUL character.")
