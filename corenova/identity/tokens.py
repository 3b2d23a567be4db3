"""Tokens: what one says, and how it is sealed. Keys are in the database, so that tokens outlive the process.

A token is a Fernet message: encrypted and signed, so nothing is stored per token and any API process of the deployment
can open it. Sealing uses the first key, opening tries all, so :func:`rotate` locks nobody out.
"""

import threading
import time

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from corenova.db import deployment
from corenova.db.engine import Database

_FACT = "fernet_keys"
_KEEP_KEYS = 3
_RELOAD_INTERVAL_S = 1.0


class Token(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The content of a token. Times are seconds since the epoch.

    :param project_id: empty when the token has no project.
    :param methods: how its user logged in: password, token or both.
    :param audit_ids: its own id and, when it came from another token, that token's.
    :param password_mark: a few bytes of the hash of the user's password; when they change, the token ends.
    """

    user_id: str
    project_id: str
    methods: tuple[str, ...]
    issued_at: float
    expires_at: float
    audit_ids: tuple[str, ...]
    password_mark: bytes


class TokenSealer:
    """Turns tokens into text and back, with the keys of the deployment."""

    def __init__(self, db: Database):
        self._db = db
        self._decoder = msgspec.msgpack.Decoder(Token)
        self._lock = threading.Lock()
        self._loaded_at = 0.0
        self._fernet: MultiFernet | None = None

    def seal(self, token: Token) -> str:
        """Return the text that a client carries."""
        return self._keys().encrypt(msgspec.msgpack.encode(token)).decode("ascii")

    def open(self, text: str) -> Token | None:
        """Return the token in ``text``, expired or not, or None when it was not sealed here."""
        try:
            sealed = text.encode("ascii")
            return self._decoder.decode(self._decrypt(sealed))
        except (UnicodeEncodeError, InvalidToken, msgspec.DecodeError):
            return None

    def _decrypt(self, sealed: bytes) -> bytes:
        keys = self._keys()
        try:
            return keys.decrypt(sealed)
        except InvalidToken:
            # Another process may have a newer key. Not at every forgery, though: anybody could load the database.
            if time.monotonic() - self._loaded_at < _RELOAD_INTERVAL_S:
                raise
            return self._load().decrypt(sealed)

    def _keys(self) -> MultiFernet:
        return self._fernet or self._load()

    def _load(self) -> MultiFernet:
        with self._lock:
            keys = self._db.read(lambda connection: deployment.get(connection, _FACT))
            if keys is None:
                proposal = Fernet.generate_key().decode("ascii")
                keys = self._db.write(
                    "identity.keys", lambda connection: deployment.settle(connection, _FACT, proposal)
                )
            self._fernet = MultiFernet([Fernet(key) for key in keys.split(",")])
            self._loaded_at = time.monotonic()
            return self._fernet


def rotate(db: Database) -> None:
    """Put a new key first; tokens under the last few keys stay good, processes learn of the new one by themselves."""
    key = Fernet.generate_key().decode("ascii")

    def work(connection):
        old = deployment.get(connection, _FACT)
        deployment.put(connection, _FACT, ",".join([key, *(old.split(",") if old else [])][:_KEEP_KEYS]))

    db.write("identity.rotate", work)
