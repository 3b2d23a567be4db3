"""Images and version documents as the image API shows them."""

import datetime

from corenova.db.image_members import Member
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
        "virtual_size": record.virtual_size,
        "disk_format": record.disk_format,
        "container_format": record.container_format,
        "min_disk": record.min_disk,
        "min_ram": record.min_ram,
        "protected": record.protected,
        "tags": list(record.tags),
        "checksum": record.checksum,
        "os_hash_algo": record.os_hash_algo,
        "os_hash_value": record.os_hash_value,
        "os_hidden": record.os_hidden,
        "created_at": _time(record.created_at),
        "updated_at": _time(record.updated_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }


def member(record: Member) -> dict[str, object]:
    """Return a project with which an image is shared."""
    return {
        "image_id": record.image_uuid,
        "member_id": record.member,
        "status": record.status,
        "created_at": _time(record.created_at),
        "updated_at": _time(record.updated_at),
        "schema": "/v2/schemas/member",
    }


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
