"""Rows of the embedded identity service: domains, projects, users, roles, who has which role, and revoked tokens.

The four nouns are read and written alike (:func:`get`, :func:`find`, :func:`add`, :func:`change`), and :func:`standing`
answers in one transaction what a token needs to know. What the rows mean for a caller is corenova/identity's business.
"""

from typing import TypeVar

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db import schema
from corenova.exceptions import Conflict, NotFound

IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}
"""Who has the role on the left has the one on the right, too."""


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace for the names of projects and users."""

    id: str
    name: str
    description: str = ""
    enabled: bool = True


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """An owner of servers and images; names are unique in a domain."""

    id: str
    domain_id: str
    name: str
    description: str = ""
    enabled: bool = True


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in."""

    id: str
    domain_id: str
    name: str
    password_hash: bytes
    default_project_id: str | None = None
    email: str | None = None
    enabled: bool = True


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A name that policies ask for."""

    id: str
    name: str


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A user's role in a project."""

    user_id: str
    project_id: str
    role_id: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who a user is at this moment, in one project or in none.

    :param project: None for an unscoped look.
    :param roles: the user's roles in the project, implied ones included; empty without a project.
    """

    user: User
    user_domain: Domain
    project: Project | None = None
    project_domain: Domain | None = None
    roles: tuple[Role, ...] = ()


Record = TypeVar("Record", Domain, Project, User, Role, Assignment)
_TABLES: dict[type, sa.Table] = {
    Domain: schema.domains,
    Project: schema.projects,
    User: schema.users,
    Role: schema.roles,
    Assignment: schema.role_assignments,
}
_COLUMNS = {kind: [table.c[field] for field in kind.__struct_fields__] for kind, table in _TABLES.items()}


def find(connection: sa.Connection, kind: type[Record], **equal: object) -> list[Record]:
    """Return the records of ``kind`` whose fields equal the given ones, in order of name (or key)."""
    table, columns = _TABLES[kind], _COLUMNS[kind]
    order = [table.c.name] if "name" in table.c else columns
    query = sa.select(*columns).filter_by(**equal).order_by(*order)
    return [kind(**row._mapping) for row in connection.execute(query)]


def get(connection: sa.Connection, kind: type[Record], record_id: str) -> Record:
    """Return one record by id; raises NotFound."""
    found = find(connection, kind, id=record_id)
    if not found:
        raise NotFound(f"Could not find {kind.__name__.lower()}: {record_id}.")
    return found[0]


def find_domain(connection: sa.Connection, name: str) -> Domain | None:
    """Return a domain by name; when none is called exactly so, upper and lower case do not count."""
    exact = find(connection, Domain, name=name)
    return (exact or [domain for domain in find(connection, Domain) if domain.name.lower() == name.lower()] or [None])[
        0
    ]


def add(connection: sa.Connection, record: Record) -> Record:
    """Insert a record; raises Conflict when its name is taken, which ends the transaction."""
    kind = type(record)
    try:
        connection.execute(sa.insert(_TABLES[kind]).values(**msgspec.structs.asdict(record)))
    except db_error.DBDuplicateEntry:
        raise Conflict(f"There is a {kind.__name__.lower()} of that name already.") from None
    return record


def change(connection: sa.Connection, kind: type[Record], record_id: str, **values: object) -> Record:
    """Set fields of one record and return it; raises NotFound, and Conflict when the name is taken."""
    table = _TABLES[kind]
    try:
        if values:
            connection.execute(sa.update(table).where(table.c.id == record_id).values(**values))
    except db_error.DBDuplicateEntry:
        raise Conflict(f"There is a {kind.__name__.lower()} of that name already.") from None
    return get(connection, kind, record_id)


def remove(connection: sa.Connection, record: Domain | Project | User | Role) -> None:
    """Delete a record, the role assignments that name it and, with a domain, all that is in it."""
    if isinstance(record, Domain):
        for kind in (Project, User):
            for inside in find(connection, kind, domain_id=record.id):
                remove(connection, inside)
    else:
        key = schema.role_assignments.c[f"{type(record).__name__.lower()}_id"]
        connection.execute(sa.delete(schema.role_assignments).where(key == record.id))
    table = _TABLES[type(record)]
    connection.execute(sa.delete(table).where(table.c.id == record.id))


def assign(connection: sa.Connection, assignment: Assignment) -> None:
    """Give a user a role in a project; again is harmless. Raises NotFound when one of the three does not exist."""
    get(connection, User, assignment.user_id)
    get(connection, Project, assignment.project_id)
    get(connection, Role, assignment.role_id)
    try:
        with connection.begin_nested():
            add(connection, assignment)
    except Conflict:
        return


def unassign(connection: sa.Connection, assignment: Assignment) -> None:
    """Take a role in a project from a user; raises NotFound when it was not given."""
    table = schema.role_assignments
    wanted = [table.c[field] == value for field, value in msgspec.structs.asdict(assignment).items()]
    if connection.execute(sa.delete(table).where(*wanted)).rowcount == 0:
        raise NotFound("Could not find the role assignment.")


def with_implied(given: list[Role], known: list[Role]) -> tuple[Role, ...]:
    """Return the roles of ``given`` and those they imply, as far as they are ``known``, in order of name."""
    by_name = {role.name: role for role in known}
    names = set()
    for role in given:
        name: str | None = role.name
        while name is not None:
            names.add(name)
            name = IMPLIED.get(name)
    return tuple(by_name[name] for name in sorted(names) if name in by_name)


def standing(connection: sa.Connection, user_id: str, project_id: str = "") -> Standing | None:
    """Return the user's standing, or None when the user may not be here at all.

    That is: user, project or one of their domains is gone or disabled, or the user has no role in the project.
    """
    user, user_domain = _enabled(connection, User, user_id)
    if user is None or not project_id:
        return Standing(user=user, user_domain=user_domain) if user else None
    project, project_domain = _enabled(connection, Project, project_id)
    if project is None:
        return None
    assigned = {given.role_id for given in find(connection, Assignment, user_id=user_id, project_id=project_id)}
    known = find(connection, Role)
    roles = with_implied([role for role in known if role.id in assigned], known)
    if not roles:
        return None
    return Standing(user=user, user_domain=user_domain, project=project, project_domain=project_domain, roles=roles)


def _enabled(
    connection: sa.Connection, kind: type[Record], record_id: str
) -> tuple[Record, Domain] | tuple[None, None]:
    """The record and its domain, when both are there and enabled."""
    found = find(connection, kind, id=record_id, enabled=True)
    domains = find(connection, Domain, id=found[0].domain_id, enabled=True) if found else []
    return (found[0], domains[0]) if domains else (None, None)


def projects_of(connection: sa.Connection, user_id: str) -> list[Project]:
    """Return the projects in which the user has a role, in order of name."""
    projects, given = schema.projects, schema.role_assignments
    mine = sa.select(given.c.project_id).where(given.c.user_id == user_id)
    query = sa.select(*_COLUMNS[Project]).where(projects.c.id.in_(mine)).order_by(projects.c.name)
    return [Project(**row._mapping) for row in connection.execute(query)]


def revoke(connection: sa.Connection, audit_id: str, *, expires_at: float, at: float) -> None:
    """Remember until ``expires_at`` that a token is no longer good, and forget those that have expired by ``at``."""
    table = schema.revoked_tokens
    connection.execute(sa.delete(table).where(table.c.expires_at < at))
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(audit_id=audit_id, expires_at=expires_at))
    except db_error.DBDuplicateEntry:
        return


def is_revoked(connection: sa.Connection, audit_id: str) -> bool:
    """Tell whether the token of this audit id was revoked."""
    table = schema.revoked_tokens
    return connection.execute(sa.select(table.c.audit_id).where(table.c.audit_id == audit_id)).first() is not None
