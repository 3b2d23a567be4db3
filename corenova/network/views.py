"""Rows as the network API shows them. What a caller may not see is taken out by corenova/network/handlers/nouns.py."""

import datetime
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa


def network(row: sa.Row, subnets: Sequence[sa.Row]) -> dict[str, object]:
    """Return a network."""
    return {
        "id": row.uuid,
        "name": row.name,
        **_owned(row),
        "admin_state_up": row.admin_state_up,
        "status": "ACTIVE",
        "shared": row.shared,
        "subnets": [subnet.uuid for subnet in subnets],
        "mtu": row.mtu,
        "router:external": row.external,
        "port_security_enabled": row.port_security,
        "availability_zone_hints": [],
        "availability_zones": [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "provider:network_type": row.network_type,
        "provider:physical_network": row.bridge,
        "provider:segmentation_id": None,
        **_times(row),
    }


def subnet(row: sa.Row) -> dict[str, object]:
    """Return a subnet."""
    pools = msgspec.json.decode(row.pools)
    routes = msgspec.json.decode(row.host_routes)
    return {
        "id": row.uuid,
        "name": row.name,
        **_owned(row),
        "network_id": row.network_uuid,
        "ip_version": row.ip_version,
        "cidr": row.cidr,
        "gateway_ip": row.gateway_ip,
        "allocation_pools": [{"start": start, "end": end} for start, end in pools],
        "enable_dhcp": row.enable_dhcp,
        "dns_nameservers": msgspec.json.decode(row.dns_nameservers),
        "host_routes": [{"destination": destination, "nexthop": nexthop} for destination, nexthop in routes],
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "subnetpool_id": None,
        "service_types": [],
        **_times(row),
    }


def port(row: sa.Row, addresses: Sequence[sa.Row], groups: Sequence[sa.Row], host: str | None) -> dict[str, object]:
    """Return a port.

    :param host: where the port's server is, None for nowhere.
    """
    return {
        "id": row.uuid,
        "name": row.name,
        **_owned(row),
        "network_id": row.network_uuid,
        "mac_address": row.mac,
        "fixed_ips": [{"subnet_id": one.subnet_uuid, "ip_address": one.address} for one in addresses],
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "security_groups": [group.group_uuid for group in groups],
        "port_security_enabled": row.port_security,
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "binding:vnic_type": "normal",
        "binding:host_id": host or "",
        "binding:profile": {},
        "binding:vif_type": "bridge" if host else "unbound",
        "binding:vif_details": {},
        **_times(row),
    }


def security_group(row: sa.Row, rules: Sequence[sa.Row]) -> dict[str, object]:
    """Return a security group with its rules."""
    return {
        "id": row.uuid,
        "name": row.name,
        **_owned(row),
        "stateful": True,
        "shared": False,
        "security_group_rules": [security_group_rule(rule) for rule in rules],
        **_times(row),
    }


def security_group_rule(row: sa.Row) -> dict[str, object]:
    """Return a rule of a security group, which never changes."""
    return {
        "id": row.uuid,
        **_owned(row),
        "security_group_id": row.group_uuid,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol,
        "port_range_min": row.port_min,
        "port_range_max": row.port_max,
        "remote_ip_prefix": row.remote_prefix,
        "remote_group_id": row.remote_group,
        "remote_address_group_id": None,
        "tags": [],
        "created_at": _time(row.created_at),
        "updated_at": _time(row.created_at),
    }


def _owned(row: sa.Row) -> dict[str, str]:
    return {"description": row.description, "project_id": row.project_id, "tenant_id": row.project_id}


def _times(row: sa.Row) -> dict[str, object]:
    return {"tags": [], "created_at": _time(row.created_at), "updated_at": _time(row.updated_at)}


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
