"""The same service on every database: no address twice, no quota exceeded, by 32 who ask at the same moment."""

import time
import uuid

import pytest
import sqlalchemy as sa

from corenova.contracts.network import AUTO
from corenova.db import addresses, migrate, ports, schema
from corenova.db.engine import Database
from corenova.exceptions import CorenovaError
from corenova.objects.network import WantedNic
from tests.functional.network.conftest import Networks, context_of
from tests.races import at_once

AT_ONCE = 32


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql_url", marks=pytest.mark.pg),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def db(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/db" if is_sqlite else _own_database(request.getfixturevalue(request.param))
    db = Database(url, pool_size=AT_ONCE, max_overflow=AT_ONCE)
    migrate.upgrade(db)
    yield db
    db.close()


def _own_database(url):
    name = f"network_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    unicode = " CHARACTER SET utf8mb4" if engine.dialect.name in ("mysql", "mariadb") else ""
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}{unicode}"))
    engine.dispose()
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


def addresses_in(cloud):
    """All addresses that ports have."""
    return cloud.db.read(
        lambda connection: connection.execute(sa.select(schema.port_addresses.c.address)).scalars().all()
    )


def test_a_story(cloud):
    """What the databases might take differently: booleans, text, numbers of IPv6, JSON, pages, filters."""
    network, _ = cloud.network(dns_nameservers=["9.9.9.9"])
    cloud.make("red", "subnet", network_id=network["id"], ip_version=6, cidr="fd00::/64")
    port = cloud.make("red", "port", network_id=network["id"], name="süß 🐌")
    assert [one["ip_address"] for one in port["fixed_ips"]] == ["10.0.0.2", "fd00::2"]
    last = [{"ip_address": "fd00::ffff:ffff:ffff:ffff"}]
    cloud.make("red", "port", network_id=network["id"], fixed_ips=last, admin_state_up=False)
    assert (
        cloud.get("red", "/ports?admin_state_up=false")["ports"][0]["fixed_ips"][0]["ip_address"]
        == last[0]["ip_address"]
    )
    pages = cloud.get("red", "/ports?limit=1&sort_key=admin_state_up&sort_dir=desc")
    assert [one["name"] for one in pages["ports"]] == ["süß 🐌"]
    servers = cloud.server("red", [WantedNic(network_id=network["id"]), WantedNic(port_id=port["id"])])
    assert len(cloud.nics(servers[0])) == 2
    assert cloud.rules(servers[0])[0].rules
    cloud.db.write("test", lambda connection: cloud.backend.release(connection, servers))
    assert {one["id"] for one in cloud.get("red", f"/ports?name={port['name']}")["ports"]} == {port["id"]}
    group = cloud.make("red", "security_group", name="g")
    rule = {"security_group_id": group["id"], "direction": "ingress"}
    cloud.make("red", "security_group_rule", **rule)
    cloud.make("red", "security_group_rule", status=409, **rule)
    cloud.ask("admin", "PUT", "/v2.0/quotas/red", 200, {"quota": {"port": 9}})
    cloud.ask("admin", "DELETE", "/v2.0/quotas/red", 204)


HOSTILE_PATHS = [
    "networks/%00", "networks?marker=%00", "networks?name=%00", "quotas/%00", "extensions/%00",
    "ports?limit=" + "9" * 30, "networks?mtu=9999999999999999999999",
    "subnets?ip_version=-99999999999", "ports?name=%ff%fe", "ports?fixed_ips=",
    "ports?fixed_ips=ip_address%3D" + "9" * 300, "networks?sort_key=%00", "networks?name=" + "x" * 5000,
    "security-group-rules?port_range_min=1e9", "networks?fields=%00", "ports?id=" + "&id=".join(["x"] * 900),
]  # fmt: skip
HOSTILE_BODIES = [
    ("networks", b'{"network": {"name": "\\ud800"}}'),
    ("networks", b'{"network": {"name": "\xff"}}'),
    ("networks", b'{"network": {"mtu": 1e400}}'),
    ("networks", b'{"network": {"mtu": 99999999999999999999999999}}'),
    ("networks", b'{"network": {"name": "\\u0000"}}'),
    ("networks", b'{"network": {"project_id": {"a": "b"}}}'),
    ("networks", b"[" * 5000),
    ("networks", b'{"network": ' + b'{"a":' * 500 + b"1" + b"}" * 501),
    ("security-groups", b'{"security_group": {"name": null}}'),
    ("ports", b'{"port": {"network_id": "\\u0000"}}'),
    ("ports", b'{"ports": []}'),
    ("ports", b'{"port": {"network_id": "x", "device_id": "' + b"d" * 256 + b'"}}'),
]


