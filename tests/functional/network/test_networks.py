"""Networks and subnets over HTTP: made, shown, listed, changed, refused, deleted."""

import pytest


def test_a_network_with_a_subnet(cloud):
    network, subnet = cloud.network()
    assert network["project_id"] == network["tenant_id"] == "red"
    assert (network["status"], network["mtu"], network["shared"], network["router:external"]) == (
        "ACTIVE",
        1500,
        False,
        False,
    )
    assert not [key for key in network if key.startswith("provider:")], "not for tenants"
    assert subnet["gateway_ip"] == "10.0.0.1"
    assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    assert (subnet["enable_dhcp"], subnet["ip_version"], subnet["host_routes"]) == (True, 4, [])
    assert cloud.get("red", f"/networks/{network['id']}")["network"]["subnets"] == [subnet["id"]]
    assert cloud.get("admin", f"/networks/{network['id']}")["network"]["provider:network_type"] == "nat"
    changed = cloud.change("red", "network", network["id"], name="other", mtu=1400, admin_state_up=False)
    assert (changed["name"], changed["mtu"], changed["admin_state_up"]) == ("other", 1400, False)
    for path in (f"/subnets/{subnet['id']}", f"/networks/{network['id']}"):
        cloud.ask("red", "DELETE", f"/v2.0{path}", 204)
        assert cloud.refused("red", "GET", path, 404)[0] in ("SubnetNotFound", "NetworkNotFound")


def test_a_network_takes_its_subnets_with_it(cloud):
    network, subnet = cloud.network()
    cloud.ask("red", "DELETE", f"/v2.0/networks/{network['id']}", 204)
    cloud.get("red", f"/subnets/{subnet['id']}", 404)
    assert cloud.get("red", "/subnets")["subnets"] == []


def test_versions_need_no_token_and_everything_else_does(cloud):
    [version] = cloud.ask("", "GET", "/")["versions"]
    assert (version["id"], version["status"]) == ("v2.0", "CURRENT")
    assert version["links"][0]["href"].endswith("/network/v2.0/")
    assert cloud.ask("", "GET", "/v2.0/")["resources"]
    assert cloud.refused("", "GET", "/networks", 401)[0] == "Unauthorized"
    assert cloud.refused("nobody", "GET", "/networks", 401)[0] == "Unauthorized"


def test_what_there_is_none_of(cloud):
    assert cloud.get("red", "/floatingips?port_id=x")["floatingips"] == []
    assert cloud.get("red", "/routers")["routers"] == []
    assert cloud.get("admin", "/agents")["agents"] == []
    cloud.refused("red", "GET", "/agents", 403)
    cloud.refused("red", "GET", "/routers/x", 404)
    cloud.refused("red", "GET", "/auto-allocated-topology/x", 404)
    assert "security-group" in {one["alias"] for one in cloud.get("red", "/extensions")["extensions"]}
    assert cloud.get("red", "/extensions/quotas")["extension"]["alias"] == "quotas"
    cloud.refused("red", "GET", "/extensions/router", 404)


