"""Availability zones: what aggregates make of the hosts, and the default zone for the rest."""

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.views.times import naive
from corenova.db import services

_INTERNAL = "internal"


def index(call: Call) -> dict[str, object]:
    """GET /os-availability-zone."""
    hosts = call.services.lookups.hosts.get()
    shown = [_zone(name, available=True, hosts=None) for name in sorted(hosts.available)]
    shown += [_zone(name, available=False, hosts=None) for name in sorted(hosts.unavailable)]
    return {"availabilityZoneInfo": shown}


def detail(call: Call) -> dict[str, object]:
    """GET /os-availability-zone/detail: with the services on each host."""
    lookups, hosts = call.services.lookups, call.services.lookups.hosts.get()
    down_time_s = float(call.services.conf.service_down_time)
    members: dict[str, dict[str, dict]] = {}
    for row in call.read(lambda connection: services.list_services(connection, down_time_s=down_time_s)):
        if not row.disabled:
            zone = lookups.zone_of(row.host) if row.binary == services.COMPUTE else _INTERNAL
            members.setdefault(zone, {}).setdefault(row.host, {})[row.binary] = _service(row)
    shown = [_zone(name, available=True, hosts=members[name]) for name in sorted(members)]
    unavailable = sorted(hosts.unavailable - members.keys())
    return {"availabilityZoneInfo": shown + [_zone(name, available=False, hosts=None) for name in unavailable]}


def _service(row: sa.Row) -> dict[str, object]:
    return {
        "available": row.is_up,
        "active": not row.disabled,
        "updated_at": naive(max(row.updated_at, row.last_seen_at)),
    }


def _zone(name: str, *, available: bool, hosts: dict | None) -> dict[str, object]:
    return {"zoneName": name, "zoneState": {"available": available}, "hosts": hosts}
