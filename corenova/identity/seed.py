"""The first start: a domain, three projects, the roles, and two users whose passwords nobody has chosen.

The passwords exist in plain text only in what these functions return; corenova/cmd/clouds_yaml.py keeps them.
"""

import uuid

import msgspec

from corenova.db import deployment
from corenova.db import identity as rows
from corenova.db.engine import Database
from corenova.identity import passwords
from corenova.identity.login import DEFAULT_DOMAIN_ID

ADMIN_PROJECT = "admin"
PROJECTS = (ADMIN_PROJECT, "demo", "service")
ROLES = ("admin", "manager", "member", "reader", "service")
USERS = {"admin": "admin", "demo": "demo"}
"""The users and their default projects."""
ASSIGNMENTS = (("admin", "admin", "admin"), ("admin", "demo", "admin"), ("demo", "demo", "member"))
"""User, project, role."""
_FACT = "identity_seeded"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """New passwords in plain text, by user name (default domain)."""

    passwords: dict[str, str]


def seed(db: Database) -> Credentials | None:
    """Fill an empty identity service; None when it was filled before.

    Two processes may do this at once: one of them does it, the other waits for the commit and gets None.
    """
    me = uuid.uuid4().hex
    if db.read(lambda connection: deployment.get(connection, _FACT)):
        return None
    credentials, hashes = _generate(tuple(USERS))

    def work(connection) -> bool:
        if deployment.settle(connection, _FACT, me) != me:
            return False
        _fill(connection, hashes)
        return True

    return credentials if db.write("identity.seed", work) else None


def reset_passwords(db: Database, names: tuple[str, ...] = tuple(USERS)) -> Credentials:
    """Give new random passwords to the users of these names in the default domain; those who are gone are left out."""
    credentials, hashes = _generate(names)

    def work(connection) -> dict[str, str]:
        done = {}
        for name in names:
            for user in rows.find(connection, rows.User, name=name, domain_id=DEFAULT_DOMAIN_ID):
                rows.change(connection, rows.User, user.id, password_hash=hashes[name])
                done[name] = credentials.passwords[name]
        return done

    return Credentials(passwords=db.write("identity.reset_passwords", work))


def project_id(db: Database, name: str = ADMIN_PROJECT) -> str | None:
    """Return the id of a project in the default domain, or None."""
    found = db.read(lambda connection: rows.find(connection, rows.Project, name=name, domain_id=DEFAULT_DOMAIN_ID))
    return found[0].id if found else None


def _generate(names: tuple[str, ...]) -> tuple[Credentials, dict[str, bytes]]:
    plain = {name: passwords.generate() for name in names}
    hashes = {name: passwords.digest(password, is_random=True) for name, password in plain.items()}
    return Credentials(passwords=plain), hashes


def _fill(connection, hashes: dict[str, bytes]) -> None:
    rows.add(connection, rows.Domain(id=DEFAULT_DOMAIN_ID, name="Default", description="The default domain"))
    ids = {name: uuid.uuid4().hex for name in PROJECTS}
    for name in PROJECTS:
        rows.add(connection, rows.Project(id=ids[name], domain_id=DEFAULT_DOMAIN_ID, name=name))
    roles = {name: rows.add(connection, rows.Role(id=uuid.uuid4().hex, name=name)).id for name in ROLES}
    users = {}
    for name, project in USERS.items():
        user = rows.User(
            id=uuid.uuid4().hex,
            domain_id=DEFAULT_DOMAIN_ID,
            name=name,
            password_hash=hashes[name],
            default_project_id=ids[project],
        )
        users[name] = rows.add(connection, user).id
    for user, project, role in ASSIGNMENTS:
        assignment = rows.Assignment(user_id=users[user], project_id=ids[project], role_id=roles[role])
        rows.add(connection, assignment)
