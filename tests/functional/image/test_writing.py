"""Images come, change, are shared and go, over HTTP and as Glance answers."""

import jsonschema
import pytest

from tests.functional.image.conftest import PATCH

UUID = "6b1f5f3e-2f0a-4c1b-9d55-0c6d8a1f7e21"


def test_a_new_image_is_queued_and_its_makers(images):
    wanted = {
        "id": UUID, "name": "one", "disk_format": "qcow2", "container_format": "bare", "min_disk": 2, "min_ram": 512,
        "protected": True, "os_hidden": False, "tags": ["a", "b", "a"], "visibility": "private", "hw_disk_bus": "scsi",
        "owner_specified.openstack.md5": "",
    }  # fmt: skip
    response = images.ask("red", "POST", "/v2/images", 201, json=wanted)
    assert response.headers["Location"].endswith(f"/image/v2/images/{UUID}")
    made = response.json
    assert made == images.show(UUID)
    assert {**wanted, "tags": ["a", "b"], "status": "queued", "owner": "red", "size": None} == {
        name: made[name] for name in (*wanted, "status", "owner", "size")
    }
    jsonschema.validate(made, images.get("red", "/v2/schemas/image"))


def test_what_need_not_be_said(images):
    made = images.ask("red", "POST", "/v2/images", 201, json={}).json
    assert (made["name"], made["disk_format"], made["container_format"]) == (None, None, None)
    assert (made["visibility"], made["protected"], made["tags"]) == ("shared", False, [])
    assert made["id"] in [image["id"] for image in images.get("red", "/v2/images")["images"]]


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"name": "a" * 256}, 400),
        ({"name": 5}, 400),
        ({"disk_format": "floppy"}, 400),
        ({"container_format": "box"}, 400),
        ({"visibility": "secret"}, 400),
        ({"min_disk": -1}, 400),
        ({"min_ram": 2**31}, 400),
        ({"min_disk": "1"}, 400),
        ({"protected": "yes"}, 400),
        ({"tags": "a"}, 400),
        ({"tags": ["a" * 256]}, 400),
        ({"hw_x": 5}, 400),
        ({"hw_x": None}, 400),
        ({"x" * 256: "1"}, 400),
        ({"hw_x": "nul \x00"}, 400),
        ({"id": "one"}, 400),
        ({"id": f"{UUID}\n"}, 400),
        ({"id": 5}, 400),
        ([], 400),
        ("x", 400),
        ({"status": "active"}, 403),
        ({"size": 5}, 403),
        ({"checksum": "0"}, 403),
        ({"created_at": "now"}, 403),
        ({"locations": []}, 403),
        ({"owner": "blue"}, 403),
        ({"visibility": "public"}, 403),
    ],
)
def test_what_no_image_can_be(images, document, status):
    images.ask("red", "POST", "/v2/images", status, json=document)
    assert images.names("root", "?visibility=all") == ["cirros"]


def test_a_body_that_is_none(images):
    images.ask("red", "POST", "/v2/images", 400, body=b"{")
    images.ask("red", "POST", "/v2/images", 400, body=b"")
    images.ask("red", "POST", "/v2/images", 413, body=b"x" * 200_000)


def test_an_id_is_given_once_for_ever(images):
    images.create(id=UUID)
    images.ask("blue", "POST", "/v2/images", 409, json={"id": UUID})
    images.ask("red", "DELETE", f"/v2/images/{UUID}", 204)
    images.get("red", f"/v2/images/{UUID}", 404)
    # A server that was booted from it must not find a stranger's image under its id.
    images.ask("blue", "POST", "/v2/images", 409, json={"id": UUID})


def test_an_admin_may_do_more(images):
    made = images.ask("root", "POST", "/v2/images", 201, json={"owner": "blue", "visibility": "public"}).json
    assert (made["owner"], made["visibility"]) == ("blue", "public")
    other = images.create()
    assert images.patch("root", other, ("replace", "visibility", "public"))["visibility"] == "public"
    images.patch("red", other, ("replace", "owner", "blue"), status=403)
    assert images.patch("root", other, ("replace", "owner", "blue"))["owner"] == "blue"


