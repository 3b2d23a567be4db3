"""The compute API as one WSGI application: who asks, in which microversion, whether they may, and then a handler.

``Front.serve`` and ``Endpoint.carry_out`` are the way of every request; the order of their steps is the contract. The
table they work from is routes.py.
"""

import functools
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import falcon
import msgspec

from corenova.api import faults, microversions
from corenova.api.call import Call
from corenova.api.faults import HttpError
from corenova.api.handlers import versions
from corenova.api.links import PREFIX, VERSION_PREFIX, Links
from corenova.api.requests import body_of, query_of
from corenova.api.routes import ACTIONS, ROUTES, Action, Route
from corenova.api.services import ApiServices
from corenova.api.validation import check_body, check_query
from corenova.exceptions import InvalidInput
from corenova.objects.context import RequestContext, new_request_id
from corenova.policy import authorize

ACCESS_LOG = logging.getLogger("corenova.api.access")
"""One line a request; off unless ``[DEFAULT] default_log_levels`` says ``corenova.api.access=INFO``."""

Outcome = tuple[int, object, Sequence[tuple[str, str]]]
"""Code, what is encoded as the body (None: no body), further headers."""
Work = Callable[[RequestContext | None, int], Outcome]

_encode = msgspec.json.Encoder().encode
_MOST_BASES = 100


class Front:
    """What is the same for every request, whatever it asks for: token, microversion, headers, errors, access log."""

    def __init__(self, services: ApiServices):
        self.services = services
        self._public_url = (services.conf.api.public_url or "").rstrip("/")
        self._behind_proxy: bool = services.conf.api.enable_proxy_headers_parsing
        self._links: dict[str, Links] = {}

    def base(self, request: falcon.Request) -> str:
        """Return scheme, host and port as the client should use them."""
        if self._public_url:
            return self._public_url
        if self._behind_proxy:
            return f"{request.forwarded_scheme}://{request.forwarded_host}"
        environ = request.env
        host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        return f"{environ['wsgi.url_scheme']}://{host}"

    def links(self, request: falcon.Request) -> Links:
        """Return the links for this client."""
        base = self.base(request)
        links = self._links.get(base)
        if links is None:
            links = Links(base)
            if len(self._links) < _MOST_BASES:  # a client may send any Host header
                self._links[base] = links
        return links

    def serve(self, request: falcon.Request, response: falcon.Response, work: Work, *, public: bool = False) -> None:
        """Answer with what ``work`` returns for the caller and the microversion, or with its error.

        The token comes first, as with Nova: who is not known learns nothing, not even which paths there are.
        """
        started = time.perf_counter()
        request_id = new_request_id()
        version = microversions.FIRST
        try:
            context = None if public else self._context(request, request_id)
            environ = request.env
            version = microversions.parse(
                environ.get("HTTP_OPENSTACK_API_VERSION"), environ.get("HTTP_X_OPENSTACK_NOVA_API_VERSION")
            )
            code, body, headers = work(context, version)
            data = b"" if body is None else _encode(body)
        except Exception as error:
            code, headers, data = faults.answer(error, request_id)
        _write(response, code, data, (*microversions.response_headers(version), *_ids(request_id), *headers))
        if ACCESS_LOG.isEnabledFor(logging.INFO):
            ACCESS_LOG.info(
                '%s "%s %s" status: %s len: %s microversion: 2.%s time: %.4f',
                request_id, request.method, request.path, code, len(data), version, time.perf_counter() - started,
            )  # fmt: skip

    def _context(self, request: falcon.Request, request_id: str) -> RequestContext:
        context = self.services.validate_token(request.env.get("HTTP_X_AUTH_TOKEN"))
        if context is None:
            challenge = (("WWW-Authenticate", f'Keystone uri="{self.base(request)}/v3"'),)
            raise HttpError(401, "The request you have made requires authentication.", headers=challenge)
        if not context.project_id:
            raise HttpError(403, "The token is not for a project. Log in to one.")
        return msgspec.structs.replace(context, request_id=request_id)


def _ids(request_id: str) -> tuple[tuple[str, str], ...]:
    return (("x-openstack-request-id", request_id), ("x-compute-request-id", request_id))


def _write(response: falcon.Response, code: int, data: bytes, headers: Iterable[tuple[str, str]]) -> None:
    response.status = faults.status_line(code)
    response.data = data
    response.set_headers(headers)


