"""Quotas: the ini file's, a project's own, and what is refused when they are reached."""

import pytest

from tests.functional.network.conftest import Networks

DEFAULTS = {"network": 100, "subnet": 100, "port": 500, "security_group": 10, "security_group_rule": 100}


def test_show_change_and_forget(cloud):
    assert cloud.get("red", "/quotas/red")["quota"] == DEFAULTS
    assert cloud.get("red", "/quotas/red/default")["quota"] == DEFAULTS
    cloud.refused("red", "GET", "/quotas/blue", 403)
    cloud.refused("red", "GET", "/quotas", 403)
    cloud.refused("red", "PUT", "/quotas/red", 403, {"quota": {"port": -1}})
    cloud.refused("red", "DELETE", "/quotas/red", 403)
    changed = cloud.ask("admin", "PUT", "/v2.0/quotas/red", 200, {"quota": {"port": 7, "network": -1}})["quota"]
    assert changed == {**DEFAULTS, "port": 7, "network": -1}
    assert cloud.get("red", "/quotas/red")["quota"] == changed
    assert cloud.get("red", "/quotas/red/default")["quota"] == DEFAULTS
    assert [one["project_id"] for one in cloud.get("admin", "/quotas")["quotas"]] == ["red"]
    cloud.ask("admin", "DELETE", "/v2.0/quotas/red", 204)
    assert cloud.get("red", "/quotas/red")["quota"] == DEFAULTS
    assert cloud.refused("admin", "DELETE", "/quotas/red", 404)
    for bad in ({"port": -2}, {"port": "many"}, {"port": 2**31}, {"ports": 1}):
        cloud.refused("admin", "PUT", "/quotas/red", 400, {"quota": bad})
    cloud.refused("admin", "PUT", f"/quotas/{'x' * 65}", 400, {"quota": {"port": 1}})


def test_details(cloud):
    network, _ = cloud.network()
    cloud.make("red", "port", network_id=network["id"])
    details = cloud.get("red", "/quotas/red/details.json")["quota"]
    used = {name: one["used"] for name, one in details.items()}
    assert used == {"network": 1, "subnet": 1, "port": 1, "security_group": 1, "security_group_rule": 4}
    assert details["port"] == {"limit": 500, "used": 1, "reserved": 0}


@pytest.mark.parametrize("name", ["network", "subnet", "port", "security_group", "security_group_rule"])
def test_the_last_one(db, name):
    cloud = Networks(db, **{name: {"security_group_rule": 3}.get(name, 1)})
    network = cloud.make("red", "network", name="n")
    subnet = cloud.make("red", "subnet", network_id=network["id"], cidr="10.0.0.0/24")
    group = cloud.make("red", "security_group", name="g")
    cloud.make("red", "port", network_id=network["id"], security_groups=[group["id"]])
    cloud.make("red", "security_group_rule", security_group_id=group["id"], direction="ingress")
    bodies = {
        "network": {"name": "other"},
        "subnet": {"network_id": network["id"], "cidr": "10.0.1.0/24"},
        "port": {"network_id": network["id"]},
        "security_group": {"name": "other"},
        "security_group_rule": {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"},
    }
    path = f"/{name.replace('_', '-')}s"
    kind, message = cloud.refused("red", "POST", path, 409, {name: bodies[name]})
    assert kind == "OverQuota"
    assert f"['{name}']" in message
    cloud.ask("admin", "PUT", "/v2.0/quotas/red", 200, {"quota": {name: -1}})
    cloud.make("red", name, **bodies[name])
    assert subnet["id"]
