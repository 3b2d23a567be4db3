"""The backend as the compute side uses it: plan, allocate, attach, detach, release; the copy in the server's row."""

import pytest
import sqlalchemy as sa

from corenova.contracts.network import AUTO, NONE
from corenova.db import ports, schema
from corenova.exceptions import Conflict, InvalidInput, OverQuota
from corenova.objects.network import FixedIP, WantedNic
from tests.functional.network.conftest import Networks, context_of


def plan(cloud, wanted, *, who="red", groups=(), count=1):
    return cloud.backend.plan(context_of(who), wanted, groups=groups, count=count)


def write(cloud, work):
    return cloud.db.write("test", work)


def test_a_server_gets_the_only_network(cloud):
    network, subnet = cloud.network(
        dns_nameservers=["9.9.9.9"], host_routes=[{"destination": "10.8.0.0/16", "nexthop": "10.0.0.9"}]
    )
    cloud.make("red", "network", name="without a subnet")
    one, two = cloud.server("red", count=2)
    [nic] = cloud.nics(one)
    assert (nic.network_id, nic.network_name, nic.kind, nic.bridge) == (network["id"], "net", "nat", None)
    assert nic.fixed_ips == (
        FixedIP(
            address="10.0.0.2",
            subnet_id=subnet["id"],
            cidr="10.0.0.0/24",
            gateway="10.0.0.1",
            dns=("9.9.9.9",),
            routes=(("10.8.0.0/16", "10.0.0.9"),),
        ),
    )
    assert (nic.security_groups, nic.port_security, nic.preserve, nic.mtu) == (("default",), True, False, 1500)
    assert cloud.nics(two)[0].fixed_ips[0].address == "10.0.0.3"
    [port] = cloud.get("red", f"/ports?device_id={one}")["ports"]
    assert (port["id"], port["device_owner"]) == (nic.port_id, "compute:nova")
    cloud.network("red", "10.1.0.0/24", name="second")
    with pytest.raises(Conflict, match="Multiple possible networks"):
        plan(cloud, AUTO)


def test_no_network(cloud):
    assert plan(cloud, NONE).is_empty
    assert plan(cloud, AUTO).is_empty
    asked = []
    cloud.backend._db = type("Asked", (), {"read": asked.append})
    for _ in range(3):
        assert plan(cloud, NONE).is_empty
        assert plan(cloud, AUTO).is_empty
    assert asked == [], "there were none a moment ago"
    cloud.backend._db = cloud.db
    cloud.network()
    assert not plan(cloud, AUTO).is_empty, "this process knows at once"
    assert plan(cloud, AUTO, who="blue").is_empty


@pytest.mark.parametrize(
    ("values", "kind", "bridge"),
    [
        ({}, "nat", None),
        ({"gateway_ip": None}, "isolated", None),
        ({"provider:network_type": "local"}, "isolated", None),
        ({"provider:network_type": "flat", "provider:physical_network": "br0"}, "bridge", "br0"),
    ],
)
def test_kinds(cloud, values, kind, bridge):
    cloud.network("admin", **values)
    [server] = cloud.server("admin")
    [nic] = cloud.nics(server)
    assert (nic.kind, nic.bridge) == (kind, bridge)


def test_a_network_keeps_its_kind_while_servers_are_on_it(cloud):
    network, subnet = cloud.network()
    [server] = cloud.server("red")
    kind, message = cloud.refused("red", "PUT", f"/subnets/{subnet['id']}", 409, {"subnet": {"gateway_ip": None}})
    assert (kind, "gateway" in message) == ("NetworkInUse", True)
    more = {"network_id": network["id"], "cidr": "10.0.7.0/24", "gateway_ip": None}
    cloud.make("red", "subnet", **more)
    cloud.change("red", "subnet", subnet["id"], dns_nameservers=["1.1.1.1"], gateway_ip="10.0.0.1")
    assert cloud.nics(server)[0].fixed_ips[0].dns == ("1.1.1.1",)
    cloud.change("red", "network", network["id"], name="renamed", mtu=1300)
    assert (cloud.nics(server)[0].network_name, cloud.nics(server)[0].mtu) == ("renamed", 1300)


