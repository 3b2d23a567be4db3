"""The identity API as a WSGI application, for ``/`` and everything below ``/v3``.

A request passes here in one order: who calls, whom it is about, may they, then the handler that the table
corenova/identity/routes.py names.
"""

from types import SimpleNamespace

import falcon
import msgspec
from oslo_config import cfg

from corenova.exceptions import InvalidInput, NotFound, TooLarge
from corenova.identity import faults, policy
from corenova.identity.call import Call
from corenova.identity.routes import ROUTES, Route
from corenova.identity.service import IdentityService, Session

_ABOUT_A_TOKEN = (policy.ADMIN_OR_SUBJECT, policy.VALIDATOR_OR_SUBJECT)


def build_app(service: IdentityService, conf: cfg.ConfigOpts) -> falcon.App:
    """Return the application. Requests must arrive with their whole path (``/v3/...``) in PATH_INFO."""
    app = falcon.App(media_type="application/json")
    app.req_options.strip_url_path_trailing_slash = True
    faults.install(app)
    by_path: dict[str, dict[str, object]] = {}
    for route in ROUTES:
        responders = by_path.setdefault(route.path, {})
        responders[f"on_{route.method.lower()}"] = _responder(service, route, conf.api.max_request_body_size)
        if route.method == "GET":
            responders["on_head"] = responders["on_get"]
    for path, responders in by_path.items():
        app.add_route(path, SimpleNamespace(**responders))
    return app


def _responder(service: IdentityService, route: Route, max_body_size: int):
    def respond(request: falcon.Request, response: falcon.Response, **params: str) -> None:
        call = Call(service=service, url=request.prefix, params=params, query=_query(request), headers={})
        if route.rule != policy.PUBLIC:
            _admit(call, route.rule, request)
        call.body = _body(request, max_body_size)
        answer = route.handler(call)
        response.status = route.status
        response.set_headers({"Vary": "X-Auth-Token", **call.headers})
        if answer is not None:
            response.data = msgspec.json.encode(answer)

    return respond


def _admit(call: Call, rule: str, request: falcon.Request) -> None:
    """Fill in who calls and, on routes about tokens, about whose; raise unless the rule lets them."""
    call.caller = call.service.session(request.get_header("X-Auth-Token"))
    if call.caller is None:
        raise faults.Unauthorized
    target = call.params
    if rule in _ABOUT_A_TOKEN:
        call.subject = _subject(call.service, request)
        target = {"user_id": call.subject.token.user_id}
    policy.check(rule, call.caller.context, target)


def _subject(service: IdentityService, request: falcon.Request) -> Session:
    text = request.get_header("X-Subject-Token")
    if not text:
        raise InvalidInput("The header X-Subject-Token is missing.")
    session = service.session(text)
    if session is None:
        raise NotFound("Could not find the token of X-Subject-Token: it is not valid.")
    return session


def _query(request: falcon.Request) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[-1] for name, value in request.params.items()}


def _body(request: falcon.Request, max_size: int) -> bytes:
    if (request.content_length or 0) > max_size:
        raise TooLarge("The request body is too large.")
    return request.bounded_stream.read()
