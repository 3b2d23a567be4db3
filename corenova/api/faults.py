"""Errors as clients of the compute API know them: ``{"<name>": {"code", "message"}}``. The only place that knows HTTP
codes of our error tree; codes that a client can see never change.
"""

import functools
import http
import logging

import msgspec

from corenova import exceptions

LOG = logging.getLogger(__name__)

NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
"""The key of the body by code; every other code is ``computeFault``."""


class HttpError(Exception):
    """What only the HTTP side knows to be wrong: a media type, a microversion, a path."""

    def __init__(self, code: int, message: str, *, headers: tuple[tuple[str, str], ...] = ()):
        super().__init__(message)
        self.code = code
        self.headers = headers


STATUS: tuple[tuple[type[Exception], int], ...] = (
    (exceptions.InvalidInput, 400),
    (exceptions.TooLarge, 413),
    (exceptions.Forbidden, 403),
    (exceptions.NotFound, 404),
    (exceptions.Conflict, 409),
    (exceptions.NotImplementedByDriver, 501),
    (exceptions.Unavailable, 503),
    (exceptions.BackendFault, 503),
)
"""The first kind that fits decides; what fits none is our own fault, 500."""

_RETRY_AFTER = (("Retry-After", "1"),)


def not_found() -> HttpError:
    """Return the error for a path, or a method on a path, that there is not."""
    return HttpError(404, "The resource could not be found.")


def code_of(error: Exception) -> int:
    """Return the HTTP code that ``error`` is answered with."""
    if isinstance(error, HttpError):
        return error.code
    return next((code for kind, code in STATUS if isinstance(error, kind)), 500)


def answer(error: Exception, request_id: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Return code, headers and body for ``error``. An unforeseen one is logged, and its words stay inside."""
    code = code_of(error)
    headers = error.headers if isinstance(error, HttpError) else ()
    message = str(error)
    if code == 500 and not isinstance(error, HttpError):
        LOG.error("%s failed", request_id, exc_info=error)
        message = f"Unexpected API Error. The log has the details under {request_id}."
    if code == 503:
        headers = (*headers, *_RETRY_AFTER)
    return code, headers, body(code, message)


def body(code: int, message: str) -> bytes:
    """Return the body of an error."""
    return msgspec.json.encode({NAMES.get(code, "computeFault"): {"code": code, "message": message}})


@functools.cache
def status_line(code: int) -> str:
    """Return code and phrase as WSGI wants them."""
    return f"{code} {http.HTTPStatus(code).phrase}"
