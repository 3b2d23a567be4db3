"""The embedded network as the compute side asks for it: ports come and go in the transaction of their servers.

Entry point ``embedded`` of ``corenova.network.backends``; implements corenova.contracts.network.NetworkBackend.
"""

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from oslo_config import cfg

from corenova.contracts.network import AUTO, NONE
from corenova.db import network_quotas, networks, ports, security_groups
from corenova.db.engine import Database
from corenova.db.schema import ports as port_table
from corenova.exceptions import Conflict, InvalidInput
from corenova.network import errors, server_groups
from corenova.network.allocation import Wish, make_ports
from corenova.network.planning import NOTHING, Plan, PlannedNic, automatic, make_plan
from corenova.objects.context import RequestContext
from corenova.objects.network import Firewall, Nic, SecurityGroup, WantedNic

_REMEMBER_S = 1.0


def limits_of(conf: cfg.ConfigOpts) -> dict[str, int]:
    """Return the quota of the ini file by the names of db/network_quotas.py."""
    return {name: getattr(conf.network, f"quota_{name}") for name in network_quotas.TABLES}


class EmbeddedNetwork:
    """Implements NetworkBackend over the database of this deployment."""

    contract_version = (1, 0)

    def __init__(self):
        self._db: Database | None = None
        self._limits: dict[str, int] = {}
        self._nothing_until = 0.0

    def start(self, db: Database, conf: cfg.ConfigOpts) -> None:
        """See the contract; ``conf`` gives the quotas."""
        self._db = db
        self._limits = limits_of(conf)

    def grown(self) -> None:
        """There may be a network now: look again (other processes do so within a second)."""
        self._nothing_until = 0.0

    def plan(
        self, context: RequestContext, wanted: str | Sequence[WantedNic], *, groups: Sequence[str], count: int
    ) -> Plan:
        """See the contract. NONE asks nobody, nor does AUTO for a second after there were no networks at all."""
        if wanted == NONE or (wanted == AUTO and time.monotonic() < self._nothing_until):
            return NOTHING
        if wanted == AUTO and not self._db.read(networks.exist):
            self._nothing_until = time.monotonic() + _REMEMBER_S
            return NOTHING

        def read(connection: sa.Connection) -> Plan:
            entries = automatic(connection, context) if wanted == AUTO else wanted
            if not entries:
                return NOTHING
            return make_plan(connection, context, entries, groups=groups, count=count, limits=self._limits)

        return self._db.read(read)

    def allocate(self, connection: sa.Connection, plan: Plan, servers: Sequence[tuple[str, str]]) -> list[list[Nic]]:
        """See the contract. Of rows that are there already ``network_info`` is written too."""
        uuids = [uuid for uuid, _ in servers]
        self._count(connection, plan, len(uuids))
        held = networks.lock(connection, {nic.network_uuid for nic in plan.nics})
        for slot, nic in enumerate(plan.nics):
            self._give(connection, plan, nic, held, uuids, slot)
        found = ports.refresh(connection, uuids)
        return [found[uuid] for uuid in uuids]

    def release(self, connection: sa.Connection, instance_uuids: Sequence[str]) -> None:
        """See the contract."""
        rows = ports.of_servers(connection, instance_uuids)
        if rows:
            ports.leave(connection, rows)
            ports.refresh(connection, sorted({row.instance_uuid for row in rows}))

    def attach(self, connection: sa.Connection, context: RequestContext, instance_uuid: str, wanted: WantedNic) -> Nic:
        """See the contract."""
        plan = make_plan(connection, context, [wanted], groups=(), count=1, limits=self._limits)
        self._count(connection, plan, 1)
        held = networks.lock(connection, [plan.nics[0].network_uuid])
        before = ports.of_servers(connection, [instance_uuid])
        slot = max((row.slot for row in before), default=-1) + 1
        self._give(connection, plan, plan.nics[0], held, [instance_uuid], slot)
        known = {row.uuid for row in before}
        return next(
            nic for nic in ports.refresh(connection, [instance_uuid])[instance_uuid] if nic.port_id not in known
        )

    def detach(self, connection: sa.Connection, instance_uuid: str, port_id: str) -> None:
        """See the contract."""
        rows = ports.find(connection, port_table.c.uuid == port_id, port_table.c.instance_uuid == instance_uuid)
        if rows:
            ports.leave(connection, rows)
            ports.refresh(connection, [instance_uuid])

    def firewalls(self, connection: sa.Connection, instance_uuids: Sequence[str]) -> dict[str, list[Firewall]]:
        """See the contract; ports without port security are left out."""
        return security_groups.firewalls(connection, instance_uuids)

    def plugged(self, connection: sa.Connection, instance_uuids: Sequence[str]) -> None:
        """See the contract."""
        ports.set_status(connection, instance_uuids, ports.ACTIVE)

    def security_groups(self, connection: sa.Connection, instance_uuid: str) -> list[SecurityGroup]:
        """See the contract."""
        return server_groups.of_server(connection, instance_uuid)

    def change_security_group(
        self, connection: sa.Connection, context: RequestContext, instance_uuid: str, name: str, *, add: bool
    ) -> None:
        """See the contract."""
        server_groups.change(connection, context, instance_uuid, name, add=add)

    def affected(self, connection: sa.Connection, instance_uuids: Sequence[str]) -> list[str]:
        """See the contract."""
        return sorted(security_groups.affected(connection, instance_uuids))

    def _count(self, connection: sa.Connection, plan: Plan, servers: int) -> None:
        more = plan.new_ports * servers
        over = more and network_quotas.excess(connection, plan.project_id, "port", more, self._limits)
        if over:
            raise errors.OverQuota("port", more, *over)

    def _give(
        self,
        connection: sa.Connection,
        plan: Plan,
        nic: PlannedNic,
        held: Mapping[str, sa.Row],
        instance_uuids: Sequence[str],
        slot: int,
    ) -> None:
        """Give one more interface to each of the servers."""
        if nic.port_uuid:
            if not ports.bind(connection, nic.port_uuid, instance_uuids[0], slot=slot, tag=nic.tag):
                raise Conflict(f"Port {nic.port_uuid} is still in use, or gone.")
            return
        network = held.get(nic.network_uuid)
        if network is None or not plan.may_use(network):
            raise InvalidInput(f"Network {nic.network_uuid} could not be found.")
        values = [
            {
                "project_id": plan.project_id,
                "instance_uuid": uuid,
                "device_id": uuid,
                "device_owner": ports.OF_SERVER,
                "preserve": False,
                "port_security": network.port_security,
                "slot": slot,
                "tag": nic.tag,
            }
            for uuid in instance_uuids
        ]
        groups = self._groups(connection, plan) if network.port_security else []
        wishes = [Wish(address=nic.address)] if nic.address else None
        make_ports(connection, network, values, groups=groups, wishes=wishes)

    def _groups(self, connection: sa.Connection, plan: Plan) -> tuple[str, ...]:
        wanted = plan.groups or (security_groups.ensure_default(connection, plan.project_id),)
        gone = set(wanted) - set(security_groups.lock(connection, wanted))
        if gone:
            raise InvalidInput(f"Security group {', '.join(sorted(gone))} not found.")
        return wanted
