"""Ports over HTTP: addresses, cards, groups, filters, and what cannot be."""

import re

import pytest

from corenova.network import allocation


def test_a_port(cloud):
    network, subnet = cloud.network()
    port = cloud.make("red", "port", network_id=network["id"], name="p")
    assert re.fullmatch(r"fa:16:3e(:[0-9a-f]{2}){3}", port["mac_address"])
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.0.0.2"}]
    [default] = cloud.get("red", "/security-groups")["security_groups"]
    assert port["security_groups"] == [default["id"]]
    assert (port["status"], port["device_id"], port["device_owner"], port["admin_state_up"]) == ("DOWN", "", "", True)
    assert port["port_security_enabled"] is True
    assert "binding:host_id" not in port
    assert cloud.get("admin", f"/ports/{port['id']}")["port"]["binding:vif_type"] == "unbound"
    other = cloud.make("red", "port", network_id=network["id"])
    assert other["fixed_ips"][0]["ip_address"] == "10.0.0.3"
    changed = cloud.change("red", "port", port["id"], name="q", device_id="router", description="d")
    assert (changed["name"], changed["device_id"], changed["description"]) == ("q", "router", "d")
    cloud.ask("red", "DELETE", f"/v2.0/ports/{port['id']}", 204)
    cloud.refused("red", "GET", f"/ports/{port['id']}", 404)
    again = cloud.make("red", "port", network_id=network["id"])
    assert again["fixed_ips"][0]["ip_address"] == "10.0.0.4", "an address comes back as late as possible"


def test_wishes(cloud):
    network, subnet = cloud.network()
    other = cloud.make("red", "subnet", network_id=network["id"], cidr="10.0.1.0/24")

    def addresses(**values):
        made = cloud.make("red", "port", network_id=network["id"], **values)
        return [one["ip_address"] for one in made["fixed_ips"]]

    assert addresses(fixed_ips=[{"ip_address": "10.0.0.9"}]) == ["10.0.0.9"]
    assert addresses(fixed_ips=[{"subnet_id": other["id"]}]) == ["10.0.1.2"]
    both = [{"subnet_id": other["id"]}, {"subnet_id": subnet["id"], "ip_address": "10.0.0.10"}]
    assert addresses(fixed_ips=both) == ["10.0.0.10", "10.0.1.3"]
    assert addresses(fixed_ips=[]) == []
    assert addresses(mac_address="FA-16-3E-00-00-01") == ["10.0.0.2"]
    body = {"port": {"network_id": network["id"], "fixed_ips": [{"ip_address": "10.0.0.9"}]}}
    kind, message = cloud.refused("red", "POST", "/ports", 409, body)
    assert kind == "IpAddressInUse"
    assert "10.0.0.9" in message
    body = {"port": {"network_id": network["id"], "mac_address": "fa:16:3e:00:00:01"}}
    assert cloud.refused("red", "POST", "/ports", 409, body)[0] == "MacAddressInUse"


def test_other_addresses_for_a_port(cloud):
    network, subnet = cloud.network()
    port = cloud.make("red", "port", network_id=network["id"])
    keep = [{"subnet_id": subnet["id"]}, {"ip_address": "10.0.0.50"}]
    changed = cloud.change("red", "port", port["id"], fixed_ips=keep)
    assert [one["ip_address"] for one in changed["fixed_ips"]] == ["10.0.0.2", "10.0.0.50"]
    assert cloud.change("red", "port", port["id"], fixed_ips=[])["fixed_ips"] == []
    changed = cloud.change("red", "port", port["id"], mac_address="02:00:00:00:00:01")
    assert changed["mac_address"] == "02:00:00:00:00:01"


def test_filters(cloud):
    network, subnet = cloud.network()
    one = cloud.make(
        "red", "port", network_id=network["id"], name="one", device_id="d", fixed_ips=[{"ip_address": "10.0.0.9"}]
    )
    two = cloud.make("red", "port", network_id=network["id"], name="two", fixed_ips=[])
    [group] = one["security_groups"]

    def names(query):
        return [port["name"] for port in cloud.get("red", f"/ports?{query}")["ports"]]

    assert names("device_id=d") == ["one"]
    assert names("fixed_ips=ip_address%3D10.0.0.9") == ["one"]
    assert names(f"fixed_ips=subnet_id%3D{subnet['id']}") == ["one"]
    assert names(f"fixed_ips=subnet_id%3D{subnet['id']}&fixed_ips=ip_address%3D10.0.0.8") == []
    assert names(f"network_id={network['id']}&sort_key=name&sort_dir=desc") == ["two", "one"]
    assert names(f"mac_address={two['mac_address'].upper()}") == ["two"]
    assert names(f"security_groups={group}") == ["one", "two"]
    assert names("status=DOWN&admin_state_up=true&name=two") == ["two"]
    assert names(f"id={one['id']}&id={two['id']}") == ["one", "two"]
    cloud.refused("red", "GET", "/ports?fixed_ips=10.0.0.9", 400)
    cloud.refused("red", "GET", "/ports?binding:profile=x", 400)


def test_many_at_once_or_none(cloud):
    network, _ = cloud.network(cidr="10.0.0.0/29")
    bodies = [{"network_id": network["id"], "name": f"p{number}"} for number in range(3)]
    made = cloud.ask("red", "POST", "/v2.0/ports", 201, {"ports": bodies})["ports"]
    assert [port["name"] for port in made] == ["p0", "p1", "p2"]
    kind, message = cloud.refused("red", "POST", "/ports", 409, {"ports": bodies})
    assert kind == "IpAddressGenerationFailure"
    assert f"No more IP addresses available on network {network['id']}" in message
    assert len(cloud.get("red", "/ports")["ports"]) == 3
    cloud.refused("red", "POST", "/ports", 400, {"ports": bodies * 40})