def test_changes(images):
    image_id = images.create(hw_x="1")
    changed = images.patch(
        "red", image_id, ("replace", "name", "two"), ("add", "hw_y", "2"), ("remove", "hw_x"),
        ("replace", "tags", ["t"]), ("replace", "min_disk", 3), ("add", "disk_format", "qcow2"),
        ("replace", "visibility", "community"), ("replace", "os_hidden", True),
    )  # fmt: skip
    assert changed == images.show(image_id)
    expected = {
        "name": "two", "hw_y": "2", "tags": ["t"], "min_disk": 3, "disk_format": "qcow2", "visibility": "community",
        "os_hidden": True, "status": "queued",
    }  # fmt: skip
    assert {name: changed[name] for name in expected} == expected
    assert "hw_x" not in changed


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (("replace", "status", "active"), 403),
        (("replace", "id", UUID), 403),
        (("replace", "visibility", "public"), 403),
        (("remove", "name"), 403),
        (("replace", "hw_x", "1"), 409),
        (("remove", "hw_x"), 409),
        (("add", "hw_x", 1), 400),
        (("replace", "min_ram", -1), 400),
        (("replace", "owner", None), 400),
        (("replace", "tags", [1]), 400),
    ],
)
def test_changes_that_cannot_be(images, step, status):
    image_id = images.create()
    before = images.show(image_id)
    images.patch("red", image_id, ("replace", "name", "two"), step, status=status)
    assert images.show(image_id) == before


def test_a_change_must_be_a_patch(images):
    path = f"/v2/images/{images.create()}"
    images.ask("red", "PATCH", path, 415, json=[])
    images.ask("red", "PATCH", path, 400, body="{}", headers={"Content-Type": PATCH})
    images.ask("red", "PATCH", path, 200, body="[]", headers={"Content-Type": PATCH})


def test_the_format_of_bytes_that_are_there_stays(images):
    image_id = images.stored()
    images.patch("red", image_id, ("replace", "disk_format", "qcow2"), status=403)
    images.patch("red", image_id, ("replace", "disk_format", "raw"), ("replace", "name", "x"))


def test_others_images_are_not_ones_own(images):
    image_id = images.create()
    images.patch("root", image_id, ("replace", "visibility", "public"))
    path = f"/v2/images/{image_id}"
    assert images.show(image_id, "blue")["name"] == "one"
    images.patch("blue", image_id, ("replace", "name", "x"), status=403)
    images.ask("blue", "DELETE", path, 403)
    images.ask("blue", "PUT", f"{path}/tags/x", 403)
    images.ask("blue", "POST", f"{path}/actions/deactivate", 403)
    images.upload(image_id, b"x", 403, who="blue")


def test_delete(images):
    image_id = images.stored(protected=True)
    path = f"/v2/images/{image_id}"
    assert len(images.files()) == 1
    images.ask("red", "DELETE", path, 403)
    images.patch("red", image_id, ("replace", "protected", False))
    images.ask("red", "DELETE", path, 204)
    assert images.files() == []
    images.ask("red", "DELETE", path, 404)
    images.get("red", f"{path}/file", 404)
    assert images.names("red", "?status=deleted") == []


def test_tags(images):
    image_id = images.create()
    path = f"/v2/images/{image_id}/tags"
    for tag in ("one", "two words", "one", "snow%E2%98%83"):
        images.ask("red", "PUT", f"{path}/{tag}", 204)
    assert images.show(image_id)["tags"] == ["one", "two words", "snow\u2603"]
    assert images.names("red", "?tag=one&tag=two%20words") == ["one"]
    assert images.names("red", "?tag=one&tag=three") == []
    assert images.names("red", "?tag=on") == []
    images.ask("red", "DELETE", f"{path}/one", 204)
    images.ask("red", "DELETE", f"{path}/one", 404)
    images.ask("red", "PUT", f"{path}/{'x' * 256}", 400)
    assert images.show(image_id)["tags"] == ["two words", "snow\u2603"]


def test_limits_on_what_one_image_has(make):
    images = make(image_property_quota=2, image_tag_quota=1, image_member_quota=1, quota_images=2)
    images.ask("red", "POST", "/v2/images", 413, json={"a": "1", "b": "2", "c": "3"})
    images.ask("red", "POST", "/v2/images", 413, json={"tags": ["a", "b"]})
    image_id = images.create(a="1", b="2", tags=["a", "a"])
    images.patch("red", image_id, ("add", "c", "3"), status=413)
    images.ask("red", "PUT", f"/v2/images/{image_id}/tags/b", 413)
    images.ask("red", "POST", f"/v2/images/{image_id}/members", 200, json={"member": "blue"})
    images.ask("red", "POST", f"/v2/images/{image_id}/members", 413, json={"member": "green"})
    images.create()
    assert "2 of 2" in images.ask("red", "POST", "/v2/images", 413, json={}).text
    images.create(who="blue")
    images.ask("red", "DELETE", f"/v2/images/{image_id}", 204)
    images.create()


