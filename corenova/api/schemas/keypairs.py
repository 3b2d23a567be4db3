"""Bodies and query strings of key pairs."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

KINDS = ("ssh", "x509")
_MOST_CHARACTERS = 16_000
"""Of a public key, which every server with it has a copy of; the longest RSA keys have about 3,000."""


def _name(characters: str) -> Schema:
    return {"allOf": [types.NAME, {"type": "string", "pattern": f"^[{characters}]+$"}]}


_NAME = _name(r"_\- a-zA-Z0-9")
_NAME_FROM_2_92 = _name(r"_\-\@\. a-zA-Z0-9")
_PUBLIC_KEY: Schema = {"type": "string", "maxLength": _MOST_CHARACTERS}
_USER_ID: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9._@-]*$", "maxLength": 64}


def create(version: int) -> Schema:
    """POST /os-keypairs."""
    properties: Schema = {"name": _NAME_FROM_2_92 if version >= 92 else _NAME, "public_key": _PUBLIC_KEY}
    if version >= 2:
        properties["type"] = {"type": "string", "enum": list(KINDS)}
    if version >= 10:
        properties["user_id"] = _USER_ID
    required = ("name", "public_key") if version >= 92 else ("name",)
    return types.envelope("keypair", types.struct(properties, required=required))


def _user(version: int) -> Schema:
    return {"user_id": types.TEXT_PARAMETER} if version >= 10 else {}


def index_query(version: int) -> Schema:
    """GET /os-keypairs."""
    return types.query(_user(version) | (types.PAGING if version >= 35 else {}), strict=version >= 75)


def keypair_query(version: int) -> Schema:
    """GET and DELETE /os-keypairs/{name}."""
    return types.query(_user(version), strict=version >= 75)
