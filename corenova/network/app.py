"""The network API v2.0 as a WSGI application for everything below ``/network``.

A request passes here in one order: who calls, then the handler that the table corenova/network/routes.py names, which
asks whether the caller may.
"""

from collections.abc import Callable
from types import SimpleNamespace

import falcon
import msgspec
from oslo_config import cfg

from corenova.exceptions import NotFound, TooLarge
from corenova.network import faults
from corenova.network.call import Call, Service
from corenova.network.routes import PATH, ROUTES, Route
from corenova.objects.context import RequestContext, new_request_id

Validate = Callable[[str | None], RequestContext | None]


def build_app(
    service: Service, validate: Validate, conf: cfg.ConfigOpts, *, base: Callable[[str], str] = lambda url: url
) -> falcon.App:
    """Return the application. Requests must arrive with their whole path (``/network/...``) in PATH_INFO.

    :param base: turns the URL under which a client has reached us into the one to name in links.
    """
    app = falcon.App(media_type="application/json")
    app.req_options.strip_url_path_trailing_slash = True
    faults.install(app)
    by_path: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        responders = by_path.setdefault(route.path, {})
        responders[f"on_{route.method.lower()}"] = _responder(
            service, validate, conf.api.max_request_body_size, base, route
        )
        if route.method == "GET":
            responders["on_head"] = responders["on_get"]
    for path, responders in by_path.items():
        app.add_route(PATH + path, SimpleNamespace(**responders))
    return app


def _responder(service: Service, validate: Validate, max_body_size: int, base: Callable[[str], str], route: Route):
    def respond(request: falcon.Request, response: falcon.Response, **params: str) -> None:
        request_id = new_request_id()
        response.set_header("X-Openstack-Request-Id", request_id)
        context = None if route.is_public else validate(request.get_header("X-Auth-Token"))
        if not route.is_public and (context is None or not context.project_id):
            raise faults.Unauthorized
        if any("\x00" in value for value in params.values()):
            raise NotFound("The resource could not be found.")
        query = {name: [value] if isinstance(value, str) else value for name, value in request.params.items()}
        call = Call(
            service=service,
            url=base(request.prefix) + PATH,
            context=context and msgspec.structs.replace(context, request_id=request_id),
            params=params,
            query=query,
            body=_body(request, max_body_size),
        )
        answer = route.handler(call)
        response.status = route.status
        if answer is not None:
            response.data = msgspec.json.encode(answer)

    return respond


def _body(request: falcon.Request, max_size: int) -> bytes:
    if (request.content_length or 0) > max_size:
        raise TooLarge("The request body is too large.")
    return request.bounded_stream.read()
