"""The raw request: its body within bounds and as JSON, its query string, the URL under which it came."""

from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec

from corenova.api.faults import HttpError

_MEDIA_TYPES = frozenset(("", "application/json", "text/plain", "application/vnd.openstack.compute+json"))
_decode = msgspec.json.Decoder().decode
_NUL = "The request holds a NUL character, which no text of ours can hold."  # PostgreSQL would fail on it
_TOO_LARGE = "Request is too large."


def query_of(environ: Mapping[str, object]) -> dict[str, list[str]]:
    """Return every query parameter with all its values."""
    text = environ.get("QUERY_STRING")
    if not text:
        return {}
    try:
        query = parse_qs(text, keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise HttpError(400, "The query string cannot be understood.") from None
    if "%00" in text:
        raise HttpError(400, _NUL)
    return query


def body_of(environ: Mapping[str, object], limit: int) -> object:
    """Return the decoded JSON body.

    :raises HttpError: 413 beyond ``limit`` bytes, 415 for another media type, 400 for what is no JSON.
    """
    data = _read(environ, limit)
    media_type = str(environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if data and media_type not in _MEDIA_TYPES:
        raise HttpError(415, "Unsupported Content-Type")
    if b"\\u0000" in data:
        raise HttpError(400, _NUL)
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise HttpError(400, "Malformed request body: cannot understand JSON") from None


def _read(environ: Mapping[str, object], limit: int) -> bytes:
    text = environ.get("CONTENT_LENGTH")
    if text:
        if not (text.isascii() and text.isdigit()):
            raise HttpError(400, "The Content-Length header is no number.")
        length = int(text)
        if length > limit:
            raise HttpError(413, _TOO_LARGE)
        return environ["wsgi.input"].read(length) if length else b""
    if "chunked" not in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower():
        return b""
    data = environ["wsgi.input"].read(limit + 1)
    if len(data) > limit:
        raise HttpError(413, _TOO_LARGE)
    return data
