"""Every route, as another project: what is not shared with it is not found, whatever it tries."""

import json

import pytest

from corenova.image.policy import PUBLIC
from corenova.image.routes import ROUTES
from tests.functional.image.conftest import BYTES, PATCH

OF_IMAGES = [route for route in ROUTES if "{image_id}" in route.path]
BODIES = {
    "PATCH": (json.dumps([{"op": "replace", "path": "/name", "value": "x"}]), PATCH),
    "POST": ('{"member": "blue"}', "application/json"),
    "PUT": ('{"status": "accepted"}', "application/json"),
}


def request(route, image_id, who):
    body, kind = BODIES.get(route.method, (None, None))
    if route.is_streamed:
        body, kind = "bytes", BYTES
    path = route.path.format(image_id=image_id, tag="t", member_id="blue")
    headers = {"Content-Type": kind} if kind else {}
    return route.method, path, {"body": body, "headers": {"X-Auth-Token": who, **headers}}


def test_all_routes_of_images_are_tried():
    assert len(OF_IMAGES) >= 14


@pytest.mark.parametrize("visibility", ["private", "shared"])
@pytest.mark.parametrize("route", OF_IMAGES, ids=lambda route: f"{route.method} {route.path}")
def test_a_strangers_image_is_not_found(images, route, visibility):
    image_id = images.stored(visibility=visibility, tags=["t"])
    before = images.show(image_id)
    method, path, more = request(route, image_id, "blue")
    assert images.http.simulate_request(method, f"/image{path}", **more).status_code == 404
    assert images.show(image_id) == before
    assert len(images.files()) == 1


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_nobody_gets_anything(images, route):
    image_id = images.stored()
    for token in ("", "nonsense", "unscoped"):
        method, path, more = request(route, image_id, token)
        response = images.http.simulate_request(method, f"/image{path}", **more)
        assert response.status_code == (300 if route.rule == PUBLIC else 401)
    assert images.show(image_id)["status"] == "active"


def test_a_reader_only_reads(images):
    image_id = images.stored(visibility="shared")
    for route in ROUTES:
        if route.method in ("PATCH", "POST", "PUT", "DELETE"):
            method, path, more = request(route, image_id, "reader")
            assert images.http.simulate_request(method, f"/image{path}", **more).status_code == 403, path
    assert images.ask("reader", "GET", f"/v2/images/{image_id}/file").content == b"bytes"


def test_lists_show_nothing_of_strangers(images):
    images.stored(visibility="private", tags=["t"], hw_x="1")
    for query in ("", "?visibility=all", "?owner=red", "?tag=t", "?hw_x=1", "?member_status=all", "?os_hidden=true"):
        assert "one" not in images.names("blue", query)
