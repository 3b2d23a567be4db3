"""Flavors as clients see them."""

from corenova.api.links import Links
from corenova.objects.request_spec import Flavor


def basic(flavor: Flavor, links: Links, version: int) -> dict[str, object]:
    """Return one flavor of a list without details."""
    shown = {"id": flavor.flavorid, "name": flavor.name, "links": links.of("flavors", flavor.flavorid)}
    if version >= 55:
        shown["description"] = flavor.description
    return shown


def show(flavor: Flavor, links: Links, version: int, *, extra_specs: bool) -> dict[str, object]:
    """Return one flavor with all details.

    :param extra_specs: whether the caller may see them (they are shown from 2.61).
    """
    shown = basic(flavor, links, version) | {
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap or (0 if version >= 75 else ""),
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": flavor.disabled,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor or "",
    }
    if version >= 61 and extra_specs:
        shown["extra_specs"] = flavor.extra_specs
    return shown


def access(flavorid: str, projects: list[str]) -> dict[str, object]:
    """Return who may use a private flavor."""
    return {"flavor_access": [{"flavor_id": flavorid, "tenant_id": project} for project in projects]}
