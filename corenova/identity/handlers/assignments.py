"""Who has which role in which project, and a user's own change of password."""

from corenova.db import identity as rows
from corenova.exceptions import InvalidInput, NotFound
from corenova.identity import login, passwords, views
from corenova.identity.call import Call
from corenova.identity.requests import PasswordChange

_NEVER = ("group.id", "scope.domain.id", "scope.system", "scope.OS-INHERIT:inherited_to")
"""Filters of GET /v3/role_assignments for kinds of assignments that do not exist here."""


def assign_role(call: Call) -> None:
    """PUT /v3/projects/P/users/U/roles/R; again is harmless."""
    assignment = _named(call)
    call.service.write("identity.assign", lambda connection: rows.assign(connection, assignment))


def unassign_role(call: Call) -> None:
    """DELETE /v3/projects/P/users/U/roles/R."""
    assignment = _named(call)
    call.service.write("identity.unassign", lambda connection: rows.unassign(connection, assignment))


def check_role(call: Call) -> None:
    """HEAD or GET /v3/projects/P/users/U/roles/R: whether it was given, implied ones not counted."""
    wanted = call.params
    if not call.service.db.read(lambda connection: rows.find(connection, rows.Assignment, **wanted)):
        raise NotFound("Could not find the role assignment.")


def list_roles_of_user(call: Call) -> dict[str, object]:
    """GET /v3/projects/P/users/U/roles."""
    user_id, project_id = call.params["user_id"], call.params["project_id"]

    def look(connection) -> list[rows.Role]:
        rows.get(connection, rows.User, user_id)
        rows.get(connection, rows.Project, project_id)
        given = rows.find(connection, rows.Assignment, user_id=user_id, project_id=project_id)
        return [rows.get(connection, rows.Role, assignment.role_id) for assignment in given]

    return call.listing("roles", [views.role(call, role) for role in call.service.db.read(look)])


def list_assignments(call: Call) -> dict[str, object]:
    """GET /v3/role_assignments: ?effective adds implied roles, ?include_names adds names."""
    query = {"user_id": call.query.get("user.id"), "project_id": call.query.get("scope.project.id")}
    equal = {key: value for key, value in query.items() if value is not None}
    role_id, is_effective = call.query.get("role.id"), call.flag("effective")
    if any(name in call.query for name in _NEVER):
        return call.listing("role_assignments", [])

    def look(connection) -> list[dict[str, object]]:
        roles = rows.find(connection, rows.Role)
        given = rows.find(connection, rows.Assignment, **equal)
        shown = _with_implied(given, roles) if is_effective else given
        names = _Names(connection, roles) if call.flag("include_names") else None
        return [_view(call, one, names) for one in shown if role_id in (None, one.role_id)]

    return call.listing("role_assignments", call.service.db.read(look))


def change_password(call: Call) -> None:
    """POST /v3/users/U/password: needs no token, for it carries the old password. Ends all tokens of the user."""
    asked, user_id = call.read(PasswordChange, under="user"), call.params["user_id"]
    if not asked.password:
        raise InvalidInput("Invalid input for field 'password': it must not be empty.")
    login.check_password(call.service.db, user_id, asked.original_password)
    password_hash = passwords.digest(asked.password)
    call.service.write(
        "identity.change_password",
        lambda connection: rows.change(connection, rows.User, user_id, password_hash=password_hash),
    )


def _named(call: Call) -> rows.Assignment:
    return rows.Assignment(**call.params)


def _with_implied(given: list[rows.Assignment], roles: list[rows.Role]) -> list[rows.Assignment]:
    by_id = {role.id: role for role in roles}
    places: dict[tuple[str, str], list[rows.Role]] = {}
    for one in given:
        if one.role_id in by_id:
            places.setdefault((one.user_id, one.project_id), []).append(by_id[one.role_id])
    return [
        rows.Assignment(user_id=user_id, project_id=project_id, role_id=role.id)
        for (user_id, project_id), assigned in places.items()
        for role in rows.with_implied(assigned, roles)
    ]


class _Names:
    """Names, and the domains of users and projects, by id."""

    def __init__(self, connection, roles: list[rows.Role]):
        domains = {domain.id: domain.name for domain in rows.find(connection, rows.Domain)}
        self._named = {role.id: {"name": role.name} for role in roles}
        for kind in (rows.User, rows.Project):
            for record in rows.find(connection, kind):
                domain = {"id": record.domain_id, "name": domains.get(record.domain_id)}
                self._named[record.id] = {"name": record.name, "domain": domain}

    def of(self, record_id: str) -> dict[str, object]:
        """What to show beside the id."""
        return self._named.get(record_id, {})


def _view(call: Call, one: rows.Assignment, names: _Names | None) -> dict[str, object]:
    def shown(record_id: str) -> dict[str, object]:
        return {"id": record_id, **(names.of(record_id) if names else {})}

    path = f"projects/{one.project_id}/users/{one.user_id}/roles/{one.role_id}"
    return {
        "role": shown(one.role_id),
        "user": shown(one.user_id),
        "scope": {"project": shown(one.project_id)},
        "links": {"assignment": call.link(path)},
    }