def test_hidden_images_are_shown_to_who_asks(images):
    image_id = images.create(os_hidden=True)
    images.create(name="two", protected=True)
    assert images.names("red") == ["two", "cirros"]
    assert images.names("red", "?os_hidden=true") == ["one"]
    assert images.show(image_id)["os_hidden"] is True
    assert images.names("red", "?protected=true") == ["two"]
    images.get("red", "/v2/images?protected=perhaps", 400)


def test_sharing(images):
    image_id = images.create()
    path, members = f"/v2/images/{image_id}", f"/v2/images/{image_id}/members"
    images.get("blue", path, 404)
    offered = images.ask("red", "POST", members, 200, json={"member": "blue"}).json
    assert (offered["image_id"], offered["member_id"], offered["status"]) == (image_id, "blue", "pending")
    images.ask("red", "POST", members, 409, json={"member": "blue"})
    images.ask("red", "POST", members, 200, json={"member": "green"})

    assert images.show(image_id, "blue")["name"] == "one", "what is offered can be looked at"
    assert images.names("blue") == ["cirros"]
    assert images.names("blue", "?visibility=shared&member_status=pending") == ["one"]
    assert [one["member_id"] for one in images.get("blue", members)["members"]] == ["blue"]
    assert [one["member_id"] for one in images.get("red", members)["members"]] == ["blue", "green"]
    images.get("blue", f"{members}/green", 404)

    images.ask("red", "PUT", f"{members}/blue", 403, json={"status": "accepted"})
    images.ask("blue", "PUT", f"{members}/green", 403, json={"status": "accepted"})
    images.ask("blue", "PUT", f"{members}/blue", 400, json={"status": "perhaps"})
    assert images.ask("blue", "PUT", f"{members}/blue", 200, json={"status": "accepted"}).json["status"] == "accepted"
    assert images.names("blue") == ["one", "cirros"]
    images.ask("blue", "PUT", f"{members}/blue", 200, json={"status": "rejected"})
    assert images.names("blue") == ["cirros"]
    assert images.names("blue", "?member_status=all") == ["one", "cirros"]

    images.ask("blue", "POST", members, 403, json={"member": "black"})
    images.ask("blue", "DELETE", f"{members}/blue", 403)
    images.ask("red", "DELETE", f"{members}/blue", 204)
    images.ask("red", "DELETE", f"{members}/blue", 404)
    images.get("blue", path, 404)


def test_what_is_not_shared_has_no_members(images):
    members = f"/v2/images/{images.create(visibility='private')}/members"
    images.get("red", members, 403)
    images.ask("red", "POST", members, 403, json={"member": "blue"})
    shared = f"/v2/images/{images.create()}/members"
    for body in ({}, {"member": ""}, {"member": 5}, [], {"member": "x" * 65}):
        images.ask("red", "POST", shared, 400, json=body)


def test_a_shared_image_boots_servers_until_it_is_no_longer_shared(images):
    image_id = images.stored()
    members = f"/v2/images/{image_id}/members"
    images.ask("red", "POST", members, 200, json={"member": "blue"})
    assert images.store.find_image(image_id, "blue").id == image_id
    images.ask("red", "DELETE", f"{members}/blue", 204)
    images.get("blue", f"/v2/images/{image_id}", 404)


def test_out_of_use_and_back(images):
    image_id = images.create()
    path = f"/v2/images/{image_id}"
    images.ask("red", "POST", f"{path}/actions/deactivate", 403)
    images.upload(image_id, b"x")
    for _ in range(2):
        images.ask("red", "POST", f"{path}/actions/deactivate", 204)
    assert images.show(image_id)["status"] == "deactivated"
    images.ask("red", "GET", f"{path}/file", 403)
    images.ask("root", "GET", f"{path}/file", 200)
    for _ in range(2):
        images.ask("red", "POST", f"{path}/actions/reactivate", 204)
    assert images.show(image_id)["status"] == "active"


def test_what_the_service_says_of_itself(images):
    assert images.get("red", "/v2/info/import")["import-methods"]["value"] == []
    assert [store["id"] for store in images.get("red", "/v2/info/stores")["stores"]] == ["file"]
    for name in ("image", "images", "member", "members"):
        assert images.get("red", f"/v2/schemas/{name}")["name"] == name
