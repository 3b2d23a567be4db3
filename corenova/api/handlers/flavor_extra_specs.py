"""Extra specs of flavors: what plug-ins read. Values are kept as text; the answer to a write repeats the request."""

from corenova.api import extra_specs
from corenova.api.call import Call
from corenova.api.lookups import must_find
from corenova.db import flavors
from corenova.exceptions import InvalidInput


def index(call: Call, flavor_id: str) -> dict[str, object]:
    """GET /flavors/{id}/os-extra_specs."""
    return {"extra_specs": _specs(call, flavor_id)}


def show(call: Call, flavor_id: str, key: str) -> dict[str, object]:
    """GET /flavors/{id}/os-extra_specs/{key}."""
    sentence = f"Flavor {flavor_id} has no extra specs with key {key}."
    return {key: must_find(_specs(call, flavor_id).get(key), sentence)}


def create(call: Call, flavor_id: str) -> dict[str, object]:
    """POST /flavors/{id}/os-extra_specs."""
    specs = call.body["extra_specs"]
    _set(call, flavor_id, specs)
    return {"extra_specs": specs}


def update(call: Call, flavor_id: str, key: str) -> dict[str, object]:
    """PUT /flavors/{id}/os-extra_specs/{key}."""
    if key not in call.body:
        raise InvalidInput("Request body and URI mismatch")
    _set(call, flavor_id, call.body)
    return call.body


def delete(call: Call, flavor_id: str, key: str) -> None:
    """DELETE /flavors/{id}/os-extra_specs/{key}."""
    call.write("flavor_extra_spec_delete", lambda connection: flavors.delete_extra_spec(connection, flavor_id, key))
    call.services.lookups.flavors.forget()


def _specs(call: Call, flavor_id: str) -> dict[str, str]:
    return call.read(lambda connection: flavors.get(connection, flavor_id, project_id=call.scope)).extra_specs


def _set(call: Call, flavor_id: str, specs: dict[str, object]) -> None:
    texts = {key: str(value) for key, value in specs.items()}
    extra_specs.check(texts, call.version)
    call.write("flavor_extra_specs", lambda connection: flavors.set_extra_specs(connection, flavor_id, texts))
    call.services.lookups.flavors.forget()
