"""Errors of the network service as its clients know them: ``{"NeutronError": {"type", "message", "detail"}}``."""

import logging

import falcon
import msgspec

from corenova import exceptions
from corenova.network import errors

LOG = logging.getLogger(__name__)


class Unauthorized(exceptions.CorenovaError):
    """Nobody we know, or without a project."""

    def __init__(self):
        super().__init__("This needs a token with a project.")


KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (Unauthorized, 401, "Unauthorized"),
    (errors.IpAddressGenerationFailure, 409, "IpAddressGenerationFailure"),
    (exceptions.InvalidInput, 400, "InvalidInput"),
    (exceptions.OverQuota, 409, "OverQuota"),
    (exceptions.Forbidden, 403, "PolicyNotAuthorized"),
    (exceptions.NotFound, 404, "HTTPNotFound"),
    (exceptions.Conflict, 409, "Conflict"),
    (exceptions.TooLarge, 413, "HTTPRequestEntityTooLarge"),
    (exceptions.Unavailable, 503, "ServiceUnavailable"),
)
"""Kind of error, status, and the type of those that have no name of their own."""


def install(app: falcon.App) -> None:
    """Make ``app`` answer every error in this form."""
    app.add_error_handler(Exception, _answer)
    app.add_error_handler(falcon.HTTPError, _answer_http)


def type_of(error: Exception, default: str) -> str:
    """Return Neutron's name of an error."""
    named = type(error).__name__ if type(error).__module__ == errors.__name__ else default
    return getattr(error, "type", named)


def _answer(request: falcon.Request, response: falcon.Response, error: Exception, _params: dict) -> None:
    for kind, code, default in KINDS:
        if isinstance(error, kind):
            if code == 401:
                response.set_header("WWW-Authenticate", f'Keystone uri="{request.prefix}/v3"')
            return _write(response, code, type_of(error, default), str(error))
    LOG.exception("%s %s failed", request.method, request.path)
    return _write(response, 500, "HTTPInternalServerError", "The network service failed; its log says why.")


def _answer_http(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _params: dict) -> None:
    response.set_headers(error.headers or {})
    words = error.description or error.title or "The request cannot be answered."
    if error.status_code == 404:
        words = "The resource could not be found."
    _write(response, error.status_code, f"HTTP{type(error).__name__.removeprefix('HTTP')}", words)


def _write(response: falcon.Response, code: int, kind: str, message: str) -> None:
    response.status = code
    response.content_type = "application/json"
    response.data = msgspec.json.encode({"NeutronError": {"type": kind, "message": message, "detail": ""}})
