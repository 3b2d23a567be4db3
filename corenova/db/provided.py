"""What administrators add to hosts: inventories and traits beside those that computes report, which come and go.

Here they are only kept; db/hosts.py puts the two together, and db/providers.py has the verbs of administrators.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from corenova.db.schema import provided_inventories, provided_traits
from corenova.objects.host_state import Inventory

INVENTORY_FIELDS = ("total", "reserved", "allocation_ratio", "min_unit", "max_unit", "step_size")


def inventories(connection: sa.Connection, hosts: Sequence[str]) -> dict[str, dict[str, Inventory]]:
    """Return ``{host: {resource class: inventory}}`` of those of the hosts that were given any."""
    table = provided_inventories
    found: dict[str, dict[str, Inventory]] = defaultdict(dict)
    for row in connection.execute(sa.select(table).where(table.c.host.in_(hosts))):
        found[row.host][row.resource_class] = Inventory(**{name: getattr(row, name) for name in INVENTORY_FIELDS})
    return found


def traits(connection: sa.Connection, hosts: Sequence[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Return ``{host: traits}`` of those of the hosts (None: of all) that were given any."""
    table = provided_traits
    found: dict[str, list[str]] = defaultdict(list)
    select = sa.select(table).order_by(table.c.host, table.c.trait)
    for row in connection.execute(select if hosts is None else select.where(table.c.host.in_(hosts))):
        found[row.host].append(row.trait)
    return {host: tuple(names) for host, names in found.items()}


def set_traits(connection: sa.Connection, host: str, names: Iterable[str]) -> None:
    """Let these be the traits that were given to a host, in place of those before."""
    connection.execute(sa.delete(provided_traits).where(provided_traits.c.host == host))
    values = [{"host": host, "trait": name} for name in sorted(set(names))]
    if values:
        connection.execute(sa.insert(provided_traits), values)


def set_inventory(connection: sa.Connection, host: str, resource_class: str, inventory: Inventory) -> None:
    """Give a host an inventory, in place of the one of this class that it was given before."""
    delete_inventory(connection, host, resource_class)
    values = {name: getattr(inventory, name) for name in INVENTORY_FIELDS}
    connection.execute(sa.insert(provided_inventories).values(host=host, resource_class=resource_class, **values))


def delete_inventory(connection: sa.Connection, host: str, resource_class: str) -> bool:
    """Take back an inventory that a host was given; False when it was given none of this class."""
    table = provided_inventories
    key = (table.c.host == host, table.c.resource_class == resource_class)
    return connection.execute(sa.delete(table).where(*key)).rowcount > 0


def forget(connection: sa.Connection, host: str) -> None:
    """Take back everything that a host was given."""
    for table in (provided_inventories, provided_traits):
        connection.execute(sa.delete(table).where(table.c.host == host))
