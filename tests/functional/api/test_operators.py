"""What operators see and do: services, hypervisors, aggregates, zones, groups, quota."""

from importlib import metadata

import pytest

from corenova.db import plugin_accounts
from corenova.objects.plugin_account import PluginAccount


def _ask(cloud, method, path, body=None, **more):
    return cloud.request(method, path, body, token=more.pop("token", "admin"), **more)


def test_services_by_microversion(cloud):
    base = {"id", "binary", "host", "zone", "status", "state", "updated_at", "disabled_reason"}
    old = _ask(cloud, "GET", "/os-services", mv="2.10").json["services"]
    assert set(old[0]) == base
    assert isinstance(old[0]["id"], int)
    new = _ask(cloud, "GET", "/os-services", mv="2.53").json["services"]
    assert set(new[0]) == base | {"forced_down"}
    assert [(s["binary"], s["host"], s["zone"]) for s in new] == [
        ("nova-compute", "host1", "nova"),
        ("nova-compute", "host2", "nova"),
        ("nova-conductor", "ctl", "internal"),
    ]
    query = "binary=nova-compute&host=host2"
    assert len(_ask(cloud, "GET", "/os-services", query_string=query).json["services"]) == 1


def test_services_are_disabled_and_forced_down(cloud):
    host1, _, conductor = _ask(cloud, "GET", "/os-services").json["services"]
    path = f"/os-services/{host1['id']}"
    answer = _ask(cloud, "PUT", path, {"status": "disabled", "disabled_reason": "broken fan"}).json["service"]
    assert (answer["status"], answer["disabled_reason"]) == ("disabled", "broken fan")
    assert _ask(cloud, "PUT", path, {"forced_down": True}).json["service"]["state"] == "down"
    assert _ask(cloud, "PUT", path, {"status": "enabled", "forced_down": False}).json["service"]["state"] == "up"
    assert _ask(cloud, "PUT", path, {"status": "enabled", "disabled_reason": "x"}).status_code == 400
    assert _ask(cloud, "PUT", path, {}).status_code == 400
    assert _ask(cloud, "PUT", "/os-services/x", {"status": "enabled"}).status_code == 400
    missing = "/os-services/aaaaaaaa-0000-4000-8000-000000000001"
    assert _ask(cloud, "PUT", missing, {"status": "enabled"}).status_code == 404
    assert _ask(cloud, "PUT", f"/os-services/{conductor['id']}", {"status": "disabled"}).status_code == 400


def test_services_before_2_53_are_named(cloud):
    named = {"host": "host1", "binary": "nova-compute"}

    def put(verb: str, body: dict, mv: str = "2.52"):
        return _ask(cloud, "PUT", f"/os-services/{verb}", named | body, mv=mv)

    assert put("disable", {}).json == {"service": named | {"status": "disabled"}}
    reason = {"disabled_reason": "why"}
    assert put("disable-log-reason", reason).json == {"service": named | {"status": "disabled"} | reason}
    assert put("disable-log-reason", {}).status_code == 400
    assert put("enable", {}).json == {"service": named | {"status": "enabled"}}
    assert put("force-down", {"forced_down": True}).json == {"service": named | {"forced_down": True}}
    assert put("force-down", {"forced_down": True}, mv="2.10").status_code == 404
    assert put("enable", {"host": "nope"}).status_code == 404
    assert put("enable", {}, mv="2.53").status_code in (400, 404)


def test_a_service_without_servers_is_forgotten_with_its_host(cloud):
    cloud.active()
    host1, host2, _ = _ask(cloud, "GET", "/os-services").json["services"]
    assert _ask(cloud, "DELETE", f"/os-services/{host1['id']}").status_code == 409
    assert _ask(cloud, "DELETE", f"/os-services/{host2['id']}").status_code == 204
    assert _ask(cloud, "DELETE", f"/os-services/{host2['id']}").status_code == 404
    names = [h["hypervisor_hostname"] for h in _ask(cloud, "GET", "/os-hypervisors").json["hypervisors"]]
    assert names == ["host1"]


BASIC = {"id", "hypervisor_hostname", "state", "status"}
FULL = BASIC | {"hypervisor_type", "hypervisor_version", "host_ip", "service"}
SUMS = {
    "vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used", "free_disk_gb",
    "disk_available_least", "running_vms", "current_workload",
}  # fmt: skip


