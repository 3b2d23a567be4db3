"""Which versions there are: the one resource that asks for no token, because clients read it before they log in."""

from corenova.api.links import PREFIX, VERSION_PREFIX
from corenova.api.microversions import FIRST, LATEST

_MEDIA_TYPES = [{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]


def choices(base: str) -> dict[str, object]:
    """GET /compute: what can be chosen from.

    :param base: scheme, host and port as the client should use them.
    """
    return {"versions": [_version(base)]}


def current(base: str) -> dict[str, object]:
    """GET /compute/v2.1."""
    version = _version(base)
    described = {"rel": "describedby", "type": "text/html", "href": f"{base}{PREFIX}/"}
    return {"version": version | {"links": [*version["links"], described], "media-types": _MEDIA_TYPES}}


def _version(base: str) -> dict[str, object]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": f"2.{LATEST}",
        "min_version": f"2.{FIRST}",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{base}{VERSION_PREFIX}/"}],
    }
