"""The OpenAPI 3.1 document of the compute API, made of the route table and its schemas: nothing is written twice.

``corenova-manage openapi`` prints it; docs/openapi.json is that text, and a test holds the two together. Schemas are
those of the last microversion of each row.
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from corenova.api.faults import NAMES
from corenova.api.links import VERSION_PREFIX
from corenova.api.microversions import FIRST, HEADERS, LATEST
from corenova.api.routes import ACTIONS, ROUTES, Action, Route
from corenova.api.validation import Schema

_FIELD = re.compile(r"{(\w+)}")
_ERRORS = (400, 401, 403, 404, 409, 413, 415, 500, 503)


def build() -> Schema:
    """Return the document."""
    paths: dict[str, dict[str, Schema]] = defaultdict(dict)
    for route in ROUTES:
        paths[VERSION_PREFIX + route.path][route.method.lower()] = _operation(route)
    by_path: dict[str, list[Action]] = defaultdict(list)
    for action in ACTIONS:
        by_path[action.path].append(action)
    for path, actions in by_path.items():
        paths[VERSION_PREFIX + path]["post"] = _actions(path, actions)
    for path, operations in paths.items():
        operations["parameters"] = [_path_parameter(name) for name in _FIELD.findall(path)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "corenova compute API",
            "version": f"2.{LATEST}",
            "description": "The OpenStack Compute API as corenova speaks it. Answers depend on the microversion.",
        },
        "security": [{"token": []}],
        "paths": dict(sorted(paths.items())),
        "components": _components(),
    }


def render() -> str:
    """Return the document as text, the same for the same table."""
    return msgspec.json.format(msgspec.json.encode(build(), order="sorted"), indent=2).decode() + "\n"


def _operation(route: Route) -> Schema:
    operation = _described(route) | {
        "operationId": _operation_id(route),
        "parameters": [{"$ref": "#/components/parameters/microversion"}],
        "responses": _responses([route.status]),
    }
    if route.query is not None:
        operation["parameters"] += _query_parameters(route)
    if route.body is not None:
        operation["requestBody"] = _content(route.body(route.until))
    return operation


def _described(row: Route | Action) -> Schema:
    summary, _, more = (inspect.getdoc(row.handler) or "").partition("\n")
    return {
        "summary": summary,
        "description": "\n\n".join(filter(None, [more.strip(), _facts(row)])),
        "x-policy": row.rule,
        "x-openstack": {"min-ver": f"2.{row.since}", "max-ver": f"2.{row.until}"},
    }


def _facts(row: Route | Action) -> str:
    """Say in words what generators find in the ``x-`` fields and in the schema."""
    facts = f"Policy ``{row.rule}``. Microversions 2.{row.since} to 2.{row.until}."
    keys = "; ".join(_keys(row.body(row.until))) if row.body is not None else ""
    return f"{facts} Body: {keys}." if keys else facts


def _keys(schema: Schema) -> Iterator[str]:
    """Yield one phrase for each key of a body: its name, and the names of what is in it."""
    for name, inner in schema.get("properties", {}).items():
        names = ", ".join(f"``{each}``" for each in inner.get("properties", {}))
        yield f"``{name}`` with {names}" if names else f"``{name}``"


def _operation_id(row: Route | Action) -> str:
    return f"{row.handler.__module__.rpartition('.')[2]}.{row.handler.__name__}"


def _actions(path: str, actions: list[Action]) -> Schema:
    return {
        "operationId": f"action.{path.split('/')[1]}",
        "summary": "Carry out one of: " + ", ".join(action.key for action in actions) + ".",
        "description": "\n".join(f"- {_facts(action)}" for action in actions),
        "parameters": [{"$ref": "#/components/parameters/microversion"}],
        "requestBody": _content({"oneOf": [action.body(action.until) for action in actions]}),
        "responses": _responses(sorted({action.status for action in actions})),
        "x-actions": {action.key: _described(action) for action in actions},
    }


def _content(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _query_parameters(route: Route) -> list[Schema]:
    properties = route.query(route.until)["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in sorted(properties.items())]


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _responses(codes: list[int]) -> Schema:
    answers: Schema = {str(code): {"description": "Accepted, or done."} for code in codes}
    return answers | {str(code): {"$ref": f"#/components/responses/{_error_name(code)}"} for code in _ERRORS}


def _error_name(code: int) -> str:
    return NAMES.get(code, "computeFault")


def _components() -> Schema:
    return {
        "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        "parameters": {
            "microversion": {
                "name": HEADERS[0],
                "in": "header",
                "description": f"The microversion, as 'compute 2.1'. Default 2.{FIRST}, at most 2.{LATEST}.",
                "schema": {"type": "string"},
            }
        },
        "responses": {_error_name(code): _error(_error_name(code)) for code in _ERRORS},
    }


def _error(name: str) -> Schema:
    properties = {"code": {"type": "integer"}, "message": {"type": "string"}}
    inner = {"type": "object", "properties": properties, "required": ["code", "message"]}
    body = {"type": "object", "properties": {name: inner}, "required": [name]}
    return {"description": name, "content": {"application/json": {"schema": body}}}
