"""Request bodies and query strings against the schema of their microversion.

fastjsonschema says yes in microseconds; when it says no, jsonschema is asked for the words (and has the last word).
A schema is built and compiled when its route is first used, not at import, so a process starts fast.
"""

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from corenova.api.formats import FORMATS, RULES
from corenova.exceptions import InvalidInput

Schema = dict[str, Any]
SchemaOf = Callable[[int], Schema]
"""Given a microversion's minor, the schema of a body or a query string at that microversion."""

_encode = msgspec.json.Encoder(order="sorted").encode


def check_body(schema_of: SchemaOf, version: int, body: object) -> None:
    """Raise InvalidInput, in Nova's words, unless ``body`` is what ``schema_of`` wants at ``version``."""
    check = _compiled(schema_of, version)
    if not check(body):
        _refuse(schema_of(version), body, is_body=True)


def check_query(schema_of: SchemaOf, version: int, query: dict[str, list[str]]) -> None:
    """Raise InvalidInput, in Nova's words, unless ``query`` is what ``schema_of`` wants at ``version``."""
    check = _compiled(schema_of, version)
    if not check(query):
        _refuse(schema_of(version), query, is_body=False)


@functools.cache
def _compiled(schema_of: SchemaOf, version: int) -> Callable[[object], bool]:
    # Most microversions do not change a given schema: equal schemas share what was compiled.
    return _compile(_encode(schema_of(version)))


@functools.cache
def _compile(text: bytes) -> Callable[[object], bool]:
    import fastjsonschema

    compiled = fastjsonschema.compile(msgspec.json.decode(text), formats=FORMATS, use_default=False)
    refusal = fastjsonschema.JsonSchemaValueException

    def check(document: object) -> bool:
        try:
            compiled(document)
        except refusal:
            return False
        return True

    return check


def _refuse(schema: Schema, document: object, *, is_body: bool) -> None:
    import jsonschema

    checker = jsonschema.FormatChecker(formats=())
    for name, check in FORMATS.items():
        checker.checks(name)(functools.partial(_fits, check))
    error = next(jsonschema.Draft202012Validator(schema, format_checker=checker).iter_errors(document), None)
    if error is not None:
        _raise(error, is_body=is_body)


def _fits(check: Callable[[str], bool], value: object) -> bool:
    return not isinstance(value, str) or check(value)


def _raise(error: Exception, *, is_body: bool) -> NoReturn:
    if error.validator == "format" and error.validator_value in RULES:
        raise InvalidInput(f"An invalid 'name' value was provided. The name must be: {RULES[error.validator_value]}")
    path = list(error.path)
    if not path:
        raise InvalidInput(error.message)
    if is_body:
        raise InvalidInput(f"Invalid input for field/attribute {path[-1]}. Value: {error.instance}. {error.message}")
    raise InvalidInput(f"Invalid input for query parameters {path[0]}. Value: {error.instance}. {error.message}")
