"""Bodies and query strings of server groups."""

from corenova.api.schemas import types
from corenova.api.validation import Schema

HARD = ("anti-affinity", "affinity")
SOFT = ("soft-anti-affinity", "soft-affinity")


def create(version: int) -> Schema:
    """POST /os-server-groups."""
    policy = {"type": "string", "enum": [*HARD, *SOFT] if version >= 15 else list(HARD)}
    if version >= 64:
        rules = types.struct({"max_server_per_host": types.POSITIVE})
        properties = {"name": types.NAME, "policy": policy, "rules": rules}
        return types.envelope("server_group", types.struct(properties, required=("name", "policy")))
    properties = {"name": types.NAME, "policies": types.array(policy, minItems=1, maxItems=1)}
    return types.envelope("server_group", types.struct(properties, required=("name", "policies")))


def index_query(version: int) -> Schema:
    """GET /os-server-groups."""
    properties = {"all_projects": types.TEXT_PARAMETER} | dict.fromkeys(
        ("limit", "offset"), types.array(types.NON_NEGATIVE)
    )
    return types.query(properties, strict=version >= 75)