def test_hypervisors_by_microversion(cloud):
    listed = _ask(cloud, "GET", "/os-hypervisors", mv="2.1").json["hypervisors"]
    assert [set(entry) for entry in listed] == [BASIC, BASIC]
    old = _ask(cloud, "GET", "/os-hypervisors/detail", mv="2.1").json["hypervisors"][0]
    assert set(old) == FULL | SUMS | {"cpu_info"}
    assert isinstance(old["cpu_info"], str)
    assert _ask(cloud, "GET", f"/os-hypervisors/{old['id']}", mv="2.28").json["hypervisor"]["cpu_info"] == {}
    new = _ask(cloud, "GET", "/os-hypervisors/detail", mv="2.88").json["hypervisors"][0]
    assert set(new) == FULL | {"uptime"}
    assert len(new["id"]) == 36


def test_hypervisors_are_paged_searched_and_summed(cloud):
    cloud.active()
    page = _ask(cloud, "GET", "/os-hypervisors", query_string="limit=1", mv="2.33").json
    assert page["hypervisors_links"][0]["rel"] == "next"
    first = _ask(cloud, "GET", "/os-hypervisors", query_string="limit=1").json["hypervisors"][0]
    rest = _ask(cloud, "GET", "/os-hypervisors", query_string=f"marker={first['id']}").json["hypervisors"]
    assert [entry["hypervisor_hostname"] for entry in rest] == ["host2"]
    found = _ask(cloud, "GET", "/os-hypervisors", query_string="hypervisor_hostname_pattern=host1&with_servers=true")
    assert len(found.json["hypervisors"][0]["servers"]) == 1
    assert _ask(cloud, "GET", "/os-hypervisors/host1/search", mv="2.52").status_code == 200
    assert len(_ask(cloud, "GET", "/os-hypervisors/host1/servers", mv="2.52").json["hypervisors"][0]["servers"]) == 1
    assert _ask(cloud, "GET", "/os-hypervisors/nope/search", mv="2.52").status_code == 404
    assert _ask(cloud, "GET", "/os-hypervisors/host1/search").status_code == 404
    sums = _ask(cloud, "GET", "/os-hypervisors/statistics", mv="2.87").json["hypervisor_statistics"]
    assert set(sums) == SUMS | {"count"}
    assert (sums["count"], sums["vcpus"], sums["running_vms"]) == (2, 16, 1)
    for path, code in (("x", 400), ("aaaaaaaa-0000-4000-8000-000000000001", 404)):
        assert _ask(cloud, "GET", f"/os-hypervisors/{path}").status_code == code


def _aggregate(cloud, name="rack", zone=None):
    return _ask(cloud, "POST", "/os-aggregates", {"aggregate": {"name": name, "availability_zone": zone}}).json[
        "aggregate"
    ]


def _act(cloud, aggregate, key, **body):
    return _ask(cloud, "POST", f"/os-aggregates/{aggregate['id']}/action", {key: body})


def test_aggregates_live(cloud):
    made = _aggregate(cloud, zone="east")
    assert set(made) == {
        "id", "name", "availability_zone", "created_at", "updated_at", "deleted", "deleted_at", "uuid",
    }  # fmt: skip
    path = f"/os-aggregates/{made['id']}"
    added = _act(cloud, made, "add_host", host="host1")
    assert added.status_code == 200
    assert set(added.json["aggregate"]) == set(made) | {"hosts", "metadata"}
    assert (added.json["aggregate"]["hosts"], added.json["aggregate"]["metadata"]) == (
        ["host1"],
        {"availability_zone": "east"},
    )
    assert "uuid" not in _ask(cloud, "GET", path, mv="2.40").json["aggregate"]
    assert _act(cloud, made, "add_host", host="host1").status_code == 409
    assert _act(cloud, made, "add_host", host="nope").status_code == 404
    changed = _act(cloud, made, "set_metadata", metadata={"ssd": "true", "gone": None}).json["aggregate"]
    assert changed["metadata"] == {"availability_zone": "east", "ssd": "true"}
    renamed = _ask(cloud, "PUT", path, {"aggregate": {"name": "row"}}).json["aggregate"]
    assert (renamed["name"], renamed["availability_zone"]) == ("row", "east")
    assert _ask(cloud, "DELETE", path).status_code == 400
    assert _act(cloud, made, "remove_host", host="host1").json["aggregate"]["hosts"] == []
    assert _act(cloud, made, "remove_host", host="host1").status_code == 404
    assert _ask(cloud, "DELETE", path).status_code == 200
    assert _ask(cloud, "GET", path).status_code == 404
    assert _ask(cloud, "GET", "/os-aggregates/x").status_code == 400


