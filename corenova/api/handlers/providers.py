"""What a host provides: traits and inventories, sub-resources of a hypervisor in the shapes of Placement.

Shown is what is in effect. What an administrator writes stays when the compute reports its host again.
"""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.formats import is_uuid
from corenova.api.lookups import must_find
from corenova.api.views import providers as view
from corenova.db import providers
from corenova.exceptions import InvalidInput
from corenova.objects import placement
from corenova.objects.host_state import Inventory

T = TypeVar("T")
Work = Callable[[sa.Connection, sa.Row], None]


def traits(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{id}/traits: the traits in effect."""
    return _read(call, hypervisor_id, _traits)


def set_traits(call: Call, hypervisor_id: str) -> dict[str, object]:
    """PUT /os-hypervisors/{id}/traits: these beside those that the compute reports."""
    names = call.body["traits"]
    for name in names:
        if not placement.is_trait(name):
            raise InvalidInput(f"No such trait {name}: it is no standard one, nor CUSTOM_[A-Z0-9_]+.")
    _write(call, hypervisor_id, "traits", lambda connection, node: providers.set_traits(connection, node, names))
    return _read(call, hypervisor_id, _traits)


def inventories(call: Call, hypervisor_id: str) -> dict[str, object]:
    """GET /os-hypervisors/{id}/inventories: all inventories in effect."""

    def show(connection: sa.Connection, node: sa.Row) -> dict[str, object]:
        return view.inventories(providers.find_inventories(connection, node), node.revision)

    return _read(call, hypervisor_id, show)


def inventory(call: Call, hypervisor_id: str, resource_class: str) -> dict[str, object]:
    """GET /os-hypervisors/{id}/inventories/{resource class}: the inventory in effect."""

    def show(connection: sa.Connection, node: sa.Row) -> dict[str, object]:
        found = providers.find_inventories(connection, node).get(resource_class)
        return view.inventory(
            must_find(found, f"No inventory of class {resource_class} for {node.host}."), node.revision
        )

    return _read(call, hypervisor_id, show)


def set_inventory(call: Call, hypervisor_id: str, resource_class: str) -> dict[str, object]:
    """PUT /os-hypervisors/{id}/inventories/{resource class}: an inventory in place of what the compute reports."""
    if not placement.is_resource_class(resource_class):
        raise InvalidInput(f"No such resource class {resource_class}: it is no standard one, nor CUSTOM_[A-Z0-9_]+.")
    given = _inventory(call.body)
    _write(
        call,
        hypervisor_id,
        "inventory",
        lambda connection, node: providers.set_inventory(connection, node, resource_class, given),
    )
    return inventory(call, hypervisor_id, resource_class)


def delete_inventory(call: Call, hypervisor_id: str, resource_class: str) -> None:
    """DELETE /os-hypervisors/{id}/inventories/{resource class}: take back one that was written here."""
    _write(
        call,
        hypervisor_id,
        "inventory",
        lambda connection, node: providers.delete_inventory(connection, node, resource_class),
    )


def _traits(connection: sa.Connection, node: sa.Row) -> dict[str, object]:
    return view.traits(providers.traits(connection, node), node.revision)


def _inventory(body: dict[str, object]) -> Inventory:
    ratio = float(body.get("allocation_ratio", 1.0))
    numbers = {name: int(value) for name, value in body.items() if name not in (view.GENERATION, "allocation_ratio")}
    made = Inventory(allocation_ratio=ratio, **numbers)
    fault = placement.fault(made)
    if fault:
        raise InvalidInput(f"Invalid inventory: {fault}")
    return made


def _read(call: Call, hypervisor_id: str, show: Callable[[sa.Connection, sa.Row], T]) -> T:
    _check_id(hypervisor_id)
    return call.read(lambda connection: show(connection, providers.find(connection, hypervisor_id)))


def _write(call: Call, hypervisor_id: str, what: str, work: Work) -> None:
    _check_id(hypervisor_id)
    generation = call.body.get(view.GENERATION) if call.body else None
    call.write(
        f"hypervisor_{what}",
        lambda connection: work(
            connection, providers.find(connection, hypervisor_id, generation=generation, lock=True)
        ),
    )


def _check_id(hypervisor_id: str) -> None:
    if not is_uuid(hypervisor_id):
        raise InvalidInput(f"Invalid uuid {hypervisor_id}")
