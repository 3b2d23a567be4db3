"""The image API v2, reading side, as a WSGI application for everything below ``/image``.

Images are put into the store by the deployment for now: what would write answers 405.
"""

import http
import logging
import urllib.parse
from collections.abc import Callable
from types import SimpleNamespace

import falcon
import msgspec
from oslo_config import cfg

from corenova import exceptions
from corenova.db import images as rows
from corenova.image import schemas, views
from corenova.image.listing import Query, understand
from corenova.image.store import ImageStore
from corenova.objects.context import RequestContext

LOG = logging.getLogger(__name__)
Validate = Callable[[str | None], RequestContext | None]
PATH = "/image"
_PUBLIC = ("", "/v2")
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (exceptions.InvalidInput, 400),
    (exceptions.Forbidden, 403),
    (exceptions.NotFound, 404),
    (exceptions.Unavailable, 503),
)


class Call(msgspec.Struct, kw_only=True):
    """A request for the reading side: who asks (nobody on public paths), the query string, the id in the path."""

    store: ImageStore
    url: str
    query: Query
    max_limit: int
    context: RequestContext | None = None
    image_id: str = ""


def list_versions(call: Call) -> dict[str, object]:
    """GET /image (300)."""
    return views.versions(f"{call.url}{PATH}")


def list_images(call: Call) -> dict[str, object]:
    """GET /image/v2/images."""
    asked = understand(call.query, call.context, max_limit=call.max_limit)
    try:
        found = call.store.db.read(lambda connection: rows.page(connection, asked)) if asked and asked.limit else []
    except exceptions.NotFound as error:
        raise exceptions.InvalidInput(str(error)) from None
    body = {"images": [views.image(image) for image in found], "first": _page(call.query, None)}
    if found and len(found) == asked.limit:
        body["next"] = _page(call.query, found[-1].uuid)
    return {**body, "schema": "/v2/schemas/images"}


def show_image(call: Call) -> dict[str, object]:
    """GET /image/v2/images/ID; 404 also for what is no id."""
    caller = call.context
    return views.image(call.store.get_image(call.image_id, caller.project_id, is_admin=caller.is_admin))


HANDLERS: dict[str, tuple[Callable[[Call], dict[str, object]], int]] = {
    "": (list_versions, 300),
    "/v2": (list_versions, 300),
    "/v2/images": (list_images, 200),
    "/v2/images/{image_id}": (show_image, 200),
    "/v2/schemas/image": (lambda call: schemas.IMAGE, 200),
    "/v2/schemas/images": (lambda call: schemas.IMAGES, 200),
}
"""What answers GET and HEAD below /image."""


def build_app(
    store: ImageStore, validate: Validate, conf: cfg.ConfigOpts, *, base: Callable[[str], str] = lambda url: url
) -> falcon.App:
    """Return the application. Requests must arrive with their whole path (``/image/...``) in PATH_INFO.

    :param base: turns the URL under which a client has reached us into the one to name in links.
    """
    app = falcon.App(media_type="application/json")
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Exception, _answer_error)
    app.add_error_handler(falcon.HTTPError, _answer_http_error)
    for path, (handler, status) in HANDLERS.items():
        respond = _responder(handler, status, path in _PUBLIC, (store, validate, conf.api.max_limit, base))
        app.add_route(PATH + path, SimpleNamespace(on_get=respond, on_head=respond))
    return app


def _responder(handler: Callable[[Call], dict], status: int, is_public: bool, parts: tuple):
    store, validate, max_limit, base = parts

    def respond(request: falcon.Request, response: falcon.Response, image_id: str = "") -> None:
        context = None if is_public else validate(request.get_header("X-Auth-Token"))
        if not is_public and (context is None or not context.project_id):
            response.set_header("WWW-Authenticate", f'Keystone uri="{base(request.prefix)}/v3"')
            return _write_error(response, 401, "This needs a token with a project.")
        query = {name: [value] if isinstance(value, str) else value for name, value in request.params.items()}
        url = base(request.prefix)
        call = Call(store=store, url=url, query=query, max_limit=max_limit, context=context, image_id=image_id)
        response.data = msgspec.json.encode(handler(call))
        response.status = status
        return None

    return respond


def _page(query: Query, marker: str | None) -> str:
    pairs = [(name, value) for name, values in query.items() if name != "marker" for value in values]
    pairs += [("marker", marker)] if marker else []
    return "/v2/images" + ("?" + urllib.parse.urlencode(pairs) if pairs else "")


def _answer_error(request: falcon.Request, response: falcon.Response, error: Exception, _params: dict) -> None:
    code = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if code == 500:
        LOG.exception("%s %s failed", request.method, request.path)
    _write_error(response, code, str(error) if code < 500 or code == 503 else "The image service failed.")


def _answer_http_error(
    _request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _params: dict
) -> None:
    response.set_headers(error.headers or {})
    _write_error(response, error.status_code, error.description or error.title or "The request cannot be answered.")


def _write_error(response: falcon.Response, code: int, message: str) -> None:
    title = http.HTTPStatus(code).phrase
    response.status = code
    response.content_type = "application/json"
    response.data = msgspec.json.encode({"error": {"code": code, "message": message, "title": title}})
