"""Traits and inventories of a host as clients of Placement know them."""

from collections.abc import Iterable, Mapping

import msgspec

from corenova.objects.host_state import Inventory

GENERATION = "resource_provider_generation"


def traits(names: Iterable[str], generation: int) -> dict[str, object]:
    """Return all traits of a host."""
    return {"traits": list(names), GENERATION: generation}


def inventory(held: Inventory, generation: int) -> dict[str, object]:
    """Return one inventory of a host, without what is used of it."""
    return _numbers(held) | {GENERATION: generation}


def inventories(held: Mapping[str, Inventory], generation: int) -> dict[str, object]:
    """Return all inventories of a host."""
    return {"inventories": {name: _numbers(one) for name, one in held.items()}, GENERATION: generation}


def _numbers(held: Inventory) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(held).items() if name != "used"}
