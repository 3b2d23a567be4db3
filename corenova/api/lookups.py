"""What nearly every request needs and what rarely changes: flavors, hosts and zones, kept for a second.

A miss is looked up again before anybody is told that something does not exist, and what this process changes it forgets
at once; so only a change that another process made can go unseen, for a second.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from corenova.db import aggregates, flavors, services
from corenova.db.engine import Database
from corenova.exceptions import NotFound
from corenova.objects.request_spec import Flavor

T = TypeVar("T")
_KEEP_S = 1.0


class Kept(Generic[T]):
    """One value that is read again when it is older than a second."""

    def __init__(self, read: Callable[[], T]):
        self._read = read
        self._lock = threading.Lock()
        self._value: T | None = None
        self._fresh_until = 0.0

    def get(self, *, again: bool = False) -> T:
        """Return the value; ``again`` reads it anew in any case."""
        if not again and time.monotonic() < self._fresh_until:
            return self._value
        started = time.monotonic()
        value = self._read()
        with self._lock:
            self._value, self._fresh_until = value, started + _KEEP_S
        return value

    def forget(self) -> None:
        """Read anew next time."""
        with self._lock:
            self._fresh_until = 0.0


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the API says of hosts beside the servers on them.

    :param zones: the zone of each compute host.
    :param available: the zones with a host that is enabled; ``unavailable`` those where all hosts are disabled.
    :param statuses: UP, DOWN, MAINTENANCE or UNKNOWN by host.
    :param addresses: where the compute of a host listens; hosts that are down are left out.
    """

    zones: dict[str, str]
    available: frozenset[str]
    unavailable: frozenset[str]
    statuses: dict[str, str]
    addresses: dict[str, str]


class Lookups:
    """The API's memory. Thread-safe; one for the process."""

    def __init__(self, db: Database, conf: cfg.ConfigOpts):
        self._db = db
        self._default_zone: str = conf.default_availability_zone
        self._down_time_s = float(conf.service_down_time)
        self.flavors: Kept[dict[str, Flavor]] = Kept(self._read_flavors)
        self.hosts: Kept[HostFacts] = Kept(self._read_hosts)

    def flavor(self, flavorid: str, *, project_id: str | None) -> Flavor:
        """Return a flavor that the project may use (None may use all); raises NotFound."""
        flavor = self.flavors.get().get(flavorid)
        if flavor is not None and flavor.is_public:
            return flavor
        # Private flavors are rare, and a missing one may be a second old.
        return self._db.read(lambda connection: flavors.get(connection, flavorid, project_id=project_id))

    def has_zone(self, zone: str) -> bool:
        """Tell whether servers can be asked for in ``zone``."""
        return zone in self.hosts.get().available or zone in self.hosts.get(again=True).available

    def has_host(self, host: str) -> bool:
        """Tell whether there is such a compute host."""
        return host in self.hosts.get().zones or host in self.hosts.get(again=True).zones

    def zone_of(self, host: str) -> str:
        """Return the zone of a compute host."""
        return self.hosts.get().zones.get(host, self._default_zone)

    def _read_flavors(self) -> dict[str, Flavor]:
        return {flavor.flavorid: flavor for flavor in self._db.read(flavors.list_flavors)}

    def _read_hosts(self) -> HostFacts:
        def read(connection: sa.Connection) -> HostFacts:
            zones = aggregates.zones(connection)
            rows = services.list_services(connection, down_time_s=self._down_time_s, binary=services.COMPUTE)
            return self._facts(zones, rows)

        return self._db.read(read)

    def _facts(self, zones: dict[str, str], rows: list[sa.Row]) -> HostFacts:
        zone_of = {row.host: zones.get(row.host, self._default_zone) for row in rows}
        enabled = frozenset(zone_of[row.host] for row in rows if not row.disabled)
        return HostFacts(
            zones=zone_of,
            available=enabled,
            unavailable=frozenset(zone_of.values()) - enabled,
            statuses={row.host: _status(row) for row in rows},
            addresses={row.host: row.address for row in rows if row.is_up},
        )


def _status(service: sa.Row) -> str:
    if service.disabled:
        return "MAINTENANCE"
    if service.is_up:
        return "UP"
    return "DOWN" if service.forced_down else "UNKNOWN"


def must_find(found: T | None, sentence: str) -> T:
    """Return ``found``, or raise NotFound with ``sentence``."""
    if found is None:
        raise NotFound(sentence)
    return found
