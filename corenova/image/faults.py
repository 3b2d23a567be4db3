"""Errors of the image service as its clients know them: ``{"error": {"code", "message", "title"}}``."""

import http
import logging

import falcon
import msgspec

from corenova import exceptions

LOG = logging.getLogger(__name__)


class Unauthorized(exceptions.CorenovaError):
    """Nobody we know, or nobody in a project; ``challenge`` says where tokens are to be had."""

    def __init__(self, message: str, challenge: str):
        super().__init__(message)
        self.challenge = challenge


class LengthRequired(exceptions.CorenovaError):
    """An upload that says neither how long it is nor that it comes in chunks."""


class Gone(exceptions.CorenovaError):
    """The image disappeared while it was uploaded."""


class UnsupportedMediaType(exceptions.CorenovaError):
    """A body in a form that is not understood."""


class UnsatisfiableRange(exceptions.CorenovaError):
    """A range that the bytes do not have."""


STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Unauthorized, 401),
    (exceptions.InvalidInput, 400),
    (exceptions.OverQuota, 413),
    (exceptions.Forbidden, 403),
    (exceptions.NotFound, 404),
    (exceptions.Conflict, 409),
    (Gone, 410),
    (LengthRequired, 411),
    (exceptions.TooLarge, 413),
    (UnsupportedMediaType, 415),
    (UnsatisfiableRange, 416),
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
    if isinstance(error, Unauthorized):
        response.set_header("WWW-Authenticate", error.challenge)
    write(response, code, str(error) if code != 500 else "The image service failed.")


def _answer_http(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _params: dict) -> None:
    response.set_headers(error.headers or {})
    write(response, error.status_code, error.description or error.title or "The request cannot be answered.")


def write(response: falcon.Response, code: int, message: str) -> None:
    """Answer with an error."""
    title = http.HTTPStatus(code).phrase
    response.status = code
    response.content_type = "application/json"
    response.data = msgspec.json.encode({"error": {"code": code, "message": message, "title": title}})
