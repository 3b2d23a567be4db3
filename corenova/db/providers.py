"""Hosts as providers of resources, for administrators: what is in effect, and what they add to it.

A host's revision is its generation, as Placement calls it: whoever passes the one that was shown changes nothing that
somebody else has changed meanwhile. Schedulers learn of every change with their next look.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from corenova.db import hosts, provided
from corenova.db.engine import for_update
from corenova.db.schema import compute_nodes, inventories
from corenova.exceptions import Conflict, NotFound
from corenova.objects.host_state import Inventory
from corenova.objects.placement import is_custom


def find(connection: sa.Connection, node_uuid: str, *, generation: int | None = None, lock: bool = False) -> sa.Row:
    """Return (host, revision, facts) of a node.

    :param generation: the revision that it must have.
    :param lock: nobody else changes it until the commit.
    :raises NotFound: there is no such node.
    :raises Conflict: it has another revision.
    """
    c = compute_nodes.c
    select = sa.select(c.host, c.revision, c.facts).where(c.uuid == node_uuid)
    row = connection.execute(for_update(select, connection) if lock else select).first()
    if row is None:
        raise NotFound(f"Hypervisor with ID '{node_uuid}' could not be found.")
    if generation not in (None, row.revision):
        raise Conflict(f"resource provider generation conflict: it is {row.revision}, not {generation}")
    return row


def traits(connection: sa.Connection, node: sa.Row) -> tuple[str, ...]:
    """Return the traits in effect: reported ones and given ones."""
    given = provided.traits(connection, [node.host]).get(node.host, ())
    return tuple(sorted({*hosts.decode_facts(node.facts).traits, *given}))


def set_traits(connection: sa.Connection, node: sa.Row, names: Iterable[str]) -> None:
    """Let the traits be these and the reported ones, which nobody can take away here."""
    provided.set_traits(connection, node.host, set(names) - set(hosts.decode_facts(node.facts).traits))
    hosts.touch(connection, [node.host])


def find_inventories(connection: sa.Connection, node: sa.Row) -> dict[str, Inventory]:
    """Return the inventories in effect by resource class."""
    rows = connection.execute(
        sa.select(inventories).where(inventories.c.host == node.host).order_by(inventories.c.resource_class)
    )
    return {row.resource_class: hosts.to_inventory(row) for row in rows}


def set_inventory(connection: sa.Connection, node: sa.Row, resource_class: str, inventory: Inventory) -> None:
    """Give a host an inventory, or change one. Its capacity may be below what is used: then nothing more fits."""
    provided.set_inventory(connection, node.host, resource_class, inventory)
    hosts.put_inventory(connection, node.host, resource_class, inventory)
    hosts.touch(connection, [node.host])


def delete_inventory(connection: sa.Connection, node: sa.Row, resource_class: str) -> None:
    """Take back an inventory that the host was given.

    A custom class is gone at once, a standard one has its numbers until the compute reports its own.

    :raises NotFound: it was given none of this class.
    :raises Conflict: instances use it.
    """
    if not provided.delete_inventory(connection, node.host, resource_class):
        raise NotFound(f"No inventory of class {resource_class} was given to {node.host}.")
    if is_custom(resource_class) and not hosts.drop_inventory(connection, node.host, resource_class):
        raise Conflict(f"Inventory for '{resource_class}' on host {node.host} is in use.")
    hosts.touch(connection, [node.host])
