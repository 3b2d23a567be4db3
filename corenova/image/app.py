"""The image API v2 as a WSGI application for everything below ``/image``.

A request passes here in one order: who calls (by a token, or on the routes of bytes by a ticket), then the handler
that the table corenova/image/routes.py names, which asks the policy once it knows whose image it is.
"""

from collections.abc import Callable
from types import SimpleNamespace

import falcon
import msgspec
from oslo_config import cfg

from corenova.exceptions import InvalidInput, NotFound, TooLarge
from corenova.image import faults, policy
from corenova.image.call import Call
from corenova.image.handlers.data import Pieces
from corenova.image.routes import ROUTES, Route
from corenova.image.store import EmbeddedImages
from corenova.objects import tickets
from corenova.objects.context import RequestContext
from corenova.policy import Enforcer

Validate = Callable[[str | None], RequestContext | None]
PATH = "/image"


def build_app(
    images: EmbeddedImages,
    validate: Validate,
    conf: cfg.ConfigOpts,
    enforcer: Enforcer,
    *,
    base: Callable[[str], str] = lambda url: url,
) -> falcon.App:
    """Return the application. Requests must arrive with their whole path (``/image/...``) in PATH_INFO.

    :param enforcer: must know the rules of corenova/image/policy.py.
    :param base: turns the URL under which a client has reached us into the one to name in links.
    """
    app = falcon.App(media_type="application/json")
    app.req_options.strip_url_path_trailing_slash = True
    faults.install(app)
    front = _Front(images, validate, conf, enforcer, base)
    by_path: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        responders = by_path.setdefault(PATH + route.path, {})
        responders[f"on_{route.method.lower()}"] = front.responder(route)
        if route.method == "GET":
            responders["on_head"] = responders["on_get"]
    for path, responders in by_path.items():
        app.add_route(path, SimpleNamespace(**responders))
    return app


class _Front:
    """What is the same for every request."""

    def __init__(
        self,
        images: EmbeddedImages,
        validate: Validate,
        conf: cfg.ConfigOpts,
        enforcer: Enforcer,
        base: Callable[[str], str],
    ):
        self._images, self._validate, self._enforcer, self._base = images, validate, enforcer, base
        self._max_limit: int = conf.api.max_limit
        self._max_body: int = conf.api.max_request_body_size

    def responder(self, route: Route) -> Callable[..., None]:
        """Return what answers the requests of a route."""

        def respond(request: falcon.Request, response: falcon.Response, **params: str) -> None:
            call = self._call(route, request, params)
            if route.rule != policy.PUBLIC and "{image_id}" not in route.path:
                call.authorize()
            answer = route.handler(call)
            response.status = call.status
            response.set_headers(call.headers)
            if isinstance(answer, Pieces):
                response.content_type = "application/octet-stream"
                response.stream, response.content_length = answer, answer.size
            elif answer is not None:
                response.data = msgspec.json.encode(answer)

        return respond

    def _call(self, route: Route, request: falcon.Request, params: dict[str, str]) -> Call:
        context = None if route.rule == policy.PUBLIC else self._caller(route, request, params)
        query = {name: [value] if isinstance(value, str) else value for name, value in request.params.items()}
        if any("\x00" in value for value in params.values()):
            raise NotFound("The resource could not be found.")
        if any("\x00" in text for name, values in query.items() for text in (name, *values)):
            raise InvalidInput("The query must not have NUL characters.")
        return Call(
            images=self._images,
            enforcer=self._enforcer,
            rule=route.rule,
            url=self._base(request.prefix),
            params=params,
            query=query,
            header=request.get_header,
            stream=request.env["wsgi.input"],
            status=route.status,
            max_limit=self._max_limit,
            context=context,
            body=b"" if route.is_streamed else self._body(request),
            headers={},
        )

    def _caller(self, route: Route, request: falcon.Request, params: dict[str, str]) -> RequestContext | None:
        """Return who calls, or None for somebody with a ticket; raises Unauthorized."""
        ticket = request.get_header(tickets.HEADER)
        if route.ticket and ticket and self._images.admits(ticket, params["image_id"], route.ticket):
            return None
        context = self._validate(request.get_header("X-Auth-Token"))
        if context is None or not context.project_id:
            challenge = f'Keystone uri="{self._base(request.prefix)}/v3"'
            raise faults.Unauthorized("This needs a token with a project.", challenge)
        return context

    def _body(self, request: falcon.Request) -> bytes:
        if (request.content_length or 0) > self._max_body:
            raise TooLarge("The request body is too large.")
        if request.content_length is None and request.get_header("Transfer-Encoding"):
            body = request.env["wsgi.input"].read(self._max_body + 1)
            if len(body) > self._max_body:
                raise TooLarge("The request body is too large.")
            return body
        return request.bounded_stream.read()
