"""Security groups and rules over HTTP, and what they let pass at servers."""

import pytest

from corenova.objects.network import SecurityRule


def default_group(cloud, who="red"):
    return cloud.get(who, "/security-groups?name=default")["security_groups"][0]


def test_the_default_group(cloud):
    group = default_group(cloud)
    assert (group["name"], group["description"], group["project_id"]) == ("default", "Default security group", "red")
    rules = {(one["direction"], one["ethertype"], one["remote_group_id"]) for one in group["security_group_rules"]}
    assert rules == {
        ("egress", "IPv4", None),
        ("egress", "IPv6", None),
        ("ingress", "IPv4", group["id"]),
        ("ingress", "IPv6", group["id"]),
    }
    assert len(cloud.get("red", "/security-groups")["security_groups"]) == 1
    assert cloud.refused("red", "POST", "/security-groups", 409, {"security_group": {"name": "default"}})
    path = f"/security-groups/{group['id']}"
    assert cloud.refused("red", "DELETE", path, 409)[0] == "SecurityGroupCannotRemoveDefault"
    assert cloud.refused("red", "PUT", path, 409, {"security_group": {"name": "x"}})[0].startswith(
        "SecurityGroupCannot"
    )
    assert cloud.change("red", "security_group", group["id"], description="ours")["description"] == "ours"


def test_a_group_and_its_rules(cloud):
    group = cloud.make("red", "security_group", name="web", description="d")
    assert [(one["direction"], one["ethertype"]) for one in group["security_group_rules"]] == [
        ("egress", "IPv4"),
        ("egress", "IPv6"),
    ]
    asked = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    ports = {"port_range_min": 80, "port_range_max": 81}
    rule = cloud.make("red", "security_group_rule", **asked, **ports, remote_ip_prefix="10.0.0.0/8")
    assert (rule["ethertype"], rule["protocol"], rule["remote_ip_prefix"]) == ("IPv4", "tcp", "10.0.0.0/8")
    same = {"security_group_rule": {**asked, **ports, "protocol": 6, "remote_ip_prefix": "10.1.2.3/8"}}
    assert cloud.refused("red", "POST", "/security-group-rules", 409, same)[0] == "SecurityGroupRuleExists"
    listed = cloud.get("red", f"/security-group-rules?security_group_id={group['id']}&direction=ingress")
    assert listed["security_group_rules"] == [rule]
    assert cloud.get("red", f"/security-group-rules/{rule['id']}")["security_group_rule"] == rule
    assert cloud.change("red", "security_group", group["id"], name="www")["name"] == "www"
    cloud.ask("red", "DELETE", f"/v2.0/security-group-rules/{rule['id']}", 204)
    cloud.ask("red", "DELETE", f"/v2.0/security-groups/{group['id']}", 204)
    assert cloud.get("red", f"/security-group-rules?security_group_id={group['id']}")["security_group_rules"] == []
    bulk = [{"name": "a"}, {"name": "b"}]
    assert (
        len(cloud.ask("red", "POST", "/v2.0/security-groups", 201, {"security_groups": bulk})["security_groups"]) == 2
    )


def test_a_group_in_use(cloud):
    network, _ = cloud.network()
    group = cloud.make("red", "security_group", name="web")
    port = cloud.make("red", "port", network_id=network["id"], security_groups=[group["id"]])
    assert cloud.refused("red", "DELETE", f"/security-groups/{group['id']}", 409)[0] == "SecurityGroupInUse"
    cloud.change("red", "port", port["id"], security_groups=[])
    cloud.ask("red", "DELETE", f"/v2.0/security-groups/{group['id']}", 204)


BAD_RULES = [
    {"direction": "up"},
    {"ethertype": "IPX"},
    {"protocol": "carrier-pigeon"},
    {"protocol": 256},
    {"protocol": -1},
    {"protocol": "icmpv6"},
    {"port_range_min": 80, "port_range_max": 80},
    {"protocol": "tcp", "port_range_min": 80},
    {"protocol": "tcp", "port_range_min": 81, "port_range_max": 80},
    {"protocol": "tcp", "port_range_min": 0, "port_range_max": 80},
    {"protocol": "udp", "port_range_min": 1, "port_range_max": 65536},
    {"protocol": "icmp", "port_range_min": 256},
    {"protocol": "icmp", "port_range_max": 1},
    {"protocol": "gre", "port_range_min": 1, "port_range_max": 2},
    {"remote_ip_prefix": "everybody"},
    {"remote_ip_prefix": "fd00::/8"},
    {"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": "x"},
    {"port_range_min": "80"},
    {"colour": "red"},
]


@pytest.mark.parametrize("values", BAD_RULES)
def test_bad_rules(cloud, values):
    asked = {"security_group_id": default_group(cloud)["id"], "direction": "ingress", **values}
    cloud.refused("red", "POST", "/security-group-rules", 400, {"security_group_rule": asked})