def test_chosen_networks_ports_and_addresses(cloud):
    network, _ = cloud.network()
    other, _ = cloud.network("red", "10.1.0.0/24", name="other")
    port = cloud.make("red", "port", network_id=other["id"], name="mine")
    wanted = [
        WantedNic(network_id=other["id"], address="10.1.0.77"),
        WantedNic(port_id=port["id"], tag="second"),
        WantedNic(network_id=network["id"]),
        WantedNic(network_id=other["id"]),
    ]
    [server] = cloud.server("red", wanted)
    nics = cloud.nics(server)
    assert [nic.fixed_ips[0].address for nic in nics] == ["10.1.0.77", "10.1.0.2", "10.0.0.2", "10.1.0.3"]
    assert [nic.preserve for nic in nics] == [False, True, False, False]
    assert nics[1].tag == "second"
    kind, message = cloud.refused("red", "DELETE", f"/ports/{port['id']}", 409)
    assert kind == "PortInUse"
    assert server in message
    for values in ({"device_id": ""}, {"fixed_ips": []}, {"mac_address": "fa:16:3e:00:00:01"}, {"device_owner": "x"}):
        assert cloud.refused("red", "PUT", f"/ports/{port['id']}", 409, {"port": values})[0] == "PortInUse"
    same = {key: port[key] for key in ("name", "fixed_ips", "mac_address")}
    cloud.change("red", "port", port["id"], **same)
    with pytest.raises(Conflict, match="in use"):
        plan(cloud, [WantedNic(port_id=port["id"])])
    with pytest.raises(Conflict, match="already in use"):
        plan(cloud, [WantedNic(network_id=other["id"], address="10.1.0.77")])
    write(cloud, lambda connection: cloud.backend.release(connection, [server]))
    assert cloud.nics(server) == []
    [left] = cloud.get("red", "/ports")["ports"]
    assert (left["id"], left["device_id"], left["device_owner"], left["status"]) == (port["id"], "", "", "DOWN")
    cloud.server("red", [WantedNic(port_id=port["id"])])


def test_plugging(cloud):
    network, _ = cloud.network()
    [server] = cloud.server("red", NONE)
    wanted = WantedNic(network_id=network["id"], tag="t")
    context = context_of("red")
    one = write(cloud, lambda connection: cloud.backend.attach(connection, context, server, wanted))
    two = write(cloud, lambda connection: cloud.backend.attach(connection, context, server, wanted))
    assert one.tag == "t"
    assert cloud.nics(server) == [one, two]
    for _ in range(2):
        write(cloud, lambda connection: cloud.backend.detach(connection, server, one.port_id))
    assert cloud.nics(server) == [two]
    write(cloud, lambda connection: cloud.backend.detach(connection, "another", two.port_id))
    assert cloud.nics(server) == [two]
    cloud.get("red", f"/ports/{one.port_id}", 404)


def test_a_rollback_leaves_nothing(cloud):
    cloud.network()
    made = plan(cloud, AUTO)

    def fails(connection):
        cloud.backend.allocate(connection, made, [("server", "host")])
        raise InvalidInput("something else")

    with pytest.raises(InvalidInput, match="something else"):
        write(cloud, fails)
    assert cloud.get("red", "/ports")["ports"] == []
    [server] = cloud.server("red")
    assert cloud.nics(server)[0].fixed_ips[0].address == "10.0.0.2"


def test_status(cloud):
    cloud.network()
    [server] = cloud.server("red")
    write(cloud, lambda connection: ports.set_status(connection, [server], ports.ACTIVE))
    assert [port["status"] for port in cloud.get("red", "/ports?status=ACTIVE")["ports"]] == ["ACTIVE"]


def test_where_a_port_is(cloud):
    cloud.network()
    [server] = cloud.server("red")
    move = sa.update(schema.instances).values(host="compute-1")
    write(cloud, lambda connection: connection.execute(move))
    [port] = cloud.get("admin", "/ports?binding:host_id=compute-1")["ports"]
    assert (port["device_id"], port["binding:host_id"], port["binding:vif_type"]) == (server, "compute-1", "bridge")


