"""The reading side of the image API."""

import jsonschema
import pytest

from corenova.exceptions import InvalidInput, NotFound
from corenova.image.store import seed


def test_versions_need_no_token(images):
    for path in ("/image", "/image/", "/image/v2", "/image/v2/"):
        response = images.http.simulate_get(path)
        assert response.status_code == 300
        assert response.json["versions"][0]["status"] == "CURRENT"
        assert response.json["versions"][0]["links"][0]["href"].endswith("/image/v2/")


def test_all_else_needs_one(images):
    for path in ("/v2/images", "/v2/images/x", "/v2/schemas/image"):
        for token in ("", "nonsense", "unscoped"):
            assert images.get(token, path, 401)["error"]["code"] == 401


def test_the_first_image(images):
    [cirros] = images.get("red", "/v2/images")["images"]
    assert images.get("red", f"/v2/images/{cirros['id']}") == cirros
    schema = images.get("red", "/v2/schemas/image")
    jsonschema.validate(cirros, {**schema, "additionalProperties": False})
    assert set(cirros) == set(schema["properties"])
    assert images.get("red", "/v2/schemas/images")["name"] == "images"
    expected = {
        "name": "cirros", "status": "active", "visibility": "public", "owner": "admin", "disk_format": "qcow2",
        "min_disk": 0, "min_ram": 0, "checksum": None, "file": f"/v2/images/{cirros['id']}/file",
    }  # fmt: skip
    assert {key: cirros[key] for key in expected} == expected
    seed(images.db, "admin")
    assert images.names("red") == ["cirros"]


def test_a_name_is_no_id(images):
    assert images.get("red", "/v2/images/cirros", 404)["error"]["code"] == 404


def test_who_sees_what(images):
    private, community = images.add(1), images.add(2, visibility="community")
    assert images.names("red") == ["image 2", "image 1", "cirros"]
    assert images.names("blue") == ["cirros"]
    assert images.names("blue", "?visibility=community") == ["image 2"]
    assert images.names("blue", "?visibility=all") == ["image 2", "cirros"]
    assert images.names("blue", "?visibility=private") == []
    assert images.names("root", "?visibility=private") == ["image 1"]
    images.get("blue", f"/v2/images/{private}", 404)
    images.get("blue", f"/v2/images/{community}", 200)
    images.get("root", f"/v2/images/{private}", 200)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?name=a", ["a"]),
        ("?name=A", []),
        ("?name=in:a,\"b,c\"", ["b,c", "a"]),
        ("?id=in:00000000-0000-0000-0000-000000000001,nonsense", ["a"]),
        ("?status=queued", ["b,c"]),
        ("?status=in:queued,active&owner=red", ["b,c", "a"]),
        ("?disk_format=qcow2", ["cirros"]),
        ("?size_min=10", ["b,c"]),
        ("?size_max=9", ["a", "cirros"]),
        ("?min_ram=0&min_disk=2", ["a"]),
        ("?tag=x", []),
        ("?protected=true", []),
        ("?protected=false&os_hidden=false", ["b,c", "a", "cirros"]),
        ("?hw_rng_model=virtio", ["a"]),
        ("?hw_rng_model=virti%25", []),
        ("?sort=name:asc", ["a", "b,c", "cirros"]),
        ("?sort=status:asc,name:desc", ["cirros", "a", "b,c"]),
        ("?sort_key=size&sort_dir=asc", ["cirros", "a", "b,c"]),
        ("?sort_key=status&sort_key=name&sort_dir=desc&sort_dir=asc", ["b,c", "a", "cirros"]),
    ],
)  # fmt: skip
def test_filters_and_order(images, query, names):
    images.add(1, name="a", size=5, min_disk=2, properties={"hw_rng_model": "virtio"})
    images.add(2, name="b,c", size=50, status="queued")
    assert images.names("red", query) == names


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "marker=x", "sort=nonsense", "sort=name:up", "sort_dir=up", "visibility=x", "size_min=x",
     "sort=name&sort_key=id", "sort_dir=asc&sort_dir=asc", "min_ram=%C2%B2"],
)  # fmt: skip
def test_queries_that_mean_nothing(images, query):
    assert images.get("red", f"/v2/images?{query}", 400)["error"]["code"] == 400


@pytest.mark.parametrize("sort", ["", "&sort=size:asc", "&sort=status,size:asc", "&sort=name:desc"])
def test_pages(images, sort):
    for number in range(7):
        images.add(number, status="active" if number % 2 else "queued", size=number % 3 or None)
    whole = images.names("red", f"?limit=100{sort}")
    assert len(whole) == 8
    found, path = [], f"/v2/images?limit=3{sort}"
    while path:
        body = images.get("red", path)
        found += [image["name"] for image in body["images"]]
        path = body.get("next")
    assert found == whole
    assert images.get("red", "/v2/images?limit=0")["images"] == []


def test_a_method_that_a_path_does_not_have_is_refused_cleanly(images):
    for method, path in (("PUT", "/v2/images"), ("POST", "/v2/images/x"), ("DELETE", "/v2/schemas/image")):
        response = images.http.simulate_request(method, f"/image{path}", headers={"X-Auth-Token": "root"})
        assert (response.status_code, response.json["error"]["code"]) == (405, 405)
        assert "GET" in response.headers["Allow"]


def test_find_image_is_what_a_server_boots_from(images):
    uuid = images.add(1, min_disk=3, min_ram=4, size=5, properties={"hw_disk_bus": "scsi"})
    meta = images.store.find_image(uuid, "red")
    assert (meta.id, meta.name, meta.min_disk, meta.min_ram, meta.size) == (uuid, "image 1", 3, 4, 5)
    assert meta.properties == {"hw_disk_bus": "scsi"}
    assert images.store.find_image(uuid, "red") is meta, "remembered"
    assert images.store.find_image(uuid, "blue", is_admin=True) is meta
    with pytest.raises(NotFound):
        images.store.find_image(uuid, "blue")
    with pytest.raises(NotFound):
        images.store.find_image("cirros", "red")
    with pytest.raises(InvalidInput, match="not active"):
        images.store.find_image(images.add(2, status="queued"), "red")
