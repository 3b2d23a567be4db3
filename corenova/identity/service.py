"""The embedded identity service without its HTTP side: who logs in, what a token is worth now, which ones ended.

A token carries an identity, never rights: user, project and roles are looked up when it is first seen and again every
``[identity] cache_s`` seconds, so a disabled user is out within that time in every process.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from oslo_config import cfg

from corenova.db import identity as rows
from corenova.db.engine import Database
from corenova.identity import login
from corenova.identity.catalog import Catalog
from corenova.identity.requests import Auth
from corenova.identity.tokens import Token, TokenSealer
from corenova.objects.context import RequestContext

T = TypeVar("T")
_CACHE_SIZE = 4096


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is good, and what it is good for.

    :param fresh_until: monotonic time until which nobody needs to look again.
    """

    token: Token
    standing: rows.Standing
    context: RequestContext
    fresh_until: float


class IdentityService:
    """Implements corenova.contracts.identity.IdentityBackend over the database.

    :param clock: seconds since the epoch; tests bring their own.
    """

    def __init__(self, db: Database, conf: cfg.ConfigOpts, catalog: Catalog, *, clock: Callable[[], float] = time.time):
        self.db = db
        self.services = catalog
        self._expiration_s: float = conf.identity.token_expiration_s
        self._cache_s: float = conf.identity.cache_s
        self._clock = clock
        self._sealer = TokenSealer(db)
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._epoch = 0

    def validate(self, token: str | None) -> RequestContext | None:
        """Return whom ``token`` speaks for, or None."""
        # No lock: looking into a dict is atomic, and this runs for every request of every service.
        session = self._sessions.get(token)
        if session is not None and session.fresh_until > time.monotonic():
            return session.context
        session = self._look_up(token)
        return session.context if session else None

    def session(self, token: str | None) -> Session | None:
        """Return all that is known of a token that is good, or None."""
        session = self._sessions.get(token)
        if session is not None and session.fresh_until > time.monotonic():
            return session
        return self._look_up(token)

    def catalog(self, request_url: str) -> list[dict[str, object]]:
        """Return the catalog as a token carries it."""
        region = {"region": self.services.region, "region_id": self.services.region}
        return [
            {
                "id": service.id,
                "type": service.type,
                "name": service.name,
                "endpoints": [
                    {"id": endpoint.id, "interface": endpoint.interface, "url": endpoint.url, **region}
                    for endpoint in service.endpoints
                ],
            }
            for service in self.services.services(request_url)
        ]

    def authenticate(self, auth: Auth) -> tuple[str, Session]:
        """Return a new token, as text and with its session.

        :raises Unauthorized: user, password, old token or scope are not good; the message does not say which.
        :raises InvalidInput: a method without its content.
        """
        epoch = self._epoch
        proof = login.prove(self.db, auth.identity, self._open)
        standing = login.enter(self.db, proof, auth.scope)
        now = self._clock()
        token = Token(
            user_id=standing.user.id,
            project_id=standing.project.id if standing.project else "",
            methods=proof.methods,
            issued_at=now,
            # A token from a token ends when the first one does: otherwise one login would last for ever.
            expires_at=proof.expires_at or now + self._expiration_s,
            audit_ids=(secrets.token_urlsafe(16), *proof.audit_ids[:1]),
            password_mark=_mark(standing.user.password_hash),
        )
        text, session = self._sealer.seal(token), self._as_session(token, standing)
        self._remember(text, session, epoch)
        return text, session

    def revoke(self, session: Session) -> None:
        """End a token before its time, in all processes."""
        audit_id, expires_at = session.token.audit_ids[0], session.token.expires_at
        self.write(
            "identity.revoke",
            lambda connection: rows.revoke(connection, audit_id, expires_at=expires_at, at=self._clock()),
        )

    def write(self, name: str, work: Callable[..., T]) -> T:
        """Run ``work`` in a writing transaction; this process then looks at every token anew."""
        try:
            return self.db.write(name, work)
        finally:
            with self._lock:
                self._epoch += 1
                self._sessions = {}

    def _open(self, text: str) -> Token | None:
        session = self.session(text)
        return session and session.token

    def _look_up(self, text: str | None) -> Session | None:
        epoch = self._epoch
        known = self._sessions.get(text)
        token = known.token if known else self._sealer.open(text or "")
        if token is None or token.expires_at <= self._clock():
            return None

        def look(connection) -> rows.Standing | None:
            if rows.is_revoked(connection, token.audit_ids[0]):
                return None
            return rows.standing(connection, token.user_id, token.project_id)

        standing = self.db.read(look)
        if standing is None or _mark(standing.user.password_hash) != token.password_mark:
            return None
        session = self._as_session(token, standing)
        self._remember(text, session, epoch)
        return session

    def _remember(self, text: str, session: Session, epoch: int) -> None:
        with self._lock:
            # What was read before a write of this process is not kept after it.
            if epoch != self._epoch:
                return
            self._sessions.pop(text, None)
            self._sessions[text] = session
            # Entries are renewed every few seconds, so the order of insertion is about the order of use.
            while len(self._sessions) > _CACHE_SIZE:
                del self._sessions[next(iter(self._sessions))]

    def _as_session(self, token: Token, standing: rows.Standing) -> Session:
        fresh_s = min(self._cache_s, token.expires_at - self._clock())
        return Session(
            token=token, standing=standing, context=context_of(standing), fresh_until=time.monotonic() + fresh_s
        )


def context_of(standing: rows.Standing) -> RequestContext:
    """Return the caller as the other services know one."""
    project = standing.project
    return RequestContext(
        request_id="",
        user_id=standing.user.id,
        user_name=standing.user.name,
        project_id=project.id if project else "",
        project_name=project.name if project else "",
        domain_id=standing.user.domain_id,
        roles=tuple(role.name for role in standing.roles),
    )


def _mark(password_hash: bytes) -> bytes:
    return hashlib.sha256(password_hash).digest()[:6]
