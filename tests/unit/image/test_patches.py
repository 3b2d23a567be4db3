"""JSON patches of images, apart from any image."""

import pytest

from corenova.exceptions import Conflict, Forbidden, InvalidInput
from corenova.image import patches
from corenova.image.faults import UnsupportedMediaType

V21 = "application/openstack-images-v2.1-json-patch"
V20 = "application/openstack-images-v2.0-json-patch"


def patched(document, *steps, kind=V21):
    return patches.apply(patches.read(kind, lambda: list(steps)), document)


def test_a_property_comes_changes_and_goes():
    document = {"name": "a", "hw_x": "1"}
    assert patched(document, {"op": "add", "path": "/hw_y", "value": "2"})["hw_y"] == "2"
    assert patched(document, {"op": "add", "path": "/hw_x", "value": "2"})["hw_x"] == "2"
    assert patched(document, {"op": "replace", "path": "/name", "value": None})["name"] is None
    assert patched(document, {"op": "remove", "path": "/hw_x"}) == {"name": "a"}
    assert patched(document, {"add": "/hw_y", "value": "2"}, kind=V20)["hw_y"] == "2"
    assert document == {"name": "a", "hw_x": "1"}


def test_steps_see_each_other():
    steps = ({"op": "add", "path": "/x", "value": "1"}, {"op": "replace", "path": "/x", "value": "2"})
    assert patched({}, *steps) == {"x": "2"}


def test_names_with_slashes():
    assert patched({}, {"op": "add", "path": "/a~1b~0c~01", "value": "1"}) == {"a/b~c~1": "1"}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"op": "replace", "path": "/hw_x", "value": "1"}, Conflict),
        ({"op": "remove", "path": "/hw_x"}, Conflict),
        ({"op": "remove", "path": "/name"}, Forbidden),
        ({"op": "replace", "path": "/status", "value": "active"}, Forbidden),
        ({"op": "add", "path": "/id", "value": "1"}, Forbidden),
        ({"op": "move", "path": "/name", "from": "/x"}, InvalidInput),
        ({"op": "add", "path": "/hw_x"}, InvalidInput),
        ({"op": "add", "path": "hw_x", "value": "1"}, InvalidInput),
        ({"op": "add", "path": "/", "value": "1"}, InvalidInput),
        ({"op": "add", "path": "/a/b", "value": "1"}, InvalidInput),
        ({"op": "add", "path": "/a~2", "value": "1"}, InvalidInput),
        ({"op": "add", "path": 5, "value": "1"}, InvalidInput),
        ({"op": ["add"], "path": "/a", "value": "1"}, InvalidInput),
        ({}, InvalidInput),
        ("add", InvalidInput),
    ],
)
def test_what_cannot_be_done(step, kind):
    with pytest.raises(kind):
        patched({"name": "a"}, step)


def test_what_is_no_patch():
    for kind in (None, "application/json", "text/plain"):
        with pytest.raises(UnsupportedMediaType):
            patches.read(kind, list)
    with pytest.raises(InvalidInput):
        patches.read(V21, dict)
