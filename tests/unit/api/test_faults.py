"""Errors become codes and bodies."""

import inspect

import msgspec
import pytest

from corenova import exceptions
from corenova.api import faults

EXPECTED = {
    exceptions.InvalidInput: 400,
    exceptions.Forbidden: 403,
    exceptions.OverQuota: 403,
    exceptions.Vetoed: 403,
    exceptions.NotFound: 404,
    exceptions.Conflict: 409,
    exceptions.InstanceInvalidState: 409,
    exceptions.TooLarge: 413,
    exceptions.NotImplementedByDriver: 501,
    exceptions.Unavailable: 503,
    exceptions.BackendFault: 503,
}


@pytest.mark.parametrize("kind", [k for _, k in inspect.getmembers(exceptions, inspect.isclass)])
def test_every_error_of_the_tree_has_its_code(kind):
    code = faults.code_of(kind("words"))
    assert code == EXPECTED.get(kind, 500)


def test_the_body_is_novas():
    code, headers, body = faults.answer(exceptions.NotFound("Gone."), "req-1")
    assert (code, headers) == (404, ())
    assert msgspec.json.decode(body) == {"itemNotFound": {"code": 404, "message": "Gone."}}


def test_unforeseen_errors_keep_their_words():
    code, _, body = faults.answer(KeyError("secret"), "req-1")
    assert code == 500
    assert b"secret" not in body
    assert b"req-1" in body


def test_unavailable_says_when_to_come_back():
    _, headers, _ = faults.answer(exceptions.Unavailable("Away."), "req-1")
    assert headers == (("Retry-After", "1"),)
