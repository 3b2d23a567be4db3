"""Logging in: who proves to be whom, and which project the proof opens.

Both halves answer Unauthorized with the same words whatever was wrong, so that nobody learns which names exist.
"""

import logging
from collections.abc import Callable

import msgspec

from corenova.db import identity as rows
from corenova.db.engine import Database
from corenova.exceptions import InvalidInput
from corenova.identity import passwords
from corenova.identity.faults import Unauthorized
from corenova.identity.requests import DomainRef, IdentityPart, ProjectRef, Scope, UserRef
from corenova.identity.tokens import Token

LOG = logging.getLogger(__name__)
DEFAULT_DOMAIN_ID = "default"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A user who is who they say. The last two are set when they came with a token.

    :param expires_at: when the new token must end at the latest, or None.
    """

    user_id: str
    methods: tuple[str, ...]
    expires_at: float | None = None
    audit_ids: tuple[str, ...] = ()


def prove(db: Database, identity: IdentityPart, token_of: Callable[[str], Token | None]) -> Proof:
    """Return the user whom every named method proves.

    :param token_of: opens a token when it is good.
    :raises Unauthorized: one of the methods does not prove it.
    :raises InvalidInput: a method without its content.
    """
    proofs = []
    for method in identity.methods:
        if method not in ("password", "token"):
            raise Unauthorized
        content = getattr(identity, method)
        if content is None:
            raise InvalidInput(f"Invalid input: identity must have the key '{method}'.")
        proofs.append(_by_password(db, content.user) if method == "password" else _by_token(token_of(content.id)))
    if len({proof.user_id for proof in proofs}) != 1:
        raise Unauthorized
    return Proof(
        user_id=proofs[0].user_id,
        methods=tuple(dict.fromkeys(method for proof in proofs for method in proof.methods)),
        expires_at=min((proof.expires_at for proof in proofs if proof.expires_at), default=None),
        audit_ids=next((proof.audit_ids for proof in proofs if proof.audit_ids), ()),
    )


def enter(db: Database, proof: Proof, scope: Scope | str | None) -> rows.Standing:
    """Return the user's standing in the wanted project, or without one.

    Without a scope it is the user's default project, when there is one and the user has a role in it.

    :raises Unauthorized: there is no such project, or the user has no role in it.
    """
    with db.reading() as connection:
        alone = rows.standing(connection, proof.user_id)
        if alone is None:
            raise Unauthorized
        if scope is None:
            default = alone.user.default_project_id
            return (rows.standing(connection, proof.user_id, default) if default else None) or alone
        if isinstance(scope, str):
            if scope != "unscoped":
                raise InvalidInput('Invalid input: scope must be an object or "unscoped".')
            return alone
        if scope.project is None:
            if scope.domain is None and scope.system is None:
                raise InvalidInput("Invalid input: scope must name a project.")
            raise Unauthorized("Roles are given in projects only; ask for the scope of a project.")
        project = _find_project(connection, scope.project, alone.user.domain_id)
        standing = project and rows.standing(connection, proof.user_id, project.id)
        if standing is None:
            LOG.info("User %s may not enter the project that was asked for", proof.user_id)
            raise Unauthorized
        return standing


def check_password(db: Database, user_id: str, original: str) -> None:
    """Raise Unauthorized unless this is the password of the user."""
    _by_password(db, UserRef(id=user_id, password=original))


def _by_password(db: Database, wanted: UserRef) -> Proof:
    with db.reading() as connection:
        user = _find_user(connection, wanted)
    # Outside of the transaction: it takes long. Also for nobody, so that the time tells nothing.
    if not passwords.matches(wanted.password, user.password_hash if user else None):
        LOG.info("Failed login as %s", wanted.id or wanted.name)
        raise Unauthorized
    return Proof(user_id=user.id, methods=("password",))


def _by_token(token: Token | None) -> Proof:
    if token is None:
        raise Unauthorized
    methods = tuple(dict.fromkeys((*token.methods, "token")))
    return Proof(user_id=token.user_id, methods=methods, expires_at=token.expires_at, audit_ids=token.audit_ids)


def _find_user(connection, wanted: UserRef) -> rows.User | None:
    if wanted.id is not None:
        found = rows.find(connection, rows.User, id=wanted.id)
    elif wanted.name is not None:
        domain_id = _domain_id(connection, wanted.domain, DEFAULT_DOMAIN_ID)
        found = rows.find(connection, rows.User, name=wanted.name, domain_id=domain_id)
    else:
        raise InvalidInput("Invalid input: user must have an id or a name.")
    return found[0] if found else None


def _find_project(connection, wanted: ProjectRef, users_domain_id: str) -> rows.Project | None:
    if wanted.id is not None:
        found = rows.find(connection, rows.Project, id=wanted.id)
    elif wanted.name is not None:
        domain_id = _domain_id(connection, wanted.domain, users_domain_id)
        found = rows.find(connection, rows.Project, name=wanted.name, domain_id=domain_id)
    else:
        raise InvalidInput("Invalid input: project must have an id or a name.")
    return found[0] if found else None


def _domain_id(connection, wanted: DomainRef | None, otherwise: str) -> str | None:
    """Clients leave the domain out, although they should not; then it is the one that most of them mean."""
    if wanted is None or (wanted.id is None and wanted.name is None):
        return otherwise
    if wanted.id is not None:
        return wanted.id
    domain = rows.find_domain(connection, wanted.name)
    return domain.id if domain else None
