"""Images and version documents as the image API shows them."""

import datetime

from corenova.db.images import Image

_VERSIONS = ("v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0")


def versions(base: str) -> dict[str, object]:
    """Return the multiple choices; ``base`` is the URL of the image service."""
    links = [{"rel": "self", "href": f"{base}/v2/"}]
    return {
        "versions": [
            {"id": name, "status": "CURRENT" if name == _VERSIONS[0] else "SUPPORTED", "links": links}
            for name in _VERSIONS
        ]
    }


def image(record: Image) -> dict[str, object]:
    """Return an image; its own properties stand beside the others, which win when names clash."""
    path = f"/v2/images/{record.uuid}"
    return {
        **record.properties,
        "id": record.uuid,
        "name": record.name,
        "status": record.status,
        "visibility": record.visibility,
        "owner": record.owner,
        "size": record.size,
        "virtual_size": None,
        "disk_format": record.disk_format,
        "container_format": record.container_format,
        "min_disk": record.min_disk,
        "min_ram": record.min_ram,
        "protected": False,
        "tags": [],
        "checksum": record.checksum,
        "os_hash_algo": record.os_hash_algo,
        "os_hash_value": record.os_hash_value,
        "os_hidden": False,
        "created_at": _time(record.created_at),
        "updated_at": _time(record.updated_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