class Endpoint:
    """All methods of one path. A method that the path does not have is not found, as with Nova."""

    def __init__(self, front: Front, routes: Sequence[Route], actions: Sequence[Action]):
        self._front = front
        self._limit: int = front.services.conf.api.max_request_body_size
        self._routes: dict[str, list[Route]] = defaultdict(list)
        self._actions: dict[str, list[Action]] = defaultdict(list)
        for route in routes:
            self._routes[route.method].append(route)
        for action in actions:
            self._actions[action.key].append(action)

    def respond(self, request: falcon.Request, response: falcon.Response, **fields: str) -> None:
        """Answer a request; ``fields`` are the variable parts of the path."""
        self._front.serve(request, response, functools.partial(self.carry_out, request, fields))

    on_get = on_post = on_put = on_delete = on_patch = on_head = on_options = respond

    def carry_out(
        self, request: falcon.Request, fields: dict[str, str], context: RequestContext, version: int
    ) -> Outcome:
        """Find the row of the table, ask the policy, check query and body, and call the handler."""
        if any("\x00" in value for value in fields.values()):
            raise faults.not_found()
        body = None
        if self._actions and request.method == "POST":
            body = body_of(request.env, self._limit)
            row: Route | Action = _at(version, self._action_rows(body))
        else:
            row = _at(version, self._routes.get(request.method))
        authorize(self._front.services.enforcer, context, row.rule)
        call = Call(
            self._front.services,
            context,
            version=version,
            links=self._front.links(request),
            query=query_of(request.env),
        )
        if isinstance(row, Route) and row.query is not None:
            check_query(row.query, version, call.query)
        if row.body is not None:
            call.body = body_of(request.env, self._limit) if body is None else body
            check_body(row.body, version, call.body)
        return row.status, row.handler(call, **fields), call.headers

    def _action_rows(self, body: object) -> Sequence[Action]:
        if not isinstance(body, dict) or not body:
            raise InvalidInput("Malformed request body")
        key = next(iter(body))
        if key not in self._actions:
            raise InvalidInput(f"There is no such action: {key}")
        return self._actions[key]


def _at(version: int, rows: Sequence[Route] | Sequence[Action] | None) -> Route | Action:
    if rows is None:
        raise faults.not_found()
    for row in rows:
        if row.since <= version <= row.until:
            return row
    raise HttpError(404, f"API version 2.{version} is not supported on this method.")


class Versions:
    """The version documents, which ask for no token."""

    def __init__(self, front: Front, code: int, document: Callable[[str], dict[str, object]]):
        self._front = front
        self._code = code
        self._document = document

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer with the document."""
        base = self._front.base(request)
        self._front.serve(
            request, response, lambda _context, _version: (self._code, self._document(base), ()), public=True
        )


def build_app(services: ApiServices) -> falcon.App:
    """Return the compute API as a WSGI application for the paths ``/compute`` and below, not shifted."""
    front = Front(services)
    app = falcon.App()
    for path, code, document in ((PREFIX, 300, versions.choices), (VERSION_PREFIX, 200, versions.current)):
        for variant in (path, path + "/"):
            app.add_route(variant, Versions(front, code, document))
    for path in dict.fromkeys(row.path for row in (*ROUTES, *ACTIONS)):
        routes = [row for row in ROUTES if row.path == path]
        actions = [row for row in ACTIONS if row.path == path]
        app.add_route(VERSION_PREFIX + path.replace("{path}", "{path:path}"), Endpoint(front, routes, actions))
    app.add_sink(functools.partial(_no_such_path, front), "/")
    app.add_error_handler(falcon.HTTPError, _outside)
    return app


def _no_such_path(front: Front, request: falcon.Request, response: falcon.Response, **_: str) -> None:
    def work(_context: RequestContext | None, _version: int) -> Outcome:
        raise faults.not_found()

    front.serve(request, response, work)


def _outside(_request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _fields: dict) -> None:
    """Answer in Nova's form what the framework refuses by itself; a method that nothing has is not found."""
    code = 404 if error.status_code == 405 else error.status_code
    message = "The resource could not be found." if code == 404 else error.description or error.title or ""
    request_id = new_request_id()
    _write(response, code, faults.body(code, message), (*microversions.response_headers(1), *_ids(request_id)))