def test_a_host_is_in_one_zone(cloud):
    east, west = _aggregate(cloud, "east", "east"), _aggregate(cloud, "west", "west")
    plain = _aggregate(cloud, "plain")
    assert _act(cloud, east, "add_host", host="host1").status_code == 200
    assert _act(cloud, west, "add_host", host="host1").status_code == 409
    assert _act(cloud, plain, "add_host", host="host1").status_code == 200
    refused = _act(cloud, plain, "set_metadata", metadata={"ram_weight_multiplier": "nan"})
    assert (refused.status_code, "no finite number" in refused.text) == (400, True)
    refused = _act(cloud, plain, "set_metadata", metadata={"availability_zone": "north"})
    assert refused.status_code == 400
    assert "already in availability zone" in refused.json["badRequest"]["message"]
    body = {"aggregate": {"name": "east"}}
    assert _ask(cloud, "POST", "/os-aggregates", body).status_code == 409


def test_a_zone_with_servers_stays(cloud):
    east = _aggregate(cloud, "east", "east")
    _act(cloud, east, "add_host", host="host1")
    cloud.active()
    assert _act(cloud, east, "remove_host", host="host1").status_code == 409
    body = {"aggregate": {"availability_zone": "west"}}
    assert _ask(cloud, "PUT", f"/os-aggregates/{east['id']}", body).status_code == 400
    again = _aggregate(cloud, "again", "east")
    assert _act(cloud, again, "add_host", host="host1").status_code == 200
    assert _act(cloud, east, "remove_host", host="host1").status_code == 200


def test_servers_do_not_change_their_zone(cloud):
    cloud.active()
    refused = _act(cloud, _aggregate(cloud, "east", "east"), "add_host", host="host1")
    assert refused.status_code == 409
    assert "has servers" in refused.json["conflictingRequest"]["message"]


def test_zones_come_from_aggregates_and_take_servers(cloud):
    zone = {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
    assert cloud.get("/os-availability-zone").json == {"availabilityZoneInfo": [zone]}
    _act(cloud, _aggregate(cloud, zone="east"), "add_host", host="host1")
    names = [entry["zoneName"] for entry in cloud.get("/os-availability-zone").json["availabilityZoneInfo"]]
    assert names == ["east", "nova"]
    assert cloud.boot(availability_zone="east")
    detail = _ask(cloud, "GET", "/os-availability-zone/detail").json["availabilityZoneInfo"]
    assert {entry["zoneName"]: sorted(entry["hosts"]) for entry in detail} == {
        "east": ["host1"],
        "internal": ["ctl"],
        "nova": ["host2"],
    }
    assert set(detail[0]["hosts"]["host1"]["nova-compute"]) == {"available", "active", "updated_at"}
    assert cloud.get("/os-availability-zone/detail").status_code == 403
    host1 = _ask(cloud, "GET", "/os-services").json["services"][0]
    _ask(cloud, "PUT", f"/os-services/{host1['id']}", {"status": "disabled"})
    zones = {
        z["zoneName"]: z["zoneState"]["available"]
        for z in cloud.get("/os-availability-zone").json["availabilityZoneInfo"]
    }
    assert zones == {"nova": True, "east": False}


@pytest.mark.parametrize(
    ("mv", "body", "keys"),
    [
        ("2.1", {"policies": ["affinity"]}, {"id", "name", "members", "policies", "metadata"}),
        ("2.15", {"policies": ["soft-affinity"]},
         {"id", "name", "members", "policies", "metadata", "project_id", "user_id"}),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 3}},
         {"id", "name", "members", "policy", "rules", "project_id", "user_id"}),
    ],
)  # fmt: skip
def test_groups_by_microversion(cloud, mv, body, keys):
    answer = cloud.post("/os-server-groups", {"server_group": {"name": "g"} | body}, mv=mv)
    assert answer.status_code == 200, answer.text
    assert set(answer.json["server_group"]) == keys
    shown = cloud.get(f"/os-server-groups/{answer.json['server_group']['id']}", mv=mv).json["server_group"]
    assert shown == answer.json["server_group"]


@pytest.mark.parametrize(
    ("mv", "body"),
    [
        ("2.14", {"policies": ["soft-affinity"]}),
        ("2.15", {"policies": ["affinity", "anti-affinity"]}),
        ("2.15", {"policies": []}),
        ("2.64", {"policies": ["affinity"]}),
        ("2.64", {"policy": "affinity", "rules": {"max_server_per_host": 2}}),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}}),
        ("2.64", {"policy": "legacy"}),
    ],
)
def test_groups_that_make_no_sense(cloud, mv, body):
    assert cloud.post("/os-server-groups", {"server_group": {"name": "g"} | body}, mv=mv).status_code == 400


