"""Flavors: what servers can be made of. Extra specs and access are handlers/flavor_extra_specs.py, flavor_access.py."""

import uuid
from operator import attrgetter

import sqlalchemy as sa

from corenova.api.call import Call
from corenova.api.links import Page, cut
from corenova.api.schemas.types import MAX_INT, is_true
from corenova.api.views import flavors as view
from corenova.db import flavors
from corenova.exceptions import InvalidInput
from corenova.objects.request_spec import Flavor

EXTRA_SPECS = "os_compute_api:os-flavor-extra-specs:index"
_SORTABLE = ("flavorid", "name", "memory_mb", "root_gb", "ephemeral_gb", "swap", "vcpus", "rxtx_factor", "is_public")
_TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "t": True, "y": True}
_TRUTHS |= {"0": False, "false": False, "no": False, "off": False, "f": False, "n": False}


def index(call: Call) -> dict[str, object]:
    """GET /flavors."""
    page = call.page()
    found = _find(call, page)
    shown = [view.basic(flavor, call.links, call.version) for flavor in found]
    return {"flavors": shown} | _next(call, page, found, "flavors")


def detail(call: Call) -> dict[str, object]:
    """GET /flavors/detail."""
    page = call.page()
    found = _find(call, page)
    specs = call.may(EXTRA_SPECS)
    shown = [view.show(flavor, call.links, call.version, extra_specs=specs) for flavor in found]
    return {"flavors": shown} | _next(call, page, found, "flavors/detail")


def show(call: Call, flavor_id: str) -> dict[str, object]:
    """GET /flavors/{id}."""
    return _shown(call, call.read(lambda connection: flavors.get(connection, flavor_id, project_id=call.scope)))


def create(call: Call) -> dict[str, object]:
    """POST /flavors."""
    asked = call.body["flavor"]
    flavor = Flavor(
        flavorid=_id(asked.get("id")),
        name=asked["name"].strip(),
        memory_mb=_amount(asked, "ram"),
        vcpus=_amount(asked, "vcpus"),
        root_gb=_amount(asked, "disk"),
        ephemeral_gb=_amount(asked, "OS-FLV-EXT-DATA:ephemeral"),
        swap=_amount(asked, "swap"),
        rxtx_factor=float(asked.get("rxtx_factor", 1.0)),
        is_public=is_true(asked.get("os-flavor-access:is_public", True)),
        description=asked.get("description"),
    )
    call.write("flavor_create", lambda connection: flavors.create(connection, flavor))
    return _changed(call, flavor)


def update(call: Call, flavor_id: str) -> dict[str, object]:
    """PUT /flavors/{id}: its description."""
    description = call.body["flavor"]["description"]

    def write(connection: sa.Connection) -> Flavor:
        return flavors.set_description(connection, flavor_id, description)

    return _changed(call, call.write("flavor_update", write))


def delete(call: Call, flavor_id: str) -> None:
    """DELETE /flavors/{id}."""
    call.write("flavor_delete", lambda connection: flavors.delete(connection, flavor_id))
    call.services.lookups.flavors.forget()


def _changed(call: Call, flavor: Flavor) -> dict[str, object]:
    call.services.lookups.flavors.forget()
    return _shown(call, flavor)


def _shown(call: Call, flavor: Flavor) -> dict[str, object]:
    return {"flavor": view.show(flavor, call.links, call.version, extra_specs=call.may(EXTRA_SPECS))}


def _id(asked: object) -> str:
    return str(uuid.uuid4()) if asked is None else str(asked)


def _amount(asked: dict[str, object], key: str) -> int:
    amount = int(asked.get(key, 0))
    if amount > MAX_INT:
        raise InvalidInput(
            f"Invalid input for field/attribute {key}. Value: {amount}. "
            f"{amount} is greater than the maximum of {MAX_INT}"
        )
    return amount


def _find(call: Call, page: Page) -> list[Flavor]:
    # Flavors are few and one JSON text each, so they are filtered and sorted here and not in SQL.
    public = _is_public(call)
    found = call.read(lambda connection: flavors.list_flavors(connection, project_id=call.scope, is_public=public))
    least_ram, least_disk = _least(call, "minRam"), _least(call, "minDisk")
    found = [flavor for flavor in found if flavor.memory_mb >= least_ram and flavor.root_gb >= least_disk]
    key = call.parameter("sort_key") or "flavorid"
    if key in _SORTABLE:
        found.sort(key=attrgetter(key), reverse=call.parameter("sort_dir") == "desc")
    return cut(page, found, "flavorid")


def _is_public(call: Call) -> bool | None:
    """Return which flavors are asked for: an administrator chooses, everybody else gets what their project may use."""
    if not call.context.is_admin:
        return None
    text = call.parameter("is_public")
    if text is None:
        return True
    if text.lower() == "none":
        return None
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise InvalidInput(f"Invalid is_public filter [{text}]") from None


def _least(call: Call, name: str) -> int:
    text = call.parameter(name) or "0"
    try:
        return int(text)
    except ValueError:
        raise InvalidInput(f"Invalid {name} filter [{text}]") from None


def _next(call: Call, page: Page, found: list[Flavor], collection: str) -> dict[str, object]:
    if not page.has_next(len(found)):
        return {}
    return {"flavors_links": call.links.next(collection, call.query, found[-1].flavorid)}
