"""Request schemas: every one compiles at every microversion, and refusals are worded as Nova words them."""

import pytest

from corenova.api.routes import ACTIONS, ROUTES
from corenova.api.schemas import servers
from corenova.api.validation import check_body, check_query
from corenova.exceptions import InvalidInput

SCHEMAS = {row.body for row in (*ROUTES, *ACTIONS) if row.body} | {row.query for row in ROUTES if row.query}
GOOD = {"name": "vm", "flavorRef": 1, "imageRef": "aaaaaaaa-0000-4000-8000-000000000001"}


@pytest.mark.parametrize(
    "schema_of", sorted(SCHEMAS, key=repr), ids=lambda f: f"{f.__module__.split('.')[-1]}.{f.__name__}"
)
def test_every_schema_compiles_and_words_a_refusal(schema_of):
    for version in range(1, 97):
        with pytest.raises(InvalidInput):
            check_body(schema_of, version, 5)


@pytest.mark.parametrize(
    ("key", "value", "first", "last"),
    [
        ("personality", [], 1, 56),
        ("description", "why", 19, 96),
        ("tags", ["a"], 52, 96),
        ("trusted_image_certificates", ["a"], 63, 96),
        ("host", "host1", 74, 96),
        ("hypervisor_hostname", "host1", 74, 96),
        ("hostname", "vm-1", 90, 96),
        ("hostname", "vm.example.org", 94, 96),
        ("networks", "auto", 37, 96),
    ],
)
def test_keys_of_create_come_and_go(key, value, first, last):
    for version in range(1, 97):
        server = GOOD | ({"networks": "none"} if version >= 37 else {}) | {key: value}
        if first <= version <= last:
            check_body(servers.create, version, {"server": server})
        else:
            with pytest.raises(InvalidInput):
                check_body(servers.create, version, {"server": server})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'server' is a required property"),
        ({"server": {}}, "Invalid input for field/attribute server. Value: {}. 'name' is a required property"),
        (
            {"server": GOOD | {"min_count": "x"}},
            "Invalid input for field/attribute min_count. Value: x. 'x' does not match",
        ),
        (
            {"server": GOOD | {"key_name": 1}},
            "Invalid input for field/attribute key_name. Value: 1. 1 is not of type 'string'",
        ),
        ({"server": GOOD | {"name": "a\n"}}, "An invalid 'name' value was provided. The name must be: printable"),
        ({"server": GOOD, "more": 1}, "Additional properties are not allowed ('more' was unexpected)"),
    ],
)
def test_words(body, words):
    with pytest.raises(InvalidInput) as error:
        check_body(servers.create, 1, body)
    assert str(error.value).startswith(words)


def test_words_of_a_query():
    with pytest.raises(InvalidInput) as error:
        check_query(servers.index_query, 1, {"limit": ["x"]})
    assert str(error.value).startswith("Invalid input for query parameters limit. Value: x. 'x' does not match")