def test_groups_have_members_and_a_quota(cloud):
    cloud.conf.set_override("server_groups", 1, group="quota")
    group = cloud.post("/os-server-groups", {"server_group": {"name": "g", "policy": "affinity"}}).json["server_group"]
    server_id = cloud.boot(hints={"group": group["id"]})
    assert cloud.get(f"/os-server-groups/{group['id']}").json["server_group"]["members"] == [server_id]
    over = cloud.post("/os-server-groups", {"server_group": {"name": "h", "policy": "affinity"}})
    assert over.json == {"forbidden": {"code": 403, "message": "Quota exceeded, too many server groups."}}
    assert cloud.get("/os-server-groups", token="stranger").json == {"server_groups": []}
    everything = cloud.get("/os-server-groups", token="admin", query_string="all_projects=True").json["server_groups"]
    assert [entry["id"] for entry in everything] == [group["id"]]
    assert cloud.delete(f"/os-server-groups/{group['id']}", token="stranger").status_code == 404
    assert cloud.delete(f"/os-server-groups/{group['id']}").status_code == 204
    assert cloud.get(f"/os-server-groups/{group['id']}").status_code == 404
    assert cloud.post("/os-server-groups", {"server_group": {"name": "h", "policy": "affinity"}}).status_code == 200


def test_limits_and_quota_sets(cloud):
    cloud.boot()
    cloud.conf.set_override("instances", 7, group="quota")
    absolute = cloud.get("/limits").json["limits"]["absolute"]
    assert absolute == {
        "maxServerMeta": 128, "maxTotalInstances": 7, "maxTotalRAMSize": -1, "maxTotalKeypairs": 100,
        "maxTotalCores": -1, "maxServerGroups": 10, "maxServerGroupMembers": 10, "totalRAMUsed": 512,
        "totalCoresUsed": 1, "totalInstancesUsed": 1, "totalServerGroupsUsed": 0,
    }  # fmt: skip
    assert "maxImageMeta" in cloud.get("/limits", mv="2.38").json["limits"]["absolute"]
    assert "maxSecurityGroups" in cloud.get("/limits", mv="2.35").json["limits"]["absolute"]
    assert cloud.get("/limits", query_string="tenant_id=p-two").status_code == 403
    other = cloud.get("/limits", query_string="tenant_id=p-two", token="admin").json["limits"]["absolute"]
    assert other["totalInstancesUsed"] == 0
    assert cloud.get("/os-quota-sets/p-one").json["quota_set"]["instances"] == 7
    assert cloud.get("/os-quota-sets/p-one/detail").json["quota_set"]["instances"] == {
        "limit": 7, "in_use": 1, "reserved": 0,
    }  # fmt: skip
    assert cloud.get("/os-quota-sets/p-one/defaults").status_code == 200
    assert cloud.get("/os-quota-sets/p-two").status_code == 403
    assert cloud.get("/os-quota-sets/p-two", token="admin").status_code == 200


def test_small_things(cloud):
    assert "os-aggregates" in {e["alias"] for e in cloud.get("/extensions").json["extensions"]}
    assert cloud.get("/extensions/os-services").json["extension"]["name"] == "Services"
    assert cloud.get("/extensions/nope").status_code == 404
    assert cloud.get("/os-processes", token="admin").json == {
        "processes": [{"name": "corenova-all", "threads": 3}],
    }
    assert cloud.get("/os-processes").status_code == 403


@pytest.mark.parametrize("version", ["2.1", "2.96"])
def test_plugins(cloud, version):
    told = [PluginAccount(group="corenova.compute.drivers", name="fake", calls=4, seconds=2.0, faults=1)]
    who = {"binary": "nova-compute", "address": "c1", "incarnation": "i"}
    cloud.db.write("test", lambda connection: plugin_accounts.tell(connection, **who, accounts=told))
    shown = {p["name"]: p for p in cloud.get("/os-plugins", token="admin", mv=version).json["plugins"]}
    assert shown["fake"] == {
        "group": "corenova.compute.drivers", "name": "fake", "distribution": "corenova-drivers",
        "version": metadata.version("corenova-drivers"), "contract": None, "enabled": True, "loaded": True,
        "reason": None, "calls": 4, "mean_us": 500000.0, "faults": 1, "breaker": "closed", "last_fault": None,
        "services": [
            {
                "binary": "nova-compute", "address": "c1", "loaded": True, "reason": None, "calls": 4,
                "mean_us": 500000.0, "faults": 1, "breaker": "closed", "last_fault": None,
            }
        ],
    }  # fmt: skip
    assert (shown["AllHostsFilter"]["enabled"], shown["AllHostsFilter"]["loaded"]) == (False, None)
    assert (shown["ComputeFilter"]["enabled"], shown["ComputeFilter"]["loaded"]) == (True, False)
    assert cloud.get("/os-plugins", mv=version).status_code == 403
