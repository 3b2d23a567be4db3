"""Tickets: leave to read or to write one image for a limited time, which whoever knows the key can check by itself.

A compute is given one with its order (:class:`corenova.objects.image.ImageAccess`) in the place of a user's token.
"""

import hashlib
import hmac
import secrets

HEADER = "X-Image-Ticket"
READ = "GET"
WRITE = "PUT"


def new_key() -> str:
    """Return a new secret."""
    return secrets.token_hex(32)


def make(secret: str, image_id: str, verb: str, expires_at: int) -> str:
    """Return a ticket for ``verb`` (READ, WRITE) on the bytes of an image.

    :param expires_at: seconds since the epoch.
    """
    return f"{expires_at}.{_signature(secret, image_id, verb, expires_at)}"


def check(secret: str, ticket: str, image_id: str, verb: str, *, now: float) -> bool:
    """Tell whether ``ticket`` was made with ``secret`` for exactly this, and is not over at ``now``."""
    expires_at, _, signature = ticket.partition(".")
    if not (expires_at.isascii() and expires_at.isdigit() and len(expires_at) < 16 and signature.isascii()):
        return False
    right = hmac.compare_digest(signature, _signature(secret, image_id, verb, int(expires_at)))
    return right and now < int(expires_at)


def _signature(secret: str, image_id: str, verb: str, expires_at: int) -> str:
    # No two different triples give the same text: a line break stands in none of the parts.
    text = f"{verb}\n{expires_at}\n{image_id}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
