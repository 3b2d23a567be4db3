"""Tokens over HTTP: log in, show, revoke; and what a token opens."""

import datetime

from corenova.db import identity as rows
from corenova.exceptions import Forbidden
from corenova.identity import views
from corenova.identity.call import Call
from corenova.identity.requests import AuthBody
from corenova.identity.service import Session


def issue_token(call: Call) -> dict[str, object]:
    """POST /v3/auth/tokens: the token itself is in X-Subject-Token."""
    text, session = call.service.authenticate(call.read(AuthBody).auth)
    call.headers["X-Subject-Token"] = text
    return _token_body(call, session)


def show_token(call: Call) -> dict[str, object]:
    """GET /v3/auth/tokens: what the token in X-Subject-Token is good for."""
    return _token_body(call, call.subject)


def revoke_token(call: Call) -> None:
    """DELETE /v3/auth/tokens: end the token in X-Subject-Token."""
    call.service.revoke(call.subject)


def show_catalog(call: Call) -> dict[str, object]:
    """GET /v3/auth/catalog."""
    if call.caller.standing.project is None:
        raise Forbidden("A token without a project has no catalog.")
    return {"catalog": call.service.catalog(call.url), "links": {"self": call.link("auth/catalog")}}


def list_own_projects(call: Call) -> dict[str, object]:
    """GET /v3/auth/projects: where the caller could go with this login."""
    return _projects(call, call.caller.token.user_id)


def list_projects_of_user(call: Call) -> dict[str, object]:
    """GET /v3/users/U/projects."""
    return _projects(call, call.params["user_id"])


def _projects(call: Call, user_id: str) -> dict[str, object]:
    projects = call.service.db.read(lambda connection: rows.projects_of(connection, user_id))
    return call.listing("projects", [views.project(call, project) for project in projects if project.enabled])


def _token_body(call: Call, session: Session) -> dict[str, object]:
    token, standing = session.token, session.standing
    body = {
        "methods": token.methods,
        "user": {
            "id": standing.user.id,
            "name": standing.user.name,
            "domain": {"id": standing.user_domain.id, "name": standing.user_domain.name},
            "password_expires_at": None,
        },
        "audit_ids": token.audit_ids,
        "issued_at": _time(token.issued_at),
        "expires_at": _time(token.expires_at),
    }
    if standing.project is not None:
        body["is_domain"] = False
        body["project"] = {
            "id": standing.project.id,
            "name": standing.project.name,
            "domain": {"id": standing.project_domain.id, "name": standing.project_domain.name},
        }
        body["roles"] = [{"id": role.id, "name": role.name} for role in standing.roles]
        if not call.flag("nocatalog"):
            body["catalog"] = call.service.catalog(call.url)
    return {"token": body}


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
