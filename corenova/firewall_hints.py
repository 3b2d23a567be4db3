"""Whose firewall has changed, told to the computes that hold their guests: hints, as every message is.

Whoever has changed rules, members or addresses calls this after the commit. A compute that hears nothing asks by
itself, at intervals.
"""

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from corenova.db import instances, services
from corenova.db.engine import Database
from corenova.rpc.compute import ComputeAPI


class FirewallHints:
    """Wakes computes.

    :param down_time_s: a compute that has been silent for longer is not told.
    """

    def __init__(self, db: Database, compute: ComputeAPI, *, down_time_s: float):
        self._db = db
        self._compute = compute
        self._down_time_s = down_time_s

    def __call__(self, instance_uuids: Sequence[str]) -> None:
        """What may pass the ports of these instances has changed."""
        if instance_uuids:
            for address, uuids in self._db.read(lambda c: self._by_address(c, instance_uuids)).items():
                self._compute.refresh_security_groups(address, uuids)

    def _by_address(self, connection: sa.Connection, instance_uuids: Sequence[str]) -> dict[str, list[str]]:
        hosts = instances.hosts_of(connection, instance_uuids)
        known = services.addresses(connection, sorted(set(hosts.values())), down_time_s=self._down_time_s)
        found: dict[str, list[str]] = defaultdict(list)
        for uuid, host in hosts.items():
            address, is_up = known.get(host, (None, False))
            if is_up:
                found[address].append(uuid)
        return found