def test_hostile_requests(cloud):
    headers = {"X-Auth-Token": "admin"}
    for asked in HOSTILE_PATHS:
        path, _, query = asked.partition("?")
        response = cloud.http.simulate_get(f"/network/v2.0/{path}", query_string=query, headers=headers)
        assert response.status_code in (200, 400, 404), asked
    for path, body in HOSTILE_BODIES:
        response = cloud.http.simulate_post(f"/network/v2.0/{path}", body=body, headers=headers)
        assert response.status_code in (400, 404), (body[:60], response.text)
        assert response.json["NeutronError"]["message"]


def test_no_address_twice(cloud):
    """Servers of two projects, users' ports, and some who want an address of their own, all at once."""
    network, _ = cloud.network("admin", "10.0.0.0/25", shared=True)
    wish = [{"ip_address": "10.0.0.20"}]

    def ask(number):
        who = ("red", "blue")[number % 2]
        if number % 4 < 2:
            return cloud.server(who, count=2)
        body = {"port": {"network_id": network["id"], **({"fixed_ips": wish} if number % 8 == 2 else {})}}
        headers = {"X-Auth-Token": who}
        return cloud.http.simulate_post("/network/v2.0/ports", json=body, headers=headers).status_code

    outcomes = at_once(AT_ONCE, ask)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    named = [one for number, one in enumerate(outcomes) if number % 8 == 2]
    assert named.count(201) <= 1
    assert set(named) <= {201, 409}
    made = sum(2 if isinstance(one, list) else one == 201 for one in outcomes)
    found = addresses_in(cloud)
    assert len(found) == len(set(found)) == made
    assert made >= AT_ONCE
    groups = cloud.get("admin", "/security-groups?name=default&project_id=red&project_id=blue")["security_groups"]
    assert sorted(group["project_id"] for group in groups) == ["blue", "red"], "one default group a project"


def test_the_last_addresses(cloud):
    cloud.network("red", "10.0.0.0/28")
    outcomes = at_once(AT_ONCE, lambda number: cloud.server("red"))
    refused = [one for one in outcomes if isinstance(one, CorenovaError)]
    assert [str(one) for one in refused if "No more IP addresses" not in str(one)] == []
    assert len(refused) == AT_ONCE - 13
    assert len(set(addresses_in(cloud))) == 13


def test_the_last_of_the_quota(db):
    cloud = Networks(db, port=10, network=10)
    cloud.network("red", "10.0.0.0/24")
    outcomes = at_once(AT_ONCE, lambda number: cloud.server("red"))
    assert len([one for one in outcomes if isinstance(one, list)]) == 10
    statuses = at_once(
        AT_ONCE,
        lambda number: (
            cloud.http.simulate_post(
                "/network/v2.0/networks", json={"network": {"name": f"n{number}"}}, headers={"X-Auth-Token": "red"}
            ).status_code
        ),
    )
    assert sorted(set(statuses)) == [201, 409]
    assert statuses.count(201) == 9


def test_overlapping_subnets(cloud):
    networks = [cloud.make(who, "network") for who in ("red", "blue") * 4]

    def ask(number):
        network = networks[number % 8]
        body = {"subnet": {"network_id": network["id"], "cidr": f"10.0.{number // 16}.0/24"}}
        headers = {"X-Auth-Token": network["project_id"]}
        return cloud.http.simulate_post("/network/v2.0/subnets", json=body, headers=headers).status_code

    statuses = at_once(AT_ONCE, ask)
    assert statuses.count(201) == 2
    assert set(statuses) == {201, 400}


def test_a_port_has_one_server(cloud):
    network, _ = cloud.network()
    port = cloud.make("red", "port", network_id=network["id"])
    servers = cloud.server("red", "none", count=AT_ONCE)
    wanted, context = WantedNic(port_id=port["id"]), context_of("red")

    def attach(number):
        return cloud.db.write(
            "test", lambda connection: cloud.backend.attach(connection, context, servers[number], wanted)
        )

    outcomes = at_once(AT_ONCE, attach)
    assert len([one for one in outcomes if not isinstance(one, Exception)]) == 1
    assert all(isinstance(one, CorenovaError) for one in outcomes if isinstance(one, Exception))
    assert sum(len(cloud.nics(server)) for server in servers) == 1