def test_groups_of_others(cloud):
    theirs, own = default_group(cloud, "blue"), default_group(cloud)
    rule = {"security_group_id": theirs["id"], "direction": "ingress"}
    assert (
        cloud.refused("red", "POST", "/security-group-rules", 404, {"security_group_rule": rule})[0]
        == "SecurityGroupNotFound"
    )
    rule = {"security_group_id": own["id"], "direction": "ingress", "remote_group_id": theirs["id"]}
    cloud.refused("red", "POST", "/security-group-rules", 404, {"security_group_rule": rule})
    cloud.refused("red", "POST", "/security-groups", 400, {"security_group": {"name": "x", "stateful": False}})


def test_what_passes(cloud):
    cloud.network()
    one, two = cloud.server("red", count=2)
    [firewall] = cloud.rules(one)
    assert firewall.port_id == cloud.nics(one)[0].port_id
    members = ("10.0.0.2/32", "10.0.0.3/32")
    assert set(firewall.rules) == {
        SecurityRule(direction="egress", ethertype="IPv4"),
        SecurityRule(direction="egress", ethertype="IPv6"),
        SecurityRule(direction="ingress", ethertype="IPv4", remotes=members),
        SecurityRule(direction="ingress", ethertype="IPv6", remotes=()),
    }
    asked = {"security_group_id": default_group(cloud)["id"], "direction": "ingress", "ethertype": "IPv4"}
    cloud.make("red", "security_group_rule", **asked, protocol="58", status=400)
    cloud.make("red", "security_group_rule", **asked, protocol="icmp", port_range_min=8)
    cloud.make("red", "security_group_rule", **asked, protocol="17", port_range_min=53, port_range_max=53)
    cloud.make("red", "security_group_rule", **asked, protocol="vrrp", remote_ip_prefix="0.0.0.0/0")
    cloud.make("red", "security_group_rule", **{**asked, "ethertype": "IPv6"}, protocol="icmp")
    wanted = [
        SecurityRule(direction="ingress", ethertype="IPv4", protocol="icmp", port_min=8),
        SecurityRule(direction="ingress", ethertype="IPv4", protocol="udp", port_min=53, port_max=53),
        SecurityRule(direction="ingress", ethertype="IPv4", protocol="112"),
        SecurityRule(direction="ingress", ethertype="IPv6", protocol="ipv6-icmp"),
    ]
    assert [rule for rule in cloud.rules(two)[0].rules if rule.protocol] == wanted
    assert cloud.told == [sorted([one, two])] * 4
    nobody = cloud.db.read(lambda connection: cloud.backend.firewalls(connection, []))
    assert nobody == {}


def test_who_is_told(cloud):
    """A change of rules concerns the group's servers, a change of members those that admit the group."""
    network, _ = cloud.network()
    web = cloud.make("red", "security_group", name="web")
    database = cloud.make("red", "security_group", name="database")
    [behind] = cloud.server("red", groups=("database",))
    [front] = cloud.server("red", groups=(web["id"],))
    rule = {"security_group_id": database["id"], "direction": "ingress", "remote_group_id": web["id"]}
    rule = cloud.make("red", "security_group_rule", **rule)
    assert cloud.told == [[behind]]
    cloud.told.clear()
    assert cloud.db.read(lambda connection: cloud.backend.affected(connection, [front])) == [behind]
    assert cloud.db.read(lambda connection: cloud.backend.affected(connection, [behind])) == []
    port = cloud.make("red", "port", network_id=network["id"], security_groups=[web["id"]])
    assert cloud.told.pop() == [behind]
    cloud.change("red", "port", port["id"], security_groups=[database["id"]])
    assert cloud.told.pop() == [behind]
    cloud.change("red", "port", cloud.nics(front)[0].port_id, security_groups=[web["id"], database["id"]])
    assert cloud.told.pop() == sorted([front, behind])
    assert cloud.nics(front)[0].security_groups == ("web", "database")
    cloud.change("red", "security_group", web["id"], name="www")
    assert cloud.nics(front)[0].security_groups == ("www", "database")
    cloud.change("red", "port", cloud.nics(front)[0].port_id, security_groups=[database["id"]])
    cloud.told.clear()
    cloud.ask("red", "DELETE", f"/v2.0/security-groups/{web['id']}", 204)
    assert cloud.told.pop() == sorted([front, behind]), "its rule about the other group is gone"
    assert cloud.get("red", f"/security-group-rules/{rule['id']}", 404)


def test_down_is_shut(cloud):
    network, _ = cloud.network()
    [server] = cloud.server("red")
    port = cloud.nics(server)[0].port_id
    cloud.change("red", "port", port, admin_state_up=False)
    assert cloud.told.pop() == [server]
    assert cloud.rules(server)[0].rules == ()
    cloud.change("red", "port", port, admin_state_up=True)
    assert cloud.rules(server)[0].rules
    cloud.told.clear()
    cloud.change("red", "network", network["id"], admin_state_up=False)
    assert cloud.told == [[server]]
    assert cloud.rules(server)[0].rules == ()
