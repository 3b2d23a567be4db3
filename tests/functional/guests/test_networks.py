"""Servers with networks: what the user sees, what the guest is given, and that neither can leak or be given twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from openstack import exceptions


def addresses(server):
    return [ip["addr"] for its in server.addresses.values() for ip in its]


def record(site, server):
    """What the fake driver keeps of a guest."""
    (host,) = (host for uuid, host in site.cloud.guests().items() if uuid == server.id)
    return site.cloud.driver._find(host, server.id)


def ports(site, **query):
    return list(site.user.network.ports(**query))


def test_a_server_gets_a_port_and_its_guest_the_same_address(site):
    network = site.network()
    server = site.boot(networks=[{"uuid": network.id}])
    (port,) = ports(site, device_id=server.id)
    assert addresses(server) == [port.fixed_ips[0]["ip_address"]]
    assert server.addresses["home"][0]["OS-EXT-IPS-MAC:mac_addr"] == port.mac_address
    assert (port.device_owner, port.status) == ("compute:nova", "ACTIVE")
    assert record(site, server).nics == {port.id: port.mac_address}
    site.user.compute.delete_server(server)
    site.user.compute.wait_for_delete(server, interval=0.05, wait=30)
    assert ports(site) == []
    site.user.network.delete_network(network)


def test_auto_takes_the_only_network_and_none_takes_none(site):
    assert site.boot("before", networks="auto").addresses == {}
    site.network()
    assert list(site.boot("one", networks="auto").addresses) == ["home"]
    assert site.boot("none", networks="none").addresses == {}
    site.network("other", "10.21.0.0/24")
    with pytest.raises(exceptions.ConflictException, match="Multiple possible networks found"):
        site.boot("which", networks="auto")


def test_a_fixed_address_and_a_port_of_ones_own(site):
    network = site.network()
    first = site.boot("first", networks=[{"uuid": network.id, "fixed_ip": "10.20.0.77"}])
    assert addresses(first) == ["10.20.0.77"]
    with pytest.raises(exceptions.ConflictException, match=r"10\.20\.0\.77"):
        site.boot("second", networks=[{"uuid": network.id, "fixed_ip": "10.20.0.77"}])
    port = site.user.network.create_port(network_id=network.id, name="mine")
    third = site.boot("third", networks=[{"port": port.id}])
    assert addresses(third) == [port.fixed_ips[0]["ip_address"]]
    with pytest.raises(exceptions.ConflictException, match="in use"):
        site.boot("fourth", networks=[{"port": port.id}])
    site.user.compute.delete_server(third)
    site.user.compute.wait_for_delete(third, interval=0.05, wait=30)
    assert site.user.network.get_port(port.id).device_id == "", "a user's port outlives the server"


def test_an_exhausted_pool_is_told_before_anything_is_made(site):
    network = site.network(cidr="10.20.0.0/29", allocation_pools=[{"start": "10.20.0.2", "end": "10.20.0.3"}])
    for name in ("one", "two"):
        site.boot(name, networks=[{"uuid": network.id}])
    with pytest.raises(exceptions.BadRequestException, match="No more"):
        site.boot("three", networks=[{"uuid": network.id}])
    assert len(list(site.user.compute.servers())) == 2
    with pytest.raises(exceptions.BadRequestException):
        site.boot("four", networks=[{"uuid": network.id}], min_count=2, max_count=2)
    assert len(ports(site)) == 2


def test_the_port_and_the_network_of_another_project_are_not_there(site):
    stranger = site.another_user("red")
    network = stranger.network.create_network(name="theirs")
    stranger.network.create_subnet(network_id=network.id, cidr="10.30.0.0/24", ip_version=4)
    port = stranger.network.create_port(network_id=network.id)
    for asked in ({"port": port.id}, {"uuid": network.id}):
        with pytest.raises(exceptions.BadRequestException, match="could not be found"):
            site.boot(networks=[asked])
    stranger.close()


def test_32_creates_at_once_get_32_addresses(site):
    network = site.network()
    compute, image = site.user.compute, site.user.image.find_image("cirros").id
    flavor = compute.find_flavor("m1.tiny").id

    def create(number):
        asked = {"name": f"vm-{number}", "flavor_id": flavor, "image_id": image, "networks": [{"uuid": network.id}]}
        return compute.create_server(**asked)

    with ThreadPoolExecutor(32) as pool:
        servers = list(pool.map(create, range(32)))
    done = [site.wait(server, "ACTIVE") for server in servers]
    assert len({address for server in done for address in addresses(server)}) == 32


def test_an_interface_comes_and_goes(site):
    home, other = site.network(), site.network("other", "10.21.0.0/24")
    server = site.boot(networks=[{"uuid": home.id}])
    interface = site.user.compute.create_server_interface(server, net_id=other.id)
    assert (interface.net_id, interface.port_state) == (other.id, "ACTIVE")
    assert sorted(site.user.compute.get_server(server.id).addresses) == ["home", "other"]
    assert len(record(site, server).nics) == 2
    site.user.compute.delete_server_interface(interface, server=server)
    assert sorted(site.settled(server).addresses) == ["home"]
    assert len(record(site, server).nics) == 1
    assert len(ports(site)) == 1
    with pytest.raises(exceptions.NotFoundException):
        site.user.compute.delete_server_interface(interface, server=server, ignore_missing=False)


def test_an_interface_that_cannot_be_plugged_gives_its_port_back(site):
    home, other = site.network(), site.network("other", "10.21.0.0/24")
    server = site.boot(networks=[{"uuid": home.id}])

    def refuse(*_):
        raise RuntimeError("no slot is free")

    site.cloud.driver.attach_interface = refuse
    with pytest.raises(exceptions.ConflictException, match="Failed to attach"):
        site.user.compute.create_server_interface(server, net_id=other.id)
    assert list(site.user.compute.get_server(server.id).addresses) == ["home"]
    assert len(ports(site)) == 1
    actions = list(site.user.compute.server_actions(server.id))
    assert (actions[0].action, actions[0].message) == ("attach_interface", "Error")


def test_an_interface_that_was_plugged_and_not_told_of_is_taken_away_before_its_port_is_free(site):
    home, other = site.network(), site.network("other", "10.21.0.0/24")
    server = site.boot(networks=[{"uuid": home.id}])
    plug = site.cloud.driver.attach_interface

    def plug_and_fail(*arguments):
        plug(*arguments)
        raise RuntimeError("it is in, but nobody may know")

    site.cloud.driver.attach_interface = plug_and_fail
    with pytest.raises(exceptions.ConflictException, match="Failed to attach"):
        site.user.compute.create_server_interface(server, net_id=other.id)
    assert len(record(site, server).nics) == 1
    assert len(ports(site)) == 1


def test_a_change_of_rules_reaches_the_guest_at_once(make_site):
    site = make_site({"compute": {"reconcile_interval_s": "60"}})
    network = site.network()
    server = site.boot(networks=[{"uuid": network.id}])
    (port,) = ports(site, device_id=server.id)
    group = site.user.network.find_security_group("default")

    def open_ports():
        return {rule.get("port_min") for rule in record(site, server).firewalls[port.id]}

    assert 22 not in open_ports()
    rule = site.user.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=22, port_range_max=22
    )
    site.cloud.wait(lambda: 22 in open_ports(), what="the rule arrives")
    site.user.network.delete_security_group_rule(rule)
    site.cloud.wait(lambda: 22 not in open_ports(), what="the rule goes")


def test_members_of_the_default_group_reach_each_other_as_they_come_and_go(make_site):
    site = make_site({"compute": {"reconcile_interval_s": "60"}})
    network = site.network()
    first = site.boot("first", networks=[{"uuid": network.id}])
    (port,) = ports(site, device_id=first.id)

    def admitted():
        return {remote for rule in record(site, first).firewalls[port.id] for remote in rule.get("remotes") or ()}

    second = site.boot("second", networks=[{"uuid": network.id}])
    (address,) = addresses(second)
    site.cloud.wait(lambda: f"{address}/32" in admitted(), what="the newcomer is admitted")
    site.user.compute.delete_server(second)
    site.cloud.wait(lambda: f"{address}/32" not in admitted(), what="who has gone is not admitted any more")


def test_security_groups_of_a_server(site):
    network = site.network()
    group = site.user.network.create_security_group(name="web")
    site.user.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80
    )
    server = site.boot(networks=[{"uuid": network.id}])
    compute = site.user.compute
    compute.add_security_group_to_server(server, group)
    shown = compute.get(f"/servers/{server.id}/os-security-groups").json()["security_groups"]
    assert {one["name"] for one in shown} == {"default", "web"}
    (rule,) = next(one["rules"] for one in shown if one["name"] == "web")
    assert (rule["ip_protocol"], rule["from_port"], rule["ip_range"]) == ("tcp", 80, {"cidr": "0.0.0.0/0"})
    assert {one["name"] for one in compute.get_server(server.id).security_groups} == {"default", "web"}
    compute.remove_security_group_from_server(server, group)
    assert {one["name"] for one in compute.get_server(server.id).security_groups} == {"default"}
    with pytest.raises(exceptions.NotFoundException, match="web is not associated"):
        compute.remove_security_group_from_server(server, group)


def test_a_build_that_fails_gives_its_ports_back(make_site):
    site = make_site({"fake": {"spawn_abort_names": "bad*"}})
    network = site.network()
    compute = site.user.compute
    server = compute.create_server(
        name="bad",
        flavor_id=compute.find_flavor("m1.tiny").id,
        image_id=site.user.image.find_image("cirros").id,
        networks=[{"uuid": network.id}],
    )
    compute.wait_for_server(server, status="ERROR", failures=[], interval=0.05, wait=30)
    assert ports(site) == []
