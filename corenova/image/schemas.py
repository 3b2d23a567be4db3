"""The JSON schemas that the image API publishes of itself; clients read from them what an image may have."""

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["null", "string"]}
_NUMBER = {"type": "integer"}
_FLAG = {"type": "boolean"}
_READ_ONLY = {"readOnly": True}
_STATUSES = (
    "queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated",
)  # fmt: skip


def _one_of(*values: str) -> dict[str, object]:
    return {"type": ["null", "string"], "enum": [None, *values]}


IMAGE: dict[str, object] = {
    "name": "image",
    "properties": {
        "id": {**_TEXT, "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        "name": {**_TEXT_OR_NULL, "maxLength": 255},
        "status": {
            **_TEXT,
            **_READ_ONLY,
            "enum": list(_STATUSES),
        },
        "visibility": {**_TEXT, "enum": ["community", "public", "private", "shared"]},
        "owner": {**_TEXT_OR_NULL, "maxLength": 255},
        "size": {"type": ["null", "integer"], **_READ_ONLY},
        "virtual_size": {"type": ["null", "integer"], **_READ_ONLY},
        "disk_format": _one_of("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"),
        "container_format": _one_of("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"),
        "min_disk": _NUMBER,
        "min_ram": _NUMBER,
        "protected": _FLAG,
        "tags": {"type": "array", "items": {**_TEXT, "maxLength": 255}},
        "checksum": {**_TEXT_OR_NULL, **_READ_ONLY, "maxLength": 32},
        "os_hash_algo": {**_TEXT_OR_NULL, **_READ_ONLY, "maxLength": 64},
        "os_hash_value": {**_TEXT_OR_NULL, **_READ_ONLY, "maxLength": 128},
        "os_hidden": _FLAG,
        "created_at": {**_TEXT, **_READ_ONLY},
        "updated_at": {**_TEXT, **_READ_ONLY},
        "self": {**_TEXT, **_READ_ONLY},
        "file": {**_TEXT, **_READ_ONLY},
        "schema": {**_TEXT, **_READ_ONLY},
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
IMAGES: dict[str, object] = {
    "name": "images",
    "properties": {
        "images": {"type": "array", "items": IMAGE},
        "schema": _TEXT,
        "next": _TEXT,
        "first": _TEXT,
    },
    "links": [
        {"rel": "first", "href": "{first}"},
        {"rel": "next", "href": "{next}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}

MEMBER: dict[str, object] = {
    "name": "member",
    "properties": {
        "image_id": {**_TEXT, "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        "member_id": _TEXT,
        "status": {**_TEXT, "enum": ["pending", "accepted", "rejected"]},
        "created_at": _TEXT,
        "updated_at": _TEXT,
        "schema": _TEXT,
    },
}
MEMBERS: dict[str, object] = {
    "name": "members",
    "properties": {"members": {"type": "array", "items": MEMBER}, "schema": _TEXT},
    "links": [{"rel": "describedby", "href": "{schema}"}],
}
PUBLISHED = {"image": IMAGE, "images": IMAGES, "member": MEMBER, "members": MEMBERS}
"""By the name under which a client asks for them."""
