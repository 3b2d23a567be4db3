"""Pieces that request schemas are made of. Functions and constants; a constant is never changed, only put together."""

from corenova.api.validation import Schema

MAX_INT = 0x7FFFFFFF

NAME: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
LOOSE_NAME: Schema = {"type": "string", "format": "loose_name", "minLength": 1, "maxLength": 255}
ZONE: Schema = {"oneOf": [{"type": "string", "format": "az_name", "minLength": 1, "maxLength": 255}, {"type": "null"}]}
DESCRIPTION: Schema = {"type": ["string", "null"], "format": "printable", "maxLength": 255}
UUID: Schema = {"type": "string", "format": "uuid"}
FQDN: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
HOSTNAME: Schema = {
    "type": "string",
    "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
    "minLength": 2,
    "maxLength": 63,
}
PROJECT_ID: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-]*$", "minLength": 1, "maxLength": 255}
IP_ADDRESS: Schema = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
TAG: Schema = {"type": "string", "pattern": "^[^,/]*$", "minLength": 1, "maxLength": 60}
ANYTHING: Schema = {}

_WORDS = ("True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
_NO_WORDS = ("False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
BOOLEAN: Schema = {"type": ["boolean", "string"], "enum": [True, *_WORDS, False, *_NO_WORDS]}

# Numbers may come as text. JSON schema compares numbers alone, so the pattern keeps zero out of positive text.
POSITIVE: Schema = {"type": ["integer", "string"], "pattern": "^0*[1-9][0-9]{0,9}$", "minimum": 1, "maximum": MAX_INT}
NON_NEGATIVE: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]{1,10}$", "minimum": 0, "maximum": MAX_INT}

_KEY = "^[a-zA-Z0-9-_:. ]{1,255}$"


def metadata(*types: str) -> Schema:
    """Return the schema of metadata whose values are of ``types``."""
    return {
        "type": "object",
        "patternProperties": {_KEY: {"type": list(types) or "string", "maxLength": 255}},
        "additionalProperties": False,
    }


def struct(properties: Schema, *, required: tuple[str, ...] = (), extra: bool = False) -> Schema:
    """Return the schema of an object with these properties and, unless ``extra``, no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": extra,
    }


def envelope(key: str, schema: Schema) -> Schema:
    """Return the schema of an object that has ``key`` and nothing else."""
    return struct({key: schema}, required=(key,))


def array(items: Schema, **limits: object) -> Schema:
    """Return the schema of a list of ``items``."""
    return {"type": "array", "items": items, **limits}


TEXT_PARAMETER = array({"type": "string"})
REGEX_PARAMETER = array({"type": "string", "format": "regex"})
PAGING: Schema = {"limit": array(NON_NEGATIVE), "marker": TEXT_PARAMETER}


def query(properties: Schema, *, strict: bool) -> Schema:
    """Return the schema of a query string; unless ``strict``, unknown keys are let through (and ignored)."""
    return struct(properties, extra=not strict)


def is_true(value: object) -> bool:
    """Return the truth that a value of the type BOOLEAN stands for."""
    return value is True or value in _WORDS