def test_a_shared_network(cloud):
    network, _ = cloud.network("admin", shared=True)
    port = cloud.make("red", "port", network_id=network["id"])
    assert port["project_id"] == "red"
    assert cloud.get("blue", "/ports")["ports"] == []
    for values in ({"mac_address": "fa:16:3e:00:00:01"}, {"port_security_enabled": False, "security_groups": []}):
        cloud.refused("red", "POST", "/ports", 403, {"port": {"network_id": network["id"], **values}})
        cloud.refused("red", "PUT", f"/ports/{port['id']}", 403, {"port": values})
    assert cloud.refused("admin", "PUT", f"/networks/{network['id']}", 409, {"network": {"shared": False}})


def test_port_security(cloud):
    network, _ = cloud.network()
    port = cloud.make("red", "port", network_id=network["id"], port_security_enabled=False)
    assert (port["security_groups"], port["port_security_enabled"]) == ([], False)
    port = cloud.change("red", "port", port["id"], port_security_enabled=True, security_groups=None)
    assert len(port["security_groups"]) == 1
    cloud.refused("red", "PUT", f"/ports/{port['id']}", 409, {"port": {"port_security_enabled": False}})
    port = cloud.change("red", "port", port["id"], port_security_enabled=False, security_groups=[])
    assert port["security_groups"] == []
    body = {"port": {"security_groups": [cloud.get("red", "/security-groups")["security_groups"][0]["id"]]}}
    cloud.refused("red", "PUT", f"/ports/{port['id']}", 409, body)


BAD_PORTS = [
    ({"mac_address": "fa:16:3e:00:00"}, 400, "not a valid MAC"),
    ({"mac_address": "fa:16:3e:00:00:zz"}, 400, "not a valid MAC"),
    ({"mac_address": "01:00:5e:00:00:01"}, 400, "of one card"),
    ({"mac_address": "00:00:00:00:00:00"}, 400, "of one card"),
    ({"fixed_ips": [{"ip_address": "10.9.0.9"}]}, 400, "any of the subnets"),
    ({"fixed_ips": [{"ip_address": "10.0.0.0"}]}, 400, "not a valid IP"),
    ({"fixed_ips": [{"ip_address": "10.0.0.255"}]}, 400, "not a valid IP"),
    ({"fixed_ips": [{"ip_address": "10.0.0.1"}]}, 400, "gateway"),
    ({"fixed_ips": [{"ip_address": "ten"}]}, 400, "ten"),
    ({"fixed_ips": [{"subnet_id": "x"}]}, 400, "subnet x"),
    ({"fixed_ips": [{}]}, 400, "neither"),
    ({"fixed_ips": [{"colour": "red"}]}, 400, "colour"),
    ({"fixed_ips": [{"ip_address": "10.0.0.9"}, {"ip_address": "10.0.0.9"}]}, 409, "in use"),
    ({"fixed_ips": [{"ip_address": f"10.0.0.{number}"} for number in range(10, 20)]}, 400, "length"),
    ({"security_groups": ["nobody"]}, 404, "nobody"),
    ({"allowed_address_pairs": [{"ip_address": "10.0.0.9"}]}, 400, "allowed_address_pairs"),
    ({"binding:vnic_type": "direct"}, 400, "vnic_type"),
    ({"device_owner": "compute:nova"}, 403, "device_owner"),
    ({"device_owner": "network:dhcp"}, 403, "device_owner"),
    ({"binding:host_id": "h"}, 403, "binding:host_id"),
    ({"status": "ACTIVE"}, 400, "Unrecognized"),
    ({"dns_name": "x"}, 400, "Unrecognized"),
]


@pytest.mark.parametrize(("values", "status", "said"), BAD_PORTS)
def test_bad_ports(cloud, values, status, said):
    network, _ = cloud.network()
    body = {"port": {"network_id": network["id"], **values}}
    assert said in cloud.refused("red", "POST", "/ports", status, body)[1]
    assert cloud.get("red", "/ports")["ports"] == []


def test_another_projects_group(cloud):
    network, _ = cloud.network()
    [theirs] = cloud.get("blue", "/security-groups")["security_groups"]
    body = {"port": {"network_id": network["id"], "security_groups": [theirs["id"]]}}
    assert cloud.refused("red", "POST", "/ports", 404, body)[0] == "SecurityGroupNotFound"
    assert cloud.refused("red", "POST", "/ports", 404, {"port": {"network_id": "x"}})[0] == "NetworkNotFound"


def test_a_hardware_address_that_is_taken_is_tried_again(cloud, monkeypatch):
    network, _ = cloud.network()
    taken = cloud.make("red", "port", network_id=network["id"])["mac_address"]
    drawn = iter([taken, taken, "fa:16:3e:00:00:07"])
    monkeypatch.setattr(allocation, "_new_mac", lambda: next(drawn))
    assert cloud.make("red", "port", network_id=network["id"])["mac_address"] == "fa:16:3e:00:00:07"


def test_isolated_networks_keep_an_address_for_dhcp(cloud):
    network, subnet = cloud.network(gateway_ip=None)
    assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    body = {"port": {"network_id": network["id"], "fixed_ips": [{"ip_address": "10.0.0.1"}]}}
    assert "DHCP" in cloud.refused("red", "POST", "/ports", 400, body)[1]
