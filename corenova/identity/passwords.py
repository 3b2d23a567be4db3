"""Passwords and their hashes. bcrypt is slow on purpose: call these outside of any transaction or lock."""

import base64
import hashlib
import secrets

import bcrypt

_ROUNDS = 10
# A generated password has 144 random bits. No hash is slow enough to matter against that, so these need not slow down
# the first start and every login of the two users that the deployment makes.
_ROUNDS_FOR_RANDOM = 4
NO_PASSWORD = b""
"""The hash of a user who has no password and can log in with none."""
_NOBODY = b"$2b$10$" + b"." * 53


def generate() -> str:
    """Return a new random password of 24 characters."""
    return secrets.token_urlsafe(18)


def digest(password: str, *, is_random: bool = False) -> bytes:
    """Return the hash to store; ``is_random`` only for what :func:`generate` returned."""
    return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(_ROUNDS_FOR_RANDOM if is_random else _ROUNDS))


def matches(password: str, password_hash: bytes | None) -> bool:
    """Tell whether ``password`` has this hash. Without a hash it takes as long as a wrong password."""
    return bcrypt.checkpw(_prepared(password), password_hash or _NOBODY) and bool(password_hash)


def _prepared(password: str) -> bytes:
    """bcrypt looks at 72 bytes and stops at a zero byte; a digest in base64 lets every character count."""
    return base64.b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())
