"""docs/openapi.json is what the route table says."""

from pathlib import Path

import msgspec

from corenova.api import openapi
from corenova.api.links import VERSION_PREFIX
from corenova.api.routes import ACTIONS, ROUTES

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_document_has_not_drifted():
    assert DOCUMENT.read_text() == openapi.render(), "run: corenova-manage openapi > docs/openapi.json"


def test_every_row_is_in_the_document():
    document = msgspec.json.decode(openapi.render())
    for row in ROUTES:
        assert row.method.lower() in document["paths"][VERSION_PREFIX + row.path]
    for row in ACTIONS:
        assert row.key in document["paths"][VERSION_PREFIX + row.path]["post"]["x-actions"]


def test_operation_ids_are_unique():
    paths = openapi.build()["paths"].values()
    names = [op["operationId"] for path in paths for key, op in path.items() if key != "parameters"]
    assert len(names) == len(set(names))