def test_who_sees_a_network(cloud):
    own, _ = cloud.network("red", name="own")
    shared, subnet = cloud.network("admin", "10.1.0.0/24", name="shared", shared=True)
    outside, _ = cloud.network("admin", "10.2.0.0/24", name="outside", **{"router:external": True})
    hidden, _ = cloud.network("admin", "10.3.0.0/24", name="hidden")

    def names(who, query=""):
        return [one["name"] for one in cloud.get(who, f"/networks{query}")["networks"]]

    assert names("red") == ["own", "shared", "outside"]
    assert names("blue") == ["shared", "outside"]
    assert names("admin") == ["own", "shared", "outside", "hidden"]
    assert names("red", "?shared=true") == ["shared"]
    assert names("red", "?router:external=True") == ["outside"]
    assert names("red", "?name=own&name=hidden") == ["own"]
    assert [one["id"] for one in cloud.get("blue", "/subnets")["subnets"]] == [subnet["id"]]
    cloud.refused("red", "PUT", f"/networks/{shared['id']}", 403, {"network": {"name": "mine"}})
    cloud.refused("red", "DELETE", f"/networks/{shared['id']}", 403)
    cloud.refused("red", "POST", "/subnets", 403, {"subnet": {"network_id": shared["id"], "cidr": "10.9.0.0/24"}})
    cloud.refused("red", "POST", "/ports", 403, {"port": {"network_id": outside["id"]}})
    cloud.refused("red", "POST", "/subnets", 404, {"subnet": {"network_id": hidden["id"], "cidr": "10.9.0.0/24"}})
    cloud.refused("guest", "DELETE", f"/networks/{own['id']}", 403)
    cloud.refused("guest", "POST", "/networks", 403, {"network": {"name": "x"}})


@pytest.mark.parametrize(
    "values",
    [
        {"shared": True},
        {"router:external": True},
        {"provider:network_type": "flat", "provider:physical_network": "br0"},
    ],
)
def test_what_only_admins_may(cloud, values):
    assert cloud.refused("red", "POST", "/networks", 403, {"network": values})[0] == "PolicyNotAuthorized"
    made = cloud.make("admin", "network", **values)
    assert {key: made[key] for key in values} == values


def test_for_another_project(cloud):
    made = cloud.make("admin", "network", name="theirs", project_id="red")
    assert cloud.get("red", f"/networks/{made['id']}")["network"]["project_id"] == "red"
    cloud.refused("red", "POST", "/networks", 403, {"network": {"tenant_id": "blue"}})


def test_pages(cloud):
    for number in range(5):
        cloud.make("red", "network", name=f"n{number}")
    seen, path = [], "/v2.0/networks?limit=2&sort_key=name&sort_dir=desc&fields=name&fields=id"
    while path:
        body = cloud.ask("red", "GET", path)
        seen += body["networks"]
        links = {link["rel"]: link["href"] for link in body.get("networks_links", ())}
        path = links["next"].split("/network", 1)[1] if "next" in links else None
    assert [one["name"] for one in seen] == ["n4", "n3", "n2", "n1", "n0"]
    assert set(seen[0]) == {"name", "id"}
    back = cloud.get("red", f"/networks?limit=2&sort_key=name&sort_dir=desc&marker={seen[3]['id']}&page_reverse=True")
    assert [one["name"] for one in back["networks"]] == ["n3", "n2"]
    for bad in ("limit=x", "limit=-1", "marker=nobody", "sort_key=id&sort_dir=up", "sort_key=colour", "colour=red"):
        assert cloud.refused("red", "GET", f"/networks?{bad}", 400)[0] == "InvalidInput"


def test_a_subnet_changes(cloud):
    network, subnet = cloud.network(gateway_ip="10.0.0.254", dns_nameservers=["1.1.1.1"])
    assert subnet["allocation_pools"] == [{"start": "10.0.0.1", "end": "10.0.0.253"}]
    changed = cloud.change(
        "red",
        "subnet",
        subnet["id"],
        allocation_pools=[{"start": "10.0.0.10", "end": "10.0.0.20"}],
        gateway_ip="10.0.0.1",
        host_routes=[{"destination": "172.16.0.0/16", "nexthop": "10.0.0.9"}],
        dns_nameservers=[],
    )
    assert changed["gateway_ip"] == "10.0.0.1"
    assert changed["allocation_pools"] == [{"start": "10.0.0.10", "end": "10.0.0.20"}]
    port = cloud.make("red", "port", network_id=network["id"])
    assert port["fixed_ips"][0]["ip_address"] == "10.0.0.10"
    cloud.make("red", "port", network_id=network["id"], fixed_ips=[{"ip_address": "10.0.0.77"}])
    in_use = {"subnet": {"gateway_ip": "10.0.0.77"}}
    assert cloud.refused("red", "PUT", f"/subnets/{subnet['id']}", 409, in_use)[0] == "GatewayIpInUse"
    in_pool = {"subnet": {"gateway_ip": "10.0.0.12"}}
    kind, _ = cloud.refused("red", "PUT", f"/subnets/{subnet['id']}", 409, in_pool)
    assert kind == "GatewayConflictWithAllocationPools"
    assert cloud.refused("red", "DELETE", f"/subnets/{subnet['id']}", 409)[0] == "SubnetInUse"
    assert cloud.refused("red", "DELETE", f"/networks/{network['id']}", 409)[0] == "NetworkInUse"


