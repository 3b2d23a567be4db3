"""Traits and inventories that administrators give to hosts: they stay, schedulers read them, claims count on them."""

import pytest

from corenova.db import hosts
from corenova.objects.host_state import HostReport, Inventory

NO_HOST = "/os-hypervisors/aaaaaaaa-0000-4000-8000-000000000001"
DEFAULTS = {"reserved": 0, "allocation_ratio": 1.0, "min_unit": 1, "max_unit": 2**31 - 1, "step_size": 1}


@pytest.fixture
def host(cloud) -> str:
    """Return the path of host1."""
    listed = cloud.get("/os-hypervisors", token="admin").json["hypervisors"]
    return f"/os-hypervisors/{listed[0]['id']}"


def _report(cloud, *traits: str, **inventories: int) -> None:
    """Let the compute of host1 tell of it again."""
    told = {name: Inventory(total=total) for name, total in ({"VCPU": 8} | inventories).items()}
    report = HostReport(host="host1", hypervisor_type="fake", hypervisor_version=1, inventories=told, traits=traits)
    cloud.db.write("test", lambda connection: hosts.report(connection, [report]))


def _row(cloud) -> hosts.HostRow:
    """Return host1 as schedulers read it."""
    return cloud.db.read(lambda connection: hosts.snapshot(connection, down_time_s=60, hosts=["host1"]))[0]


def _claim(cloud, **amounts: int) -> bool:
    return cloud.db.write("test", lambda connection: hosts.claim(connection, [("host1", amounts)]))


def _admin(cloud, method: str, path: str, body: object = None, **more):
    return cloud.request(method, path, body, token=more.pop("token", "admin"), **more)


def test_traits_are_given_and_stay_over_reports(cloud, host):
    _report(cloud, "HW_CPU_X86_AVX")
    seen = _row(cloud).revision
    answer = _admin(cloud, "PUT", f"{host}/traits", {"traits": ["CUSTOM_FAST", "HW_CPU_X86_AVX"]})
    assert answer.status_code == 200
    assert answer.json == {"traits": ["CUSTOM_FAST", "HW_CPU_X86_AVX"], "resource_provider_generation": seen + 1}
    assert _admin(cloud, "GET", f"{host}/traits").json == answer.json
    _report(cloud, "HW_CPU_X86_AVX2")
    assert _row(cloud).facts.traits == ("HW_CPU_X86_AVX2", "CUSTOM_FAST")
    assert _row(cloud).revision > seen + 1
    emptied = _admin(cloud, "PUT", f"{host}/traits", {"traits": []})
    assert emptied.json["traits"] == ["HW_CPU_X86_AVX2"], "what the compute tells cannot be taken away here"
    assert _row(cloud).facts.traits == ("HW_CPU_X86_AVX2",)


def test_an_inventory_is_given_claimed_and_stays_over_reports(cloud, host):
    path, seen = f"{host}/inventories/CUSTOM_LICENCE", _row(cloud).revision
    answer = _admin(cloud, "PUT", path, {"total": 4, "reserved": 1, "max_unit": 2})
    given = DEFAULTS | {"total": 4, "reserved": 1, "max_unit": 2}
    assert answer.status_code == 200
    assert answer.json == given | {"resource_provider_generation": seen + 1}
    _report(cloud)
    assert _admin(cloud, "GET", path).json == given | {"resource_provider_generation": _row(cloud).revision}
    assert _row(cloud).inventories["CUSTOM_LICENCE"] == Inventory(total=4, reserved=1, max_unit=2)
    assert _claim(cloud, CUSTOM_LICENCE=3)
    assert not _claim(cloud, CUSTOM_LICENCE=1)
    listed = _admin(cloud, "GET", f"{host}/inventories").json["inventories"]
    assert listed["CUSTOM_LICENCE"] == given
    assert {"VCPU"} < set(listed)


def test_an_inventory_may_shrink_below_what_is_used_and_then_nothing_fits(cloud, host):
    path = f"{host}/inventories/CUSTOM_LICENCE"
    _admin(cloud, "PUT", path, {"total": 4})
    assert _claim(cloud, CUSTOM_LICENCE=3)
    assert _admin(cloud, "PUT", path, {"total": 2}).status_code == 200
    assert not _claim(cloud, CUSTOM_LICENCE=1)
    held = _row(cloud).inventories["CUSTOM_LICENCE"]
    assert (held.capacity, held.used) == (2, 3)
    assert _admin(cloud, "DELETE", path).status_code == 409
    _report(cloud)
    assert _row(cloud).inventories["CUSTOM_LICENCE"] == held


def test_what_an_administrator_says_of_a_standard_class_counts_until_it_is_taken_back(cloud, host):
    path = f"{host}/inventories/VCPU"
    assert _admin(cloud, "DELETE", path).status_code == 404, "it was not written here"
    assert _admin(cloud, "PUT", path, {"total": 8, "allocation_ratio": 2.5}).status_code == 200
    assert _claim(cloud, VCPU=5)
    _report(cloud)
    assert _row(cloud).inventories["VCPU"].capacity == 20
    assert _admin(cloud, "DELETE", path).status_code == 204
    _report(cloud)
    assert _row(cloud).inventories["VCPU"] == Inventory(total=8, used=5)


