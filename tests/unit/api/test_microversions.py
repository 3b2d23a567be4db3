"""Which microversion a request speaks."""

import pytest

from corenova.api.faults import HttpError
from corenova.api.microversions import parse, response_headers


@pytest.mark.parametrize(
    ("standard", "legacy", "minor"),
    [
        (None, None, 1),
        ("compute 2.53", None, 53),
        ("compute 2.53", "2.10", 53),
        (None, "2.10", 10),
        ("identity 3.1", None, 1),
        ("identity 3.1, compute 2.7", None, 7),
        ("identity 3.1", "2.10", 10),
        ("compute latest", None, 96),
        (None, "latest", 96),
    ],
)
def test_parse(standard, legacy, minor):
    assert parse(standard, legacy) == minor


@pytest.mark.parametrize(
    ("text", "code"),
    [("2.97", 406), ("2.0", 406), ("1.1", 406), ("2.999999999999999", 400), ("x", 400), ("2.1.3", 400), ("٢.١", 400)],
)
def test_refuse(text, code):
    with pytest.raises(HttpError) as error:
        parse(f"compute {text}", None)
    assert error.value.code == code


def test_both_headers_are_echoed():
    assert dict(response_headers(37)) == {
        "OpenStack-API-Version": "compute 2.37",
        "X-OpenStack-Nova-API-Version": "2.37",
        "Vary": "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
    }
