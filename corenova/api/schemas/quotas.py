"""Query strings of limits and quota sets."""

from corenova.api.schemas import types
from corenova.api.validation import Schema


def limits_query(version: int) -> Schema:
    """GET /limits."""
    return types.query({"tenant_id": types.TEXT_PARAMETER}, strict=version >= 75)


def quota_query(version: int) -> Schema:
    """GET /os-quota-sets/{project} and /detail."""
    return types.query({"user_id": types.TEXT_PARAMETER}, strict=version >= 75)
