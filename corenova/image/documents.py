"""Images as the documents that users write: base properties and their own side by side, checked against the schema."""

import functools
from collections.abc import Mapping

import jsonschema
import msgspec
from oslo_config import cfg

from corenova.db.images import Image
from corenova.exceptions import Forbidden, InvalidInput, TooLarge
from corenova.image import schemas

BASE = (
    "name", "visibility", "owner", "disk_format", "container_format", "min_disk", "min_ram", "protected", "os_hidden",
    "tags",
)  # fmt: skip
"""What every image has and a user may write; all else that may be written is a property of the user's own."""
READ_ONLY = (
    "id", "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at", "updated_at",
    "self", "file", "schema", "direct_url", "locations", "stores", "location", "deleted", "deleted_at",
)  # fmt: skip
"""What nobody may write. ``id`` is the exception of a new image."""
Document = dict[str, object]


def new(document: object) -> Document:
    """Return the body of a new image, whose names are allowed; raises InvalidInput, Forbidden."""
    if not isinstance(document, dict):
        raise InvalidInput("The request body must be an object.")
    for name in document:
        if name in READ_ONLY and name != "id":
            raise Forbidden(f"Attribute '{name}' is read-only.")
    if "id" in document:
        _check_id(document["id"])
    return document


def of_image(image: Image) -> Document:
    """Return what may be written of an image."""
    base = {name: getattr(image, name) for name in BASE}
    return {**image.properties, **base, "tags": list(image.tags)}


def to_image(document: Document, image: Image) -> Image:
    """Return ``image`` with what a checked document says."""
    base: Document = {name: document[name] for name in BASE}
    base["tags"] = tuple(dict.fromkeys(document["tags"]))
    properties = {name: value for name, value in document.items() if name not in BASE}
    return msgspec.structs.replace(image, **base, properties=properties)


def check(document: Document, section: cfg.ConfigOpts) -> None:
    """Hold a document against the schema and the limits of ``[image]``; raises InvalidInput, TooLarge."""
    error = next(_validator().iter_errors(document), None)
    if error is not None:
        where = f" for '{'/'.join(str(step) for step in error.path)}'" if error.path else ""
        raise InvalidInput(f"Provided object does not match schema 'image'{where}: {error.message}")
    own = len(document) - len(BASE)
    for noun, number, most in (
        ("properties", own, section.image_property_quota),
        ("tags", len(set(document["tags"])), section.image_tag_quota),
    ):
        if -1 < most < number:
            raise TooLarge(f"The limit has been exceeded on the number of allowed image {noun}: {number} of {most}.")


def _check_id(value: object) -> None:
    wanted: Mapping = {**schemas.IMAGE["properties"]["id"], "type": "string"}
    if not jsonschema.Draft202012Validator(wanted).is_valid(value) or len(value) != 36:
        raise InvalidInput(f"Provided object does not match schema 'image' for 'id': {value} is not a UUID.")


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    published = schemas.IMAGE["properties"]
    number = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
    properties = {
        **{name: published[name] for name in BASE},
        "min_disk": number,
        "min_ram": number,
        "owner": {"type": "string", "minLength": 1, "maxLength": 64},
    }
    return jsonschema.Draft202012Validator(
        {
            "type": "object",
            "properties": properties,
            "additionalProperties": {"type": "string", "maxLength": 65535},
            "propertyNames": {"minLength": 1, "maxLength": 255},
        }
    )
