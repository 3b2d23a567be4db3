"""Pools and free addresses, against a plain model of both."""

import ipaddress

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corenova.db import addresses, schema
from corenova.db.engine import Database
from corenova.exceptions import CorenovaError
from corenova.network import ipam


@st.composite
def networks(draw):
    """A small subnet of either version, and the address that its hosts have."""
    version = draw(st.sampled_from((4, 6)))
    size = draw(st.integers(2, 5))
    base = ipaddress.ip_address("10.1.2.0" if version == 4 else "fd00::")
    network = ipaddress.ip_network(f"{base}/{base.max_prefixlen - size}")
    hosts = [ipam.first_host(network) + offset for offset in range(int(ipam.last_host(network)) - int(network[0]))]
    return network, draw(st.sampled_from([None, *hosts]))


def members(pools):
    """All addresses of some pools."""
    return [first + offset for first, last in pools for offset in range(int(last) - int(first) + 1)]


@given(networks())
def test_default_pools_are_all_that_ports_can_have(drawn):
    network, keep = drawn
    pools = ipam.default_pools(network, keep)
    hosts = set(network) - {network.network_address, keep}
    if network.version == 4:
        hosts -= {network.broadcast_address}
    assert sorted(hosts) == members(pools)
    assert ipam.checked_pools(network, keep, [(str(first), str(last)) for first, last in pools]) == pools
    for address in members(pools):
        ipam.check_address(network, keep, address)


@given(networks(), st.lists(st.tuples(st.integers(-2, 33), st.integers(-2, 33)), max_size=4))
def test_pools_are_taken_as_they_are_or_refused(drawn, offsets):
    network, keep = drawn
    base = int(network.network_address)
    kind = type(network.network_address)
    asked = [(kind(base + first), kind(base + last)) for first, last in offsets]
    allowed = set(members(ipam.default_pools(network, keep)))
    wanted = members(asked) if all(first <= last for first, last in asked) else [None]
    good = set(wanted) <= allowed and len(set(wanted)) == len(wanted)
    texts = [(str(first), str(last)) for first, last in asked]
    if good:
        assert ipam.checked_pools(network, keep, texts) == sorted(asked)
    else:
        with pytest.raises(CorenovaError):
            ipam.checked_pools(network, keep, texts)


@given(st.sampled_from(("10.0.0.0/8", "10.1.2.0/30", "fd00::/64", "fd00::/126")), st.data())
def test_an_address_has_one_number(cidr, data):
    network = ipaddress.ip_network(cidr)
    address = network[data.draw(st.integers(0, network.num_addresses - 1))]
    position = addresses.position_of(cidr, str(address))
    assert -(2**63) <= position < 2**63
    assert addresses.address_at(cidr, position) == str(address)


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('ipam')}/db")
    schema.metadata.create_all(db.raw_writer())
    yield db
    db.close()


CIDR = "10.0.0.0/26"
POOLS = (
    st.lists(st.integers(1, 62), min_size=2, max_size=6, unique=True)
    .map(sorted)
    .map(lambda ends: ends[: len(ends) // 2 * 2])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(POOLS, st.sets(st.integers(1, 62)), st.integers(0, 63), st.integers(1, 70))
def test_free_addresses_are_those_behind_the_cursor_first(db, ends, used, cursor, count):
    pools = [
        [addresses.address_at(CIDR, ends[i]), addresses.address_at(CIDR, ends[i + 1])] for i in range(0, len(ends), 2)
    ]
    inside = [n for i in range(0, len(ends), 2) for n in range(ends[i], ends[i + 1] + 1)]
    free = [n for n in inside if n not in used]
    expected = ([n for n in free if n >= cursor] + [n for n in free if n < cursor])[:count]
    values = {"uuid": "s", "network_uuid": "n", "project_id": "p", "name": "", "ip_version": 4, "cidr": CIDR}
    values |= {"enable_dhcp": True, "cursor": cursor, "pools": msgspec.json.encode(pools).decode()}

    def work(connection):
        for table in (schema.subnets, schema.port_addresses):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(schema.subnets).values(**values, created_at=1.0, updated_at=1.0))
        (row,) = connection.execute(sa.select(schema.subnets)).all()
        addresses.add(connection, [(f"p{n}", row, n) for n in used])
        return addresses.take(connection, row, count), connection.execute(sa.select(schema.subnets.c.cursor)).scalar()

    found, moved = db.write("test", work)
    assert found == expected
    assert moved == (expected[-1] + 1 if expected else cursor)
