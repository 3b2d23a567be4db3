"""Errors of the identity service as its clients know them: ``{"error": {"code", "message", "title"}}``."""

import http
import logging

import falcon
import msgspec

from corenova import exceptions

LOG = logging.getLogger(__name__)


class Unauthorized(exceptions.CorenovaError):
    """Nobody we know, or nobody any longer."""

    def __init__(self, message: str = "The request you have made requires authentication."):
        super().__init__(message)


STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Unauthorized, 401),
    (exceptions.InvalidInput, 400),
    (exceptions.Forbidden, 403),
    (exceptions.NotFound, 404),
    (exceptions.Conflict, 409),
    (exceptions.TooLarge, 413),
    (exceptions.Unavailable, 503),
)


def install(app: falcon.App) -> None:
    """Make ``app`` answer every error in this form."""
    app.add_error_handler(Exception, _answer)
    app.add_error_handler(falcon.HTTPError, _answer_http)


def _answer(request: falcon.Request, response: falcon.Response, error: Exception, _params: dict) -> None:
    code = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    if code == 500:
        LOG.exception("%s %s failed", request.method, request.path)
    message = "An unexpected error prevented the server from fulfilling your request." if code == 500 else str(error)
    if code == 401:
        response.set_header("WWW-Authenticate", f'Keystone uri="{request.prefix}/v3"')
    _write(response, code, message)


def _answer_http(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _params: dict) -> None:
    for name, value in (error.headers or {}).items():
        response.set_header(name, value)
    _write(response, error.status_code, error.description or error.title or "The request cannot be answered.")


def _write(response: falcon.Response, code: int, message: str) -> None:
    status = http.HTTPStatus(code)
    response.status = f"{code} {status.phrase}"
    response.content_type = "application/json"
    response.data = msgspec.json.encode({"error": {"code": code, "message": message, "title": status.phrase}})