def test_what_cannot_be_planned(cloud):
    network, _ = cloud.network()
    bare = cloud.make("red", "network", name="bare")
    theirs, _ = cloud.network("blue", "10.1.0.0/24")
    their_port = cloud.make("blue", "port", network_id=theirs["id"])
    used = cloud.make("red", "port", network_id=network["id"], device_id="something")
    port = cloud.make("red", "port", network_id=network["id"])
    cases = [
        ([WantedNic(network_id=bare["id"])], 1, InvalidInput, "requires a subnet"),
        ([WantedNic(network_id=theirs["id"])], 1, InvalidInput, "could not be found"),
        ([WantedNic(network_id="x")], 1, InvalidInput, "could not be found"),
        ([WantedNic(port_id=their_port["id"])], 1, InvalidInput, "could not be found"),
        ([WantedNic(port_id="x")], 1, InvalidInput, "could not be found"),
        ([WantedNic(port_id=used["id"])], 1, Conflict, "in use"),
        ([WantedNic(port_id=port["id"])], 2, InvalidInput, "one server"),
        ([WantedNic(port_id=port["id"])] * 2, 1, InvalidInput, "twice"),
        ([WantedNic(network_id=network["id"], address="10.0.0.9")], 2, InvalidInput, "one server"),
        ([WantedNic(network_id=network["id"], address="10.9.0.9")], 1, InvalidInput, "subnets"),
        ([WantedNic(network_id=network["id"], address="10.0.0.1")], 1, InvalidInput, "gateway"),
        ([WantedNic(network_id=network["id"], address="ten")], 1, InvalidInput, "ten"),
        ([WantedNic(network_id=network["id"], address=port["fixed_ips"][0]["ip_address"])], 1, Conflict, "in use"),
        ([WantedNic(network_id=network["id"])], 500, OverQuota, "port"),
    ]
    for wanted, count, kind, said in cases:
        with pytest.raises(kind, match=said):
            plan(cloud, wanted, count=count)
    for groups, kind in ((("nobody",), InvalidInput), (("twin",), Conflict)):
        for _ in range(2):
            cloud.make("red", "security_group", name="twin")
        with pytest.raises(kind, match="ecurity group"):
            plan(cloud, [WantedNic(network_id=network["id"])], groups=groups)


def test_what_has_gone_since_the_plan(cloud):
    network, _ = cloud.network()
    group = cloud.make("red", "security_group", name="g")
    port = cloud.make("red", "port", network_id=network["id"])
    on_network = [WantedNic(network_id=network["id"])]
    grouped = plan(cloud, on_network, groups=("g",))
    named = plan(cloud, [WantedNic(network_id=network["id"], address="10.0.0.9")])
    with_port = plan(cloud, [WantedNic(port_id=port["id"])])
    plain = plan(cloud, on_network)
    cloud.ask("red", "DELETE", f"/v2.0/security-groups/{group['id']}", 204)
    cloud.make("red", "port", network_id=network["id"], fixed_ips=[{"ip_address": "10.0.0.9"}])
    cloud.change("red", "port", port["id"], device_id="something")

    def refused(made, kind, said):
        with pytest.raises(kind, match=said):
            write(cloud, lambda connection: cloud.backend.allocate(connection, made, [("server", "host")]))

    refused(grouped, InvalidInput, "Security group")
    refused(named, Conflict, "in use")
    refused(with_port, Conflict, "in use")
    for one in cloud.get("red", "/ports")["ports"]:
        cloud.ask("red", "DELETE", f"/v2.0/ports/{one['id']}", 204)
    cloud.ask("red", "DELETE", f"/v2.0/networks/{network['id']}", 204)
    refused(plain, InvalidInput, "could not be found")


def test_an_exhausted_subnet(cloud):
    network, _ = cloud.network(cidr="10.0.0.0/28")
    with pytest.raises(InvalidInput, match="No more IP addresses available"):
        cloud.server("red", count=14)
    servers = cloud.server("red", count=13)
    assert len({cloud.nics(server)[0].fixed_ips[0].address for server in servers}) == 13
    cloud.make("red", "subnet", network_id=network["id"], cidr="10.0.1.0/28")
    [server] = cloud.server("red")
    assert cloud.nics(server)[0].fixed_ips[0].address == "10.0.1.2", "the next subnet helps out"


def test_quota(db):
    cloud = Networks(db, port=3)
    network, _ = cloud.network()
    made = plan(cloud, AUTO)
    cloud.server("red", count=3)
    with pytest.raises(OverQuota):
        plan(cloud, AUTO)
    with pytest.raises(OverQuota):
        write(cloud, lambda connection: cloud.backend.allocate(connection, made, [("server", "host")]))
    kind, message = cloud.refused("red", "POST", "/ports", 409, {"port": {"network_id": network["id"]}})
    assert (kind, "port" in message) == ("OverQuota", True)
