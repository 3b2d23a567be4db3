"""The unmodified SDK and command line with the generated clouds.yaml, over real HTTP."""

import json
import os
import threading

import cheroot.wsgi
import openstack
import pytest

from corenova.cmd import clouds_yaml
from corenova.cmd.api import dispatcher
from corenova.identity import app as identity_app
from corenova.identity.catalog import Catalog, base_url
from corenova.identity.service import IdentityService
from corenova.network import app as network_app
from corenova.testing import openstack_command


@pytest.fixture
def clouds(cloud, tmp_path, monkeypatch):
    """Identity and networks on a free port; returns the path of clouds.yaml."""
    cloud.conf.set_override("state_path", str(tmp_path))
    apps = {}
    server = cheroot.wsgi.Server(("127.0.0.1", 0), lambda environ, start: dispatcher(apps)(environ, start))
    server.prepare()
    port = server.bind_addr[1]
    identity = IdentityService(cloud.db, cloud.conf, Catalog(cloud.conf, port))
    path = clouds_yaml.publish(cloud.db, cloud.conf, base_url(cloud.conf, port))
    apps[""] = identity_app.build_app(identity, cloud.conf)
    apps["network"] = network_app.build_app(cloud.service, identity.validate, cloud.conf, base=identity.services.base)
    thread = threading.Thread(target=server.serve)
    thread.start()
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    yield path
    server.stop()
    thread.join()


@pytest.fixture
def user(clouds):
    with openstack.connect(cloud="corenova") as connection:
        yield connection


@pytest.fixture
def admin(clouds):
    with openstack.connect(cloud="corenova-admin") as connection:
        yield connection


def test_a_users_day(user):
    network = user.network.create_network(name="net")
    assert (network.status, network.is_shared, network.is_router_external) == ("ACTIVE", False, False)
    subnet = user.network.create_subnet(
        network_id=network.id, ip_version=4, cidr="10.0.0.0/24", dns_nameservers=["9.9.9.9"], name="sub"
    )
    assert (subnet.gateway_ip, subnet.is_dhcp_enabled) == ("10.0.0.1", True)
    assert user.network.find_network("net").id == network.id
    assert user.network.find_network("nonsense", ignore_missing=True) is None
    assert [one.name for one in user.network.subnets(network_id=network.id)] == ["sub"]
    port = user.network.create_port(network_id=network.id, name="p", fixed_ips=[{"ip_address": "10.0.0.40"}])
    assert [one.id for one in user.network.ports(fixed_ips="ip_address=10.0.0.40")] == [port.id]
    assert user.network.update_port(port, name="q", description="mine").name == "q"
    assert user.network.update_subnet(subnet, name="other").name == "other"
    assert user.network.update_network(network, name="renamed").name == "renamed"
    group = user.network.create_security_group(name="web", description="d")
    rule = user.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80
    )
    with pytest.raises(openstack.exceptions.ConflictException, match="same meaning"):
        user.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80
        )
    assert rule.ether_type == "IPv4"
    assert {one.name for one in user.network.security_groups()} == {"default", "web"}
    user.network.update_port(port, security_groups=[group.id])
    with pytest.raises(openstack.exceptions.ConflictException, match="in use"):
        user.network.delete_security_group(group)
    assert [list(user.network.ips()), list(user.network.routers())] == [[], []]
    assert "quotas" in {one.alias for one in user.network.extensions()}
    user.network.delete_port(port)
    user.network.delete_security_group_rule(rule)
    user.network.delete_security_group(group)
    user.network.delete_subnet(subnet)
    user.network.delete_network(network, ignore_missing=False)
    assert list(user.network.networks()) == []


def test_the_layer_of_clouds(user):
    """What provisioning tools use: by name, with lists that are searched on the client's side."""
    network = user.create_network("net")
    user.create_subnet("net", cidr="10.0.0.0/24", subnet_name="sub", disable_gateway_ip=True)
    assert user.get_network("net")["id"] == network["id"]
    assert user.get_subnet("sub")["gateway_ip"] is None
    assert user.create_port(network["id"])["fixed_ips"]
    assert len(user.search_ports(filters={"network_id": network["id"]})) == 1
    assert user.create_security_group("web", "for the web")["name"] == "web"
    assert user.create_security_group_rule("web", port_range_min=22, port_range_max=22, protocol="tcp")
    assert user.list_floating_ips() == []
    assert user.delete_security_group("web")


def test_an_admin(admin):
    network = admin.network.create_network(
        name="outside", provider_network_type="flat", provider_physical_network="br0", is_shared=True
    )
    assert (network.provider_network_type, network.provider_physical_network) == ("flat", "br0")
    project = admin.current_project_id
    assert admin.network.get_quota(project).ports == 500
    assert admin.network.update_quota(project, ports=7).ports == 7
    assert admin.network.get_quota(project, details=True).ports["limit"] == 7
    admin.network.delete_quota(project)
    assert admin.network.get_quota(project).ports == 500
    assert list(admin.network.agents()) == []


def test_pages_of_the_sdk(user):
    network = user.network.create_network(name="net")
    user.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.0.0.0/24")
    user.network.create_ports([{"network_id": network.id, "name": f"p{number}"} for number in range(7)])
    assert {one.name for one in user.network.ports(limit=3)} == {f"p{number}" for number in range(7)}


def test_the_command_line(clouds):
    def run(*words, cloud="corenova"):
        done = openstack_command.run("--os-cloud", cloud, *words, env=os.environ)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "json" in words else done.stdout

    as_json = ("-f", "json")
    network = run("network", "create", "net", *as_json)
    subnet = run("subnet", "create", "--network", "net", "--subnet-range", "10.0.0.0/24", "sub", *as_json)
    assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    port = run("port", "create", "--network", "net", "--fixed-ip", "subnet=sub,ip-address=10.0.0.9", "p", *as_json)
    assert port["network_id"] == network["id"]
    run("security", "group", "create", "web")
    run("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "80:81", "web")
    run("port", "set", "--security-group", "web", "p")
    [listed] = run("port", "list", "--network", "net", "--long", *as_json)
    assert listed["Fixed IP Addresses"] == [{"subnet_id": subnet["id"], "ip_address": "10.0.0.9"}]
    assert len(run("security", "group", "rule", "list", "web", *as_json)) == 3
    run("port", "delete", "p")
    run("security", "group", "delete", "web")
    run("network", "delete", "net")
    assert run("network", "list", *as_json) == []
    flat = ("--provider-network-type", "flat", "--provider-physical-network", "br0")
    run("network", "create", "--share", *flat, "outside", cloud="corenova-admin")
    assert [one["Name"] for one in run("network", "list", *as_json)] == ["outside"]