def test_networks_of_one_host_cannot_share_addresses(cloud):
    cloud.network("red", "10.0.0.0/16")
    other = cloud.make("blue", "network")
    asked = {"network_id": other["id"], "cidr": "10.0.5.0/24"}
    kind, message = cloud.refused("blue", "POST", "/subnets", 400, {"subnet": asked})
    assert kind == "InvalidInput"
    assert "routing table" in message
    cut_off = cloud.make("blue", "subnet", **asked, gateway_ip=None, enable_dhcp=False)
    body = {"subnet": {"enable_dhcp": True, "allocation_pools": [{"start": "10.0.5.9", "end": "10.0.5.10"}]}}
    cloud.refused("blue", "PUT", f"/subnets/{cut_off['id']}", 400, body)
    flat = {"provider:network_type": "flat", "provider:physical_network": "br0"}
    _, on_bridge = cloud.network("admin", "10.0.0.0/24", **flat)
    assert on_bridge["enable_dhcp"] is False, "a bridge has whatever DHCP it has"


def test_ipv6(cloud):
    network, _ = cloud.network()
    subnet = cloud.make("red", "subnet", network_id=network["id"], ip_version=6, cidr="fd00::/64")
    assert (subnet["gateway_ip"], subnet["enable_dhcp"]) == ("fd00::1", False)
    assert subnet["allocation_pools"] == [{"start": "fd00::2", "end": "fd00::ffff:ffff:ffff:ffff"}]
    port = cloud.make("red", "port", network_id=network["id"])
    assert [one["ip_address"] for one in port["fixed_ips"]] == ["10.0.0.2", "fd00::2"]
    last = cloud.make("red", "port", network_id=network["id"], fixed_ips=[{"ip_address": "fd00::ffff:ffff:ffff:ffff"}])
    assert [one["ip_address"] for one in last["fixed_ips"]] == ["fd00::ffff:ffff:ffff:ffff"]
    asked = {"network_id": network["id"], "ip_version": 6, "cidr": "fd01::/64", "enable_dhcp": True}
    assert "config drive" in cloud.refused("red", "POST", "/subnets", 400, {"subnet": asked})[1]


