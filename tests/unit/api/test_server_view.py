"""The keys of a server, exactly, at each microversion that changes them."""

from collections import namedtuple

import msgspec
import pytest

from corenova.api.links import Links
from corenova.api.views import servers as view
from corenova.objects.request_spec import Flavor, ImageMeta

FLAVOR = Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1, extra_specs={"a": "b"})
COLUMNS = {
    "id": 255, "uuid": "u-1", "display_name": "vm", "project_id": "p", "user_id": "ann", "metadata": '{"k":"v"}',
    "tags": '["t"]', "created_at": 1.7e9, "updated_at": 1.7e9, "flavor": msgspec.json.encode(FLAVOR).decode(),
    "image": msgspec.json.encode(ImageMeta(id="i-1", name="cirros")).decode(), "host": "host1", "config_drive": True,
    "key_name": None, "availability_zone": None, "vm_state": "active", "task_state": None, "power_state": 1,
    "launched_at": 1.7e9, "terminated_at": None, "hostname": "vm", "reservation_id": "r-1", "launch_index": 0,
    "locked_by": None, "display_description": None, "group_uuid": None, "deleted": False, "fault_code": None,
    "fault_message": None, "fault_details": None, "fault_created_at": None,
    "network_info": None,
}  # fmt: skip
BASE = {
    "id", "name", "links", "tenant_id", "user_id", "metadata", "created", "updated", "addresses", "accessIPv4",
    "accessIPv6", "flavor", "image", "hostId", "OS-DCF:diskConfig", "status", "progress", "config_drive", "key_name",
    "security_groups", "os-extended-volumes:volumes_attached", "OS-EXT-AZ:availability_zone", "OS-EXT-STS:vm_state",
    "OS-EXT-STS:task_state", "OS-EXT-STS:power_state", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at",
}  # fmt: skip
ADDED = {
    9: {"locked"},
    19: {"description"},
    26: {"tags"},
    63: {"trusted_image_certificates"},
    71: {"server_groups"},
    73: {"locked_reason"},
    90: {"OS-EXT-SRV-ATTR:hostname"},
    96: {"pinned_availability_zone"},
}
A = "OS-EXT-SRV-ATTR:"
ADDED_FOR_ADMINS = {
    1: {A + "host", A + "hypervisor_hostname", A + "instance_name"},
    3: {
        A + "hostname", A + "reservation_id", A + "launch_index", A + "kernel_id", A + "ramdisk_id",
        A + "root_device_name", A + "user_data",
    },
    16: {"host_status"},
}  # fmt: skip


def _row(**changes):
    columns = COLUMNS | changes
    return namedtuple("Row", columns)(**columns)


def _show(version: int, *, groups=(view.FULL, view.SINGLE), admin: bool = False, **changes) -> dict:
    shown = {view.ALWAYS, *groups} | ({view.ATTRIBUTES, view.HOST_STATUS} if admin else set())
    details = view.Details(
        version=version, links=Links("http://c"), shown=frozenset(shown), is_admin=admin, extra_specs=True,
        host_statuses={"host1": "UP"},
    )  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(view.ServerView(details).show(_row(**changes))))


@pytest.mark.parametrize("version", range(1, 97))
def test_keys(version):
    expected = BASE.union(*(keys for since, keys in ADDED.items() if since <= version))
    assert set(_show(version)) == expected
    assert set(_show(version, groups=(view.FULL,))) == expected - {"server_groups"}
    admins = expected.union(*(keys for since, keys in ADDED_FOR_ADMINS.items() if since <= version))
    assert set(_show(version, admin=True)) == admins


def test_the_flavor_is_embedded_from_2_47():
    assert _show(46)["flavor"] == {"id": "1", "links": [{"rel": "bookmark", "href": "http://c/compute/flavors/1"}]}
    assert _show(47)["flavor"] == {
        "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0, "original_name": "small",
        "extra_specs": {"a": "b"},
    }  # fmt: skip


def test_values():
    shown = _show(96, admin=True)
    assert shown["metadata"] == {"k": "v"}
    assert shown["tags"] == ["t"]
    assert shown["image"]["id"] == "i-1"
    assert shown["config_drive"] == "True"
    assert shown[A + "instance_name"] == "instance-000000ff"
    assert shown["created"] == "2023-11-14T22:13:20Z"
    assert shown["OS-SRV-USG:launched_at"] == "2023-11-14T22:13:20.000000"
    assert (shown["host_status"], shown["progress"]) == ("UP", 0)
    assert _show(96, image=None)["image"] == ""
    assert _show(96, host=None, admin=True)["host_status"] == ""


def test_progress_and_fault_depend_on_the_status():
    assert "progress" not in _show(1, vm_state="stopped")
    failed = {
        "vm_state": "error",
        "fault_code": 500,
        "fault_message": "No.",
        "fault_details": "why",
        "fault_created_at": 0.0,
    }
    fault = {"code": 500, "created": "1970-01-01T00:00:00Z", "message": "No."}
    assert _show(1, **failed)["fault"] == fault
    assert _show(1, admin=True, **failed)["fault"] == fault | {"details": "why"}
    assert "fault" not in _show(1, vm_state="error")
    assert _show(1, deleted=True)["status"] == "DELETED"


def test_each_project_knows_a_host_by_another_name():
    assert view.host_id("p", "host1") != view.host_id("q", "host1")
    assert view.host_id("p", None) == ""


def test_who_may_see_unknown_hosts_alone_sees_nothing_else():
    details = view.Details(
        version=96, links=Links(""), shown=frozenset((view.ALWAYS, view.HOST_STATUS)), unknown_only=True,
        host_statuses={"host1": "UP"},
    )  # fmt: skip
    show = view.ServerView(details).show
    assert "host_status" not in show(_row())
    assert show(_row(host="other"))["host_status"] == "UNKNOWN"
