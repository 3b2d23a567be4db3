"""Flavors, their extra specs and who may use them."""

import pytest

DETAIL = {
    "id", "name", "links", "ram", "disk", "vcpus", "swap", "OS-FLV-EXT-DATA:ephemeral", "OS-FLV-DISABLED:disabled",
    "os-flavor-access:is_public", "rxtx_factor",
}  # fmt: skip
NEW = {"flavor": {"name": "new", "ram": 256, "vcpus": 2, "disk": "10"}}


@pytest.mark.parametrize(
    ("mv", "more"),
    [("2.1", set()), ("2.55", {"description"}), ("2.61", {"description", "extra_specs"})],
)
def test_keys_by_microversion(cloud, mv, more):
    for flavor in (
        cloud.get("/flavors/2", mv=mv).json["flavor"],
        cloud.get("/flavors/detail", mv=mv).json["flavors"][0],
        cloud.post("/flavors", NEW, mv=mv, token="admin").json["flavor"],
    ):
        assert set(flavor) == DETAIL | more
    assert set(cloud.get("/flavors", mv=mv).json["flavors"][0]) == {"id", "name", "links"} | (more & {"description"})


def test_swap_is_text_before_2_75_when_there_is_none(cloud):
    assert cloud.get("/flavors/1", mv="2.74").json["flavor"]["swap"] == ""
    assert cloud.get("/flavors/1", mv="2.75").json["flavor"]["swap"] == 0


def test_create_show_describe_delete(cloud):
    made = cloud.post("/flavors", NEW, token="admin")
    assert made.status_code == 200
    flavor = made.json["flavor"]
    assert (flavor["ram"], flavor["disk"], flavor["os-flavor-access:is_public"]) == (256, 10, True)
    described = cloud.put(f"/flavors/{flavor['id']}", {"flavor": {"description": "x"}}, token="admin")
    assert described.json["flavor"]["description"] == "x"
    assert cloud.put("/flavors/1", {"flavor": {"description": "x"}}, token="admin", mv="2.54").status_code == 404
    assert cloud.delete(f"/flavors/{flavor['id']}", token="admin").status_code == 202
    assert cloud.get(f"/flavors/{flavor['id']}").status_code == 404
    assert cloud.delete(f"/flavors/{flavor['id']}", token="admin").status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "small"}, 409),
        ({"id": "1"}, 409),
        ({"ram": 0}, 400),
        ({"ram": "0"}, 400),
        ({"ram": 2**31}, 400),
        ({"vcpus": "4294967296"}, 400),
        ({"vcpus": -1}, 400),
        ({"id": " x"}, 400),
        ({"rxtx_factor": 0}, 400),
        ({"nonsense": 1}, 400),
        ({"id": None}, 200),
        ({"id": 77}, 200),
        ({"swap": "512", "OS-FLV-EXT-DATA:ephemeral": 3}, 200),
    ],
)
def test_create_checks(cloud, change, code):
    answer = cloud.post("/flavors", {"flavor": NEW["flavor"] | change}, token="admin")
    assert answer.status_code == code, answer.text


def test_members_do_not_manage_flavors(cloud):
    answer = cloud.post("/flavors", NEW)
    expected = "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed."
    assert answer.json == {"forbidden": {"code": 403, "message": expected}}
    assert cloud.delete("/flavors/1").status_code == 403


def test_lists_filter_sort_and_page(cloud):
    def ids(query: str, **more) -> list[str]:
        return [flavor["id"] for flavor in cloud.get("/flavors/detail", query_string=query, **more).json["flavors"]]

    assert ids("") == ["1", "2", "zero"]
    assert ids("minRam=1024") == ["2"]
    assert ids("minDisk=1") == ["1", "2"]
    assert ids("sort_key=memory_mb&sort_dir=desc")[0] == "2"
    assert ids("is_public=None", token="admin") == ["1", "2", "own", "zero"]
    assert ids("is_public=False", token="admin") == ["own"]
    assert ids("is_public=False") == ["1", "2", "zero"]
    assert ids("limit=1&marker=1") == ["2"]
    page = cloud.get("/flavors", query_string="limit=1").json
    assert "marker=1" in page["flavors_links"][0]["href"]
    for bad in ("minRam=x", "marker=nope", "sort_key=x", "limit=-1"):
        assert cloud.get("/flavors", query_string=bad).status_code == 400
    assert cloud.get("/flavors", query_string="is_public=maybe", token="admin").status_code == 400


def test_extra_specs(cloud):
    base = "/flavors/1/os-extra_specs"
    assert cloud.post(base, {"extra_specs": {"a": "1", "b": 2}}, token="admin").json == {
        "extra_specs": {"a": "1", "b": 2}
    }
    assert cloud.get(base).json == {"extra_specs": {"a": "1", "b": "2"}}
    assert cloud.put(f"{base}/a", {"a": "3"}, token="admin").json == {"a": "3"}
    assert cloud.get(f"{base}/a").json == {"a": "3"}
    assert cloud.put(f"{base}/a", {"b": "3"}, token="admin").status_code == 400
    assert cloud.put(f"{base}/a", {}, token="admin").status_code == 400
    assert cloud.post(base, {"extra_specs": {"resources:VCPU": "many"}}, token="admin").status_code == 400
    assert cloud.delete(f"{base}/a", token="admin").status_code == 200
    assert cloud.get(f"{base}/a").status_code == 404
    assert cloud.delete(f"{base}/a", token="admin").status_code == 404
    assert cloud.post(base, {"extra_specs": {"c": "1"}}).status_code == 403
    assert cloud.get("/flavors/nope/os-extra_specs").status_code == 404


def test_a_new_extra_spec_reaches_the_next_server(cloud):
    cloud.boot()
    cloud.post("/flavors/1/os-extra_specs", {"extra_specs": {"x": "1"}}, token="admin")
    server_id = cloud.boot()
    assert cloud.get(f"/servers/{server_id}").json["server"]["flavor"]["extra_specs"] == {"x": "1"}


def test_access_to_private_flavors(cloud):
    act = "/flavors/own/action"
    assert cloud.get("/flavors/own").status_code == 404
    body = {"server": {"name": "vm", "imageRef": "aaaaaaaa-0000-4000-8000-000000000001", "flavorRef": "own"}}
    assert cloud.post("/servers", body, mv="2.1").status_code == 400
    granted = cloud.post(act, {"addTenantAccess": {"tenant": "p-one"}}, token="admin")
    assert granted.status_code == 200
    assert granted.json == {"flavor_access": [{"flavor_id": "own", "tenant_id": "p-one"}]}
    assert cloud.get("/flavors/own/os-flavor-access", token="admin").json == granted.json
    assert cloud.get("/flavors/own").status_code == 200
    assert cloud.post("/servers", body, mv="2.1").status_code == 202
    assert cloud.post(act, {"addTenantAccess": {"tenant": "p-one"}}, token="admin").status_code == 409
    assert cloud.post(act, {"removeTenantAccess": {"tenant": "p-one"}}, token="admin").json == {"flavor_access": []}
    assert cloud.post(act, {"removeTenantAccess": {"tenant": "p-one"}}, token="admin").status_code == 404
    assert cloud.post("/flavors/1/action", {"addTenantAccess": {"tenant": "p"}}, token="admin").status_code == 409
    assert cloud.get("/flavors/1/os-flavor-access", token="admin").status_code == 404
    assert cloud.get("/flavors/own/os-flavor-access").status_code == 403
