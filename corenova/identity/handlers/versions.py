"""Version documents: what a client reads before it has a token."""

from corenova.identity.call import Call

_MEDIA_TYPE = {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}


def version(base: str) -> dict[str, object]:
    """Return what there is to say of the identity API v3 below the URL ``base``."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base}/v3/"}],
        "media-types": [_MEDIA_TYPE],
    }


def list_versions(call: Call) -> dict[str, object]:
    """GET / (300): the multiple choices, of which there is one."""
    return {"versions": {"values": [version(call.service.services.base(call.url))]}}


def show_version(call: Call) -> dict[str, object]:
    """GET /v3."""
    return {"version": version(call.service.services.base(call.url))}