def test_an_inventory_that_nobody_uses_can_be_taken_back(cloud, host):
    path = f"{host}/inventories/CUSTOM_LICENCE"
    _admin(cloud, "PUT", path, {"total": 4})
    seen = _row(cloud).revision
    assert _admin(cloud, "DELETE", path).status_code == 204
    assert "CUSTOM_LICENCE" not in _row(cloud).inventories
    assert _row(cloud).revision == seen + 1
    assert [_admin(cloud, method, path).status_code for method in ("GET", "DELETE")] == [404, 404]


def test_a_stale_generation_changes_nothing(cloud, host):
    shown = _admin(cloud, "GET", f"{host}/traits").json
    mine = shown | {"traits": ["CUSTOM_MINE"]}
    assert _admin(cloud, "PUT", f"{host}/traits", mine).status_code == 200
    assert _admin(cloud, "PUT", f"{host}/traits", shown | {"traits": ["CUSTOM_YOURS"]}).status_code == 409
    stale = {"total": 1, "resource_provider_generation": shown["resource_provider_generation"]}
    assert _admin(cloud, "PUT", f"{host}/inventories/CUSTOM_X", stale).status_code == 409
    assert _admin(cloud, "GET", f"{host}/traits").json["traits"] == ["CUSTOM_MINE"]
    assert "CUSTOM_X" not in _row(cloud).inventories


BAD = [
    ("traits", {"traits": ["fast"]}, "No such trait fast"),
    ("traits", {"traits": ["CUSTOM_fast"]}, "No such trait CUSTOM_fast"),
    ("traits", {"traits": "CUSTOM_FAST"}, "traits"),
    ("traits", {"traits": [7]}, "Value: 7."),
    ("traits", {"traits": ["CUSTOM_A", "CUSTOM_A"]}, "non-unique"),
    ("traits", {}, "'traits' is a required property"),
    ("inventories/cpus", {"total": 1}, "No such resource class cpus"),
    ("inventories/CUSTOM_" + "X" * 60, {"total": 1}, "No such resource class"),
    ("inventories/CUSTOM_X", {}, "'total' is a required property"),
    ("inventories/CUSTOM_X", {"total": "4"}, "Invalid input for field/attribute total"),
    ("inventories/CUSTOM_X", {"total": 4, "used": 0}, "'used' was unexpected"),
    ("inventories/CUSTOM_X", {"total": 0}, "total must be from 1"),
    ("inventories/CUSTOM_X", {"total": 2**31}, "total must be from 1 to 2147483647"),
    ("inventories/CUSTOM_X", {"total": 4, "reserved": 5}, "reserved must be from 0 to the total of 4"),
    ("inventories/CUSTOM_X", {"total": 4, "reserved": -1}, "reserved must be"),
    ("inventories/CUSTOM_X", {"total": 4, "min_unit": 3, "max_unit": 2}, "min_unit must not be above max_unit"),
    ("inventories/CUSTOM_X", {"total": 4, "step_size": 0}, "step_size must be from 1"),
    ("inventories/CUSTOM_X", {"total": 4, "allocation_ratio": 0}, "allocation_ratio must be above 0"),
    ("inventories/CUSTOM_X", {"total": 4, "allocation_ratio": 1e300}, "allocation_ratio must be above 0"),
]


@pytest.mark.parametrize(("path", "body", "sentence"), BAD)
def test_bad_names_and_numbers_are_refused(cloud, host, path, body, sentence):
    answer = _admin(cloud, "PUT", f"{host}/{path}", body)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json["badRequest"]["message"]
    assert "CUSTOM_X" not in _row(cloud).inventories


def test_who_may_and_what_there_is(cloud, host):
    asked = [
        ("GET", "/traits", None),
        ("PUT", "/traits", {"traits": []}),
        ("GET", "/inventories", None),
        ("GET", "/inventories/VCPU", None),
        ("PUT", "/inventories/CUSTOM_X", {"total": 1}),
        ("DELETE", "/inventories/CUSTOM_X", None),
    ]
    for method, path, body in asked:
        assert _admin(cloud, method, host + path, body, token="member").status_code == 403
        assert _admin(cloud, method, NO_HOST + path, body).status_code == 404
        assert _admin(cloud, method, "/os-hypervisors/7" + path, body).status_code == 400
        assert _admin(cloud, method, host + path, body, mv="2.52").status_code == 404


def test_a_host_that_is_forgotten_is_given_nothing_any_more(cloud, host):
    _admin(cloud, "PUT", f"{host}/traits", {"traits": ["CUSTOM_FAST"]})
    _admin(cloud, "PUT", f"{host}/inventories/CUSTOM_X", {"total": 1})
    service = _admin(cloud, "GET", "/os-services").json["services"][0]
    assert service["host"] == "host1"
    assert _admin(cloud, "DELETE", f"/os-services/{service['id']}").status_code == 204
    _report(cloud)
    assert _row(cloud).facts.traits == ()
    assert set(_row(cloud).inventories) == {"VCPU"}
