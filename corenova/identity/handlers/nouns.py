"""Domains, projects, users and roles: five verbs each, of which only the differences are written down."""

import uuid
from collections.abc import Callable

import msgspec

from corenova.db import identity as rows
from corenova.exceptions import Forbidden, InvalidInput
from corenova.identity import passwords, views
from corenova.identity.call import Call
from corenova.identity.login import DEFAULT_DOMAIN_ID
from corenova.identity.requests import Changes, NewDomain, NewProject, NewRole, NewUser, checked_name

Handler = Callable[[Call], dict[str, object] | None]


def new_domain(call: Call) -> rows.Domain:
    """Return the domain that the body asks for."""
    asked = call.read(NewDomain, under="domain")
    return rows.Domain(
        id=uuid.uuid4().hex,
        name=checked_name(asked.name),
        description=asked.description or "",
        enabled=asked.enabled,
    )


def new_project(call: Call) -> rows.Project:
    """Return the project that the body asks for, in the caller's domain when it names none."""
    asked = call.read(NewProject, under="project")
    domain_id = asked.domain_id or asked.parent_id or call.caller.context.domain_id
    if asked.is_domain or asked.parent_id not in (None, domain_id):
        raise InvalidInput("Projects cannot be nested, nor act as domains.")
    return rows.Project(
        id=uuid.uuid4().hex,
        domain_id=domain_id,
        name=checked_name(asked.name),
        description=asked.description or "",
        enabled=asked.enabled,
    )


def new_user(call: Call) -> rows.User:
    """Return the user that the body asks for."""
    asked = call.read(NewUser, under="user")
    return rows.User(
        id=uuid.uuid4().hex,
        domain_id=asked.domain_id or call.caller.context.domain_id,
        name=checked_name(asked.name),
        password_hash=_digest(asked.password),
        default_project_id=asked.default_project_id,
        email=asked.email,
        enabled=asked.enabled,
    )


def new_role(call: Call) -> rows.Role:
    """Return the role that the body asks for."""
    asked = call.read(NewRole, under="role")
    if asked.domain_id is not None:
        raise InvalidInput("Roles of a single domain are not offered.")
    return rows.Role(id=uuid.uuid4().hex, name=checked_name(asked.name))


class Noun(msgspec.Struct, frozen=True):
    """What is special about one noun.

    :param filters: query parameters that a list can be narrowed by, of fields with the same name.
    :param new: makes a record from the body of a request.
    """

    singular: str
    kind: type
    filters: tuple[str, ...]
    view: Callable[[Call, object], dict[str, object]]
    new: Callable[[Call], object]

    @property
    def plural(self) -> str:
        """The word in paths and lists."""
        return f"{self.singular}s"

    def lists(self, call: Call) -> dict[str, object]:
        """GET /v3/<plural>."""
        equal = {name: call.query[name] for name in self.filters if name in call.query}
        if "enabled" in equal:
            equal["enabled"] = call.flag("enabled")
        # Projects that are domains, roles of a domain: there are none.
        nothing = call.flag("is_domain") or (self.kind is rows.Role and "domain_id" in call.query)
        found = [] if nothing else call.service.db.read(lambda connection: rows.find(connection, self.kind, **equal))
        return call.listing(self.plural, [self.view(call, record) for record in found])

    def shows(self, call: Call) -> dict[str, object]:
        """GET /v3/<plural>/ID."""
        record_id = call.params[f"{self.singular}_id"]
        record = call.service.db.read(lambda connection: rows.get(connection, self.kind, record_id))
        return {self.singular: self.view(call, record)}

    def creates(self, call: Call) -> dict[str, object]:
        """POST /v3/<plural>."""
        record = self.new(call)

        def work(connection) -> None:
            if hasattr(record, "domain_id"):
                rows.get(connection, rows.Domain, record.domain_id)
            rows.add(connection, record)

        call.service.write(f"identity.create_{self.singular}", work)
        return {self.singular: self.view(call, record)}

    def updates(self, call: Call) -> dict[str, object]:
        """PATCH /v3/<plural>/ID."""
        record_id, values = call.params[f"{self.singular}_id"], self._changed(call)
        record = call.service.write(
            f"identity.update_{self.singular}",
            lambda connection: rows.change(connection, self.kind, record_id, **values),
        )
        return {self.singular: self.view(call, record)}

    def deletes(self, call: Call) -> None:
        """DELETE /v3/<plural>/ID, with everything that hangs on it."""
        record_id = call.params[f"{self.singular}_id"]

        def work(connection) -> None:
            record = rows.get(connection, self.kind, record_id)
            if isinstance(record, rows.Domain) and (record.enabled or record.id == DEFAULT_DOMAIN_ID):
                raise Forbidden("A domain is deleted with all that is in it, so it must be disabled first.")
            rows.remove(connection, record)

        call.service.write(f"identity.delete_{self.singular}", work)

    def _changed(self, call: Call) -> dict[str, object]:
        asked = msgspec.structs.asdict(call.read(Changes, under=self.singular))
        values = {key: value for key, value in asked.items() if value is not msgspec.UNSET}
        if "name" in values:
            values["name"] = checked_name(values["name"])
        if "description" in values:
            values["description"] = values["description"] or ""
        if "password" in values:
            values["password_hash"] = _digest(values.pop("password"))
        return {key: value for key, value in values.items() if key in self.kind.__struct_fields__}


def _digest(password: str | None) -> bytes:
    return passwords.digest(password) if password else passwords.NO_PASSWORD


NOUNS = (
    Noun("domain", rows.Domain, ("name", "enabled"), views.domain, new_domain),
    Noun("project", rows.Project, ("name", "domain_id", "enabled"), views.project, new_project),
    Noun("user", rows.User, ("name", "domain_id", "enabled"), views.user, new_user),
    Noun("role", rows.Role, ("name",), views.role, new_role),
)
