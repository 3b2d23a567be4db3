"""Topologies of hosts, and the claims on them: which CPUs, pages and PCI devices an instance has.

A claim is fitted anew on what the row says inside the transaction that writes it, so schedulers may decide on old
pictures and two instances never get one CPU. Rows are locked in the order of hosts, after their inventories.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
import sqlalchemy as sa
from oslo_db.exception import RetryRequest

from corenova.db.engine import for_update
from corenova.db.schema import host_topologies, inventories, topology_claims
from corenova.objects.host_state import HostReport
from corenova.objects.request_spec import MEMORY_MB, VCPU
from corenova.objects.topology import (
    UNUSED,
    HostTopology,
    TopologyClaim,
    TopologyUse,
    TopologyWish,
    with_claim,
    without_claim,
)
from corenova.objects.topology_fit import fit

# Fleets are bought by the rack: few different topologies, and they are the same object wherever they are equal.
decode_topology = lru_cache(maxsize=4096)(msgspec.json.Decoder(HostTopology).decode)
decode_use = msgspec.json.Decoder(TopologyUse).decode
decode_claim = msgspec.json.Decoder(TopologyClaim).decode
_h, _c = host_topologies.c, topology_claims.c
_OF_INSTANCES = _c.instance_uuid.in_(sa.bindparam("of_uuids", expanding=True))
_HELD = sa.select(topology_claims).where(_OF_INSTANCES)
_ROWS = sa.select(host_topologies).where(_h.host.in_(sa.bindparam("of_hosts", expanding=True))).order_by(_h.host)
_RATIOS = sa.select(inventories.c.host, inventories.c.resource_class, inventories.c.allocation_ratio).where(
    inventories.c.host.in_(sa.bindparam("of_hosts", expanding=True)),
    inventories.c.resource_class.in_((VCPU, MEMORY_MB)),
)


def report(connection: sa.Connection, reports: Sequence[HostReport]) -> set[str]:
    """Write what computes told of their hosts' topology; what is used of it stays. Returns the hosts that changed."""
    told = {report.host: _json(_bare(report.topology or HostTopology())) for report in reports}
    select = sa.select(_h.host, _h.topology).where(_h.host.in_(list(told)))
    stored = {row.host: row.topology for row in connection.execute(select)}
    nothing = _json(HostTopology())
    changed = {host for host, text in told.items() if stored.get(host, nothing) != text}
    for host in sorted(changed & stored.keys()):
        values = {"topology": told[host], "generation": _h.generation + 1}
        connection.execute(sa.update(host_topologies).where(_h.host == host).values(**values))
    new = [{"host": host, "topology": told[host], "used": "{}", "generation": 0} for host in changed - stored.keys()]
    if new:
        connection.execute(sa.insert(host_topologies), new)
    return changed


def of_hosts(connection: sa.Connection, among: sa.ColumnElement | bool = True) -> dict[str, HostTopology]:
    """Return the topologies of hosts, with what is used of them; ``among`` narrows ``host_topologies``."""
    rows = connection.execute(sa.select(host_topologies).where(among))
    return {row.host: _topology(row) for row in rows}


def of_instances(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, TopologyClaim]:
    """Return what these instances hold; those that hold nothing are left out."""
    return {row.instance_uuid: decode_claim(row.claim) for row in connection.execute(_HELD, {"of_uuids": list(uuids)})}


def claim(connection: sa.Connection, wishes: Iterable[tuple[str, str, TopologyWish | None]]) -> bool:
    """Give each (instance uuid, host, wish) what it wishes. False when one does not fit: then roll back.

    :raises RetryRequest: somebody else has written a host's row meanwhile.
    """
    wanted = [(uuid, host, wish) for uuid, host, wish in wishes if wish is not None]
    if not wanted:
        return True
    rows = _locked(connection, {host for _, host, _ in wanted})
    pictures = {host: _topology(row) for host, row in rows.items()}
    ratios = {(r.host, r.resource_class): r.allocation_ratio for r in connection.execute(_RATIOS, _hosts(rows))}
    made = []
    for uuid, host, wish in wanted:
        picture = pictures.get(host)
        given = fit(
            picture, wish, cpu_ratio=ratios.get((host, VCPU), 1.0), ram_ratio=ratios.get((host, MEMORY_MB), 1.0)
        )
        if given is None:
            return False
        pictures[host] = msgspec.structs.replace(picture, used=with_claim(picture.used, given))
        made.append({"instance_uuid": uuid, "host": host, "claim": _json(given)})
    _write(connection, rows, {host: picture.used for host, picture in pictures.items()})
    connection.execute(sa.insert(topology_claims), made)
    return True


def release(connection: sa.Connection, uuids: Sequence[str]) -> set[str]:
    """Take back what these instances hold and return the hosts it was on; those that hold nothing are no error.

    :raises RetryRequest: somebody else has taken it back, or written a host's row, meanwhile.
    """
    held = connection.execute(_HELD, {"of_uuids": list(uuids)}).all()
    if not held:
        return set()
    rows = _locked(connection, {row.host for row in held})
    gone = connection.execute(sa.delete(topology_claims).where(_c.instance_uuid.in_([r.instance_uuid for r in held])))
    if gone.rowcount != len(held):
        raise RetryRequest(RuntimeError("somebody else has given the same topology back"))
    uses = {host: decode_use(row.used) for host, row in rows.items()}
    for row in held:
        uses[row.host] = without_claim(uses[row.host], decode_claim(row.claim))
    _write(connection, rows, uses)
    return set(rows)


def forget(connection: sa.Connection, host: str) -> None:
    """Remove a host's topology; nothing is claimed there."""
    connection.execute(sa.delete(host_topologies).where(_h.host == host))


def _locked(connection: sa.Connection, hosts: Iterable[str]) -> dict[str, sa.Row]:
    rows = connection.execute(for_update(_ROWS, connection), {"of_hosts": sorted(hosts)})
    return {row.host: row for row in rows}


def _write(connection: sa.Connection, rows: Mapping[str, sa.Row], uses: Mapping[str, TopologyUse]) -> None:
    for host, row in rows.items():
        condition = sa.and_(_h.host == host, _h.generation == row.generation)
        values = {"used": _json(uses[host]), "generation": row.generation + 1}
        if connection.execute(sa.update(host_topologies).where(condition).values(**values)).rowcount != 1:
            raise RetryRequest(RuntimeError("somebody else has claimed on the same topology"))


def _hosts(rows: Mapping[str, sa.Row]) -> dict[str, list[str]]:
    return {"of_hosts": list(rows)}


def _topology(row: sa.Row) -> HostTopology:
    return msgspec.structs.replace(decode_topology(row.topology), used=decode_use(row.used))


def _bare(topology: HostTopology) -> HostTopology:
    return topology if topology.used is UNUSED else msgspec.structs.replace(topology, used=UNUSED)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
