"""What must never become an image: each is refused with its reason, and leaves neither bytes nor a status."""

import pytest

from tests import disks


@pytest.mark.parametrize("name", disks.HOSTILE)
def test_a_hostile_image_is_refused_and_leaves_nothing(images, name):
    disk_format, data, word = disks.HOSTILE[name]
    image_id = images.create(disk_format=disk_format)
    assert word in images.upload(image_id, data, 400).json["error"]["message"]
    image = images.show(image_id)
    assert (image["status"], image["size"], image["virtual_size"], image["checksum"]) == ("queued", None, None, None)
    assert images.files() == []
    images.ask("red", "GET", f"/v2/images/{image_id}/file", 204)
    images.patch("red", image_id, ("replace", "disk_format", "raw"))
    images.upload(image_id, b"good")
    assert images.show(image_id)["status"] == "active"


@pytest.mark.parametrize("name", disks.GOOD)
def test_a_good_one_is_taken(images, name):
    disk_format, data, virtual_size = disks.GOOD[name]
    image = images.show(images.stored(data, disk_format=disk_format))
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(data), virtual_size)


@pytest.mark.parametrize("image_id", ["..", "%2e%2e%2fx", "a%00b", "x" * 300, "6b1f5f3e"])
def test_no_path_leads_out_of_the_store(images, image_id):
    for method, path in (("GET", "/file"), ("PUT", "/file"), ("DELETE", ""), ("GET", "")):
        response = images.http.simulate_request(
            method, f"/image/v2/images/{image_id}{path}", headers={"X-Auth-Token": "red"}, body=b"x"
        )
        assert response.status_code in (400, 404)


def test_a_query_with_nul_is_refused(images):
    images.get("red", "/v2/images?name=a%00b", 400)
