"""Records as the identity API shows them."""

from corenova.db import identity as rows
from corenova.identity.call import Call

_NOTHING_MORE = {"tags": [], "options": {}}


def domain(call: Call, record: rows.Domain) -> dict[str, object]:
    """Return a domain."""
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "enabled": record.enabled,
        "links": {"self": call.link(f"domains/{record.id}")},
        **_NOTHING_MORE,
    }


def project(call: Call, record: rows.Project) -> dict[str, object]:
    """Return a project; projects are not nested, so the parent is always the domain."""
    return {
        "id": record.id,
        "name": record.name,
        "domain_id": record.domain_id,
        "parent_id": record.domain_id,
        "is_domain": False,
        "description": record.description,
        "enabled": record.enabled,
        "links": {"self": call.link(f"projects/{record.id}")},
        **_NOTHING_MORE,
    }


def user(call: Call, record: rows.User) -> dict[str, object]:
    """Return a user, without what belongs to nobody else's eyes."""
    optional = {"default_project_id": record.default_project_id, "email": record.email}
    return {
        "id": record.id,
        "name": record.name,
        "domain_id": record.domain_id,
        "enabled": record.enabled,
        "password_expires_at": None,
        "options": {},
        "links": {"self": call.link(f"users/{record.id}")},
        **{key: value for key, value in optional.items() if value is not None},
    }


def role(call: Call, record: rows.Role) -> dict[str, object]:
    """Return a role."""
    return {
        "id": record.id,
        "name": record.name,
        "domain_id": None,
        "description": None,
        "options": {},
        "links": {"self": call.link(f"roles/{record.id}")},
    }