SUBNETS = [
    ({"cidr": "10.0.0.0"}, "10.0.0.0/32"),
    ({"cidr": "10.0.0.5/24"}, "10.0.0.0/24"),
    ({"cidr": "10.0.0.0/31"}, "/30"),
    ({"cidr": "0.0.0.0/0"}, "/8"),
    ({"cidr": "224.0.0.0/24"}, "multicast"),
    ({"cidr": "fd00::/64"}, "ip_version"),
    ({"cidr": "x"}, "not a valid"),
    ({"cidr": "x" * 300}, "length"),
    ({"cidr": None}, "null"),
    ({"ip_version": 5}, "4 or 6"),
    ({"gateway_ip": "10.9.0.1"}, "Gateway"),
    ({"gateway_ip": "10.0.9.0"}, "Gateway"),
    ({"gateway_ip": "10.0.9.255"}, "Gateway"),
    ({"gateway_ip": "fd00::1"}, "IPv4"),
    ({"gateway_ip": "gate"}, "gate"),
    ({"allocation_pools": [{"start": "10.9.0.2", "end": "10.9.0.3"}]}, "beyond"),
    ({"allocation_pools": [{"start": "10.0.9.0", "end": "10.0.9.3"}]}, "beyond"),
    ({"allocation_pools": [{"start": "10.0.9.9", "end": "10.0.9.3"}]}, "ends before"),
    (
        {"allocation_pools": [{"start": "10.0.9.2", "end": "10.0.9.9"}, {"start": "10.0.9.9", "end": "10.0.9.10"}]},
        "over",
    ),
    ({"allocation_pools": [{"start": "10.0.9.2"}]}, "end"),
    ({"allocation_pools": [{"start": "a", "end": "b"}]}, "valid IP"),
    ({"allocation_pools": "all"}, "array"),
    ({"dns_nameservers": ["dns.example"]}, "dns_nameservers"),
    ({"host_routes": [{"destination": "x", "nexthop": "10.0.9.1"}]}, "host_routes"),
    ({"host_routes": [{"destination": "fd00::/64", "nexthop": "10.0.9.1"}]}, "host_routes"),
    ({"enable_dhcp": "yes"}, "bool"),
    ({"name": "x" * 256}, "length"),
    ({"name": "a\x00"}, "NUL"),
    ({"subnetpool_id": "x"}, "null"),
    ({"colour": "red"}, "Unrecognized attribute"),
    ({"id": "x"}, "Unrecognized attribute"),
]


@pytest.mark.parametrize(("values", "said"), SUBNETS)
def test_bad_subnets(cloud, values, said):
    network = cloud.make("red", "network")
    asked = {"network_id": network["id"], "cidr": "10.0.9.0/24", **values}
    assert said in cloud.refused("red", "POST", "/subnets", 400, {"subnet": asked})[1]
    assert cloud.get("red", "/subnets")["subnets"] == []


def test_a_pool_with_the_gateway(cloud):
    network = cloud.make("red", "network")
    pools = [{"start": "10.0.9.1", "end": "10.0.9.9"}]
    asked = {"network_id": network["id"], "cidr": "10.0.9.0/24", "allocation_pools": pools}
    assert cloud.refused("red", "POST", "/subnets", 409, {"subnet": asked})[0] == "GatewayConflictWithAllocationPools"


def test_overlap_in_one_network(cloud):
    network, _ = cloud.network()
    asked = {"network_id": network["id"], "cidr": "10.0.0.128/25"}
    assert "overlaps" in cloud.refused("red", "POST", "/subnets", 400, {"subnet": asked})[1]


@pytest.mark.parametrize(
    "body", [None, [], {}, {"networks": {}}, {"network": []}, {"network": {"name": 5}}, {"subnet": {}}]
)
def test_bad_bodies(cloud, body):
    cloud.refused("red", "POST", "/networks", 400, body)
    network = cloud.make("red", "network")
    cloud.refused("red", "PUT", f"/networks/{network['id']}", 400, body)


BAD_NETWORKS = [
    {"provider:network_type": "vlan"},
    {"provider:network_type": "flat"},
    {"provider:physical_network": "br0"},
    {"provider:network_type": "flat", "provider:physical_network": "a/b"},
    {"provider:segmentation_id": 5},
    {"mtu": 5},
    {"is_default": True},
]


@pytest.mark.parametrize("values", BAD_NETWORKS)
def test_bad_networks(cloud, values):
    cloud.refused("admin", "POST", "/networks", 400, {"network": values})


def test_what_is_no_id_is_not_found(cloud):
    for noun in ("networks", "subnets", "ports", "security-groups", "security-group-rules"):
        for word in ("name", "%00", "x" * 300, "é"):
            cloud.refused("red", "GET", f"/{noun}/{word}", 404)
            cloud.refused("red", "DELETE", f"/{noun}/{word}", 404)
