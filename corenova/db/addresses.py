"""Which addresses of a subnet are free. A subnet's addresses are numbered, so that a gap is found by the database.

The next free one is searched from where the last search ended (``subnets.cursor``), so a search reads as many rows as
it returns and an address comes back into use late; only a nearly full subnet is searched through, and by one statement
an unbroken range. Callers hold the network (db/networks.py ``lock``); the primary key is the second line.
"""

import ipaddress
from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from corenova.db.engine import execute_many
from corenova.db.schema import port_addresses, subnets

_ORIGIN = {4: 0, 6: -(2**63)}  # a /64 just fits into the signed integers of databases
_LAST = 2**63 - 1
_taken = port_addresses.alias("taken")
_later = port_addresses.alias("later")
_IN_RANGE = (
    _taken.c.subnet_uuid == sa.bindparam("in_subnet"),
    _taken.c.position.between(sa.bindparam("low"), sa.bindparam("high")),
)
_FIRST = sa.select(sa.func.min(_taken.c.position)).where(*_IN_RANGE)
_NEXT = (
    sa.select(sa.func.min(_later.c.position))
    .where(_later.c.subnet_uuid == _taken.c.subnet_uuid, _later.c.position > _taken.c.position)
    .scalar_subquery()
)
_HAS_NEIGHBOUR = sa.exists().where(
    _later.c.subnet_uuid == _taken.c.subnet_uuid, _later.c.position == _taken.c.position + 1
)
_GAPS = (
    sa.select(_taken.c.position, _NEXT.label("next"))
    .where(*_IN_RANGE, sa.not_(_HAS_NEIGHBOUR))
    .order_by(_taken.c.position)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_MOVE = sa.update(subnets).where(subnets.c.uuid == sa.bindparam("of_subnet")).values(cursor=sa.bindparam("to_position"))
_ADD = sa.insert(port_addresses)


def position_of(cidr: str, address: str) -> int:
    """Return the number of ``address`` in the subnet ``cidr``."""
    network = ipaddress.ip_network(cidr)
    return int(ipaddress.ip_address(address)) - int(network.network_address) + _ORIGIN[network.version]


def address_at(cidr: str, position: int) -> str:
    """Return the address with this number in the subnet ``cidr``."""
    network = ipaddress.ip_network(cidr)
    return str(network.network_address + (position - _ORIGIN[network.version]))


def ranges_of(cidr: str, pools: str) -> list[tuple[int, int]]:
    """Return the first and last numbers of the pools (a row's ``pools``), in order."""
    texts = msgspec.json.decode(pools, type=list[tuple[str, str]])
    return sorted((position_of(cidr, first), position_of(cidr, last)) for first, last in texts)


def take(connection: sa.Connection, subnet: sa.Row, count: int) -> list[int]:
    """Return ``count`` free numbers of the subnet, or fewer when there are no more; the next search begins behind."""
    free: list[int] = []
    for low, high in _from(ranges_of(subnet.cidr, subnet.pools), subnet.cursor):
        if len(free) == count:
            break
        for first, last in _gaps(connection, subnet.uuid, low, high, count):
            free += range(first, min(last, first + count - len(free) - 1) + 1)
    if free:
        connection.execute(_MOVE, {"of_subnet": subnet.uuid, "to_position": min(free[-1] + 1, _LAST)})
    return free


def taken(connection: sa.Connection, subnet_uuid: str, positions: Sequence[int]) -> set[int]:
    """Return those of the numbers that a port has."""
    select = sa.select(port_addresses.c.position).where(
        port_addresses.c.subnet_uuid == subnet_uuid, port_addresses.c.position.in_(list(positions))
    )
    return set(connection.execute(select).scalars())


def add(connection: sa.Connection, given: Sequence[tuple[str, sa.Row, int]]) -> None:
    """Give addresses to ports: (port uuid, subnet, number)."""
    rows = [
        {
            "subnet_uuid": subnet.uuid,
            "position": position,
            "address": address_at(subnet.cidr, position),
            "port_uuid": port_uuid,
        }
        for port_uuid, subnet, position in given
    ]
    if rows:
        execute_many(connection, _ADD, rows)


def remove(connection: sa.Connection, port_uuids: Sequence[str]) -> None:
    """Take all addresses from these ports."""
    connection.execute(sa.delete(port_addresses).where(port_addresses.c.port_uuid.in_(list(port_uuids))))


def in_use(connection: sa.Connection, subnet_uuid: str) -> bool:
    """Tell whether any port has an address of the subnet."""
    select = sa.select(port_addresses.c.position).where(port_addresses.c.subnet_uuid == subnet_uuid).limit(1)
    return connection.execute(select).first() is not None


def _from(ranges: Sequence[tuple[int, int]], cursor: int) -> Iterator[tuple[int, int]]:
    """The same numbers, beginning at the cursor and ending in front of it."""
    yield from ((max(low, cursor), high) for low, high in ranges if high >= cursor)
    yield from ((low, min(high, cursor - 1)) for low, high in ranges if low < cursor)


def _gaps(connection: sa.Connection, subnet_uuid: str, low: int, high: int, most: int) -> Iterator[tuple[int, int]]:
    """The first ``most`` unbroken ranges of free numbers between ``low`` and ``high``."""
    bounds = {"in_subnet": subnet_uuid, "low": low, "high": high}
    first = connection.execute(_FIRST, bounds).scalar()
    if first is None or first > low:
        yield low, high if first is None else first - 1
    if first is not None:
        # Behind the last number there is no gap, and in a /64 no number either.
        for position, following in connection.execute(_GAPS, {**bounds, "high": high - 1, "most": most}).all():
            yield position + 1, high if following is None else min(following - 1, high)
