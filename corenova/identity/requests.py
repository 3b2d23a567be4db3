"""Request bodies of the identity API as types: msgspec reads and checks in one go, and says what is wrong with a body.

Unknown keys are let through, as Keystone lets them through; keys with a meaning that we do not have are refused.
"""

from typing import TypeVar

import msgspec

from corenova.exceptions import InvalidInput

Body = TypeVar("Body", bound=msgspec.Struct)


class DomainRef(msgspec.Struct):
    """A domain by id or name."""

    id: str | None = None
    name: str | None = None


class UserRef(msgspec.Struct):
    """A user by id, or by name and domain, with the password."""

    password: str
    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


class PasswordMethod(msgspec.Struct):
    """The content of the method ``password``."""

    user: UserRef


class TokenMethod(msgspec.Struct):
    """The content of the method ``token``."""

    id: str


class IdentityPart(msgspec.Struct):
    """Who wants in, and how they prove it."""

    methods: list[str]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None


class ProjectRef(msgspec.Struct):
    """A project by id, or by name and domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


class Scope(msgspec.Struct):
    """What the token shall be good for. Of the four kinds, projects alone have roles here."""

    project: ProjectRef | None = None
    domain: DomainRef | None = None
    system: dict | None = None


class Auth(msgspec.Struct):
    """A request for a token; ``scope`` may also be the word "unscoped"."""

    identity: IdentityPart
    scope: Scope | str | None = None


class AuthBody(msgspec.Struct):
    """POST /v3/auth/tokens."""

    auth: Auth


class NewDomain(msgspec.Struct):
    """A domain to create."""

    name: str
    description: str | None = None
    enabled: bool = True


class NewProject(msgspec.Struct):
    """A project to create; ``parent_id`` can only be its domain."""

    name: str
    domain_id: str | None = None
    parent_id: str | None = None
    is_domain: bool = False
    description: str | None = None
    enabled: bool = True


class NewUser(msgspec.Struct):
    """A user to create; without a password nobody can log in as the user."""

    name: str
    domain_id: str | None = None
    password: str | None = None
    default_project_id: str | None = None
    email: str | None = None
    enabled: bool = True


class NewRole(msgspec.Struct):
    """A role to create; roles of a single domain are not offered."""

    name: str
    domain_id: str | None = None


class Changes(msgspec.Struct):
    """New values for a domain, project, user or role; what is unset stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType | None = msgspec.UNSET
    default_project_id: str | msgspec.UnsetType | None = msgspec.UNSET
    email: str | msgspec.UnsetType | None = msgspec.UNSET


class PasswordChange(msgspec.Struct):
    """A user's own change of password."""

    password: str
    original_password: str


def read(body: bytes, kind: type[Body], *, under: str | None = None) -> Body:
    """Return ``body`` as ``kind``, from the key ``under`` when given; raises InvalidInput with the place at fault."""
    try:
        if under is None:
            return msgspec.json.decode(body, type=kind)
        content = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if under not in content:
            raise InvalidInput(f"The request body must be an object with the key '{under}'.")
        return msgspec.json.decode(content[under], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"Invalid input: {error}") from None


def checked_name(name: str) -> str:
    """Return ``name`` without spaces around it; raises InvalidInput when it is empty or too long."""
    name = name.strip()
    if not 1 <= len(name) <= 255:
        raise InvalidInput("Invalid input for field 'name': it must have 1 to 255 characters.")
    return name