def test_servers_know_their_ports_whoever_changes_them(cloud, monkeypatch):
    read = ports.nics

    def slowly(*args):
        found = read(*args)
        time.sleep(0.02)  # what is read and then written must not change in between
        return found

    monkeypatch.setattr(ports, "nics", slowly)
    network, _ = cloud.network()
    group = cloud.make("red", "security_group", name="g")
    servers = cloud.server("red", groups=("g",), count=2)
    context, wanted = context_of("red"), WantedNic(network_id=network["id"])

    def ask(number):
        server = servers[number % 2]
        if number % 4 < 2:
            nic = cloud.db.write("test", lambda c: cloud.backend.attach(c, context, server, wanted))
            return number % 8 < 2 or cloud.db.write("test", lambda c: cloud.backend.detach(c, server, nic.port_id))
        noun, uuid = (("network", network["id"]), ("security_group", group["id"]))[number % 2]
        return cloud.change("red", noun, uuid, name=f"name {number}")

    assert [one for one in at_once(AT_ONCE, ask) if isinstance(one, Exception)] == []
    true = cloud.db.read(lambda connection: read(connection, servers))
    assert {server: cloud.nics(server) for server in servers} == true
    assert [len(true[server]) for server in servers] == [5, 5]


def test_deleting_beside_making(cloud):
    """Networks and groups that go while ports are made on them: never a port of nothing."""
    network, _ = cloud.network()
    group = cloud.make("red", "security_group", name="g")

    def ask(number):
        if number % 8 == 7:
            path = (f"networks/{network['id']}", f"security-groups/{group['id']}")[number % 16 == 7]
            return cloud.http.simulate_delete(f"/network/v2.0/{path}", headers={"X-Auth-Token": "red"}).status_code
        body = {"port": {"network_id": network["id"], "security_groups": [group["id"]]}}
        return cloud.http.simulate_post("/network/v2.0/ports", json=body, headers={"X-Auth-Token": "red"}).status_code

    assert set(at_once(AT_ONCE, ask)) <= {201, 204, 404, 409}

    def dangling(connection):
        p, link = schema.ports.c, schema.port_security_groups.c
        lost = sa.select(p.uuid).where(p.network_uuid.not_in(sa.select(schema.networks.c.uuid)))
        loose = sa.select(link.port_uuid).where(link.group_uuid.not_in(sa.select(schema.security_groups.c.uuid)))
        return connection.execute(lost).all() + connection.execute(loose).all()

    assert cloud.db.read(dangling) == []


def test_deleting_beside_changing(cloud):
    network, _ = cloud.network()
    group = cloud.make("red", "security_group", name="g")
    made = [cloud.make("red", "port", network_id=network["id"])["id"] for _ in range(AT_ONCE // 4)]

    def ask(number):
        path, headers = f"/network/v2.0/ports/{made[number // 4]}", {"X-Auth-Token": "red"}
        if number % 4 == 0:
            return cloud.http.simulate_delete(path, headers=headers).status_code
        body = {"port": {"security_groups": [group["id"]], "fixed_ips": [{"ip_address": f"10.0.0.{100 + number}"}]}}
        return cloud.http.simulate_put(path, json=body, headers=headers).status_code

    assert set(at_once(AT_ONCE, ask)) <= {200, 204, 404}
    for table in (schema.ports, schema.port_addresses, schema.port_security_groups):
        assert cloud.db.read(lambda connection, t=table: connection.execute(sa.select(t)).all()) == []


def test_a_large_subnet_is_quick(cloud):
    """A batch reads as many rows as it takes, however full the subnet is."""
    network, subnet = cloud.network("red", "10.0.0.0/20")
    [row] = cloud.db.read(lambda connection: connection.execute(sa.select(schema.subnets)).all())
    full = [(f"port-{position}", row, position) for position in range(2, 4000)]
    cloud.db.write("test", lambda connection: addresses.add(connection, full))
    counted = []

    def work(connection):
        sa.event.listen(connection, "before_cursor_execute", lambda *args: counted.append(args[2]))
        return addresses.take(connection, row, 90)

    found = cloud.db.write("test", work)
    assert found == list(range(4000, 4090))
    assert len(counted) <= 4
    assert cloud.db.write("test", lambda connection: addresses.take(connection, row, 100)) == list(range(4000, 4095))
    assert ports.DOWN
    assert network["id"] != subnet["id"]


def test_auto_in_the_same_second(cloud):
    assert cloud.backend.plan(context_of("red"), AUTO, groups=(), count=1).is_empty
    cloud.network()
    assert not cloud.backend.plan(context_of("red"), AUTO, groups=(), count=1).is_empty
