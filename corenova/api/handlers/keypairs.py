"""Key pairs of the caller, or from 2.10, for who may, of another user."""

import itertools

import sqlalchemy as sa

from corenova.api import keys
from corenova.api.call import Call
from corenova.api.views import keypairs as view
from corenova.db import keypairs

_RULE = "os_compute_api:os-keypairs:"


def index(call: Call) -> dict[str, object]:
    """GET /os-keypairs."""
    user_id = _user(call, "index", call.parameter("user_id"))
    if call.version < 35:
        rows = call.read(lambda connection: keypairs.list_keypairs(connection, user_id))
        return {"keypairs": [{"keypair": view.listed(row, call.version)} for row in rows]}
    page = call.page()
    rows = call.read(
        lambda connection: keypairs.list_keypairs(connection, user_id, limit=page.most, marker=page.marker)
    )
    shown: dict[str, object] = {"keypairs": [{"keypair": view.listed(row, call.version)} for row in rows]}
    if page.has_next(len(rows)):
        shown["keypairs_links"] = call.links.next("os-keypairs", call.query, rows[-1].name)
    return shown


def show(call: Call, keypair_name: str) -> dict[str, object]:
    """GET /os-keypairs/{name}."""
    user_id = _user(call, "show", call.parameter("user_id"))
    row = call.read(lambda connection: keypairs.get(connection, user_id, keypair_name))
    return {"keypair": view.show(row, call.version)}


def create(call: Call) -> dict[str, object]:
    """POST /os-keypairs: with a public key, or, before 2.92, without one to get both halves of a new one."""
    asked = call.body["keypair"]
    user_id = _user(call, "create", asked.get("user_id"))
    kind = asked.get("type", "ssh")
    # Made outside the transaction: it is slow, and a second run must write the key that the answer is about.
    key = keys.imported(kind, asked["public_key"]) if "public_key" in asked else keys.generated(kind, user_id)
    tries = itertools.count()

    def write(connection: sa.Connection) -> sa.Row:
        return keypairs.create(
            connection,
            user_id=user_id,
            name=asked["name"],
            kind=kind,
            public_key=key.public_key,
            fingerprint=key.fingerprint,
            limit=call.services.conf.quota.key_pairs,
            again=next(tries) > 0,
        )

    return {"keypair": view.created(call.write("keypair_create", write), key.private_key, call.version)}


def delete(call: Call, keypair_name: str) -> None:
    """DELETE /os-keypairs/{name}."""
    user_id = _user(call, "delete", call.parameter("user_id"))
    call.write("keypair_delete", lambda connection: keypairs.delete(connection, user_id, keypair_name))


def _user(call: Call, action: str, named: str | None) -> str:
    """Return whose key pairs this is about; raises Forbidden when they are not for the caller."""
    if call.version < 10 or not named:
        return call.context.user_id
    call.authorize(_RULE + action, user_id=named)
    return named
