"""Services: who is there, where to send messages for a host, and who has not been heard of."""

import uuid
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from corenova.db.engine import now
from corenova.db.schema import compute_nodes, services
from corenova.exceptions import NotFound

COMPUTE = "nova-compute"
CONDUCTOR = "nova-conductor"
SCHEDULER = "nova-scheduler"
"""Nova's names: they are what ``os-services`` shows, and clients and scripts look for them."""
API = "nova-osapi_compute"
"""Nova's name for the API, which ``os-services`` does not show: it has no row here."""

_BEAT = sa.update(services).where(
    services.c.address == sa.bindparam("of_address"), services.c.binary == sa.bindparam("of_binary")
)


def register(
    connection: sa.Connection, *, binary: str, hosts: Sequence[str], address: str, incarnation: str, version: str
) -> None:
    """Write one row a host for a service that has just started; operators' settings on older rows are kept."""
    known = set(
        connection.execute(
            sa.select(services.c.host).where(services.c.binary == binary, services.c.host.in_(hosts))
        ).scalars()
    )
    values = {"address": address, "incarnation": incarnation, "version": version}
    if known:
        connection.execute(
            sa.update(services)
            .where(services.c.binary == binary, services.c.host.in_(known))
            .values(last_seen_at=now(), updated_at=now(), **values)
        )
    new = [{"uuid": str(uuid.uuid4()), "binary": binary, "host": h, **values} for h in hosts if h not in known]
    if new:
        connection.execute(
            sa.insert(services).values(
                disabled=False, forced_down=False, last_seen_at=now(), created_at=now(), updated_at=now()
            ),
            new,
        )


def heartbeat(
    connection: sa.Connection, *, binary: str, address: str, incarnation: str, alarms: Sequence[str] = ()
) -> bool:
    """Say that the service at ``address`` lives, for all its hosts at once. False: it is not registered.

    :param alarms: sentences for operators: what is wrong with it.
    """
    beaten = connection.execute(
        _BEAT.where(services.c.incarnation == sa.bindparam("of_incarnation")).values(
            last_seen_at=now(), alarms=sa.bindparam("told")
        ),
        {
            "of_address": address,
            "of_binary": binary,
            "of_incarnation": incarnation,
            "told": "\n".join(alarms) or None,
        },
    )
    return beaten.rowcount > 0


def withdraw(connection: sa.Connection, *, binary: str, address: str, incarnation: str) -> bool:
    """A service has stopped in good order: it counts as down at once. False: a later incarnation is there already."""
    withdrawn = connection.execute(
        _BEAT.where(services.c.incarnation == sa.bindparam("of_incarnation")).values(last_seen_at=0.0),
        {"of_address": address, "of_binary": binary, "of_incarnation": incarnation},
    )
    return withdrawn.rowcount > 0


def up(down_time_s: float) -> sa.ColumnElement:
    """Return the condition that a service is up: heard of within ``down_time_s`` and not forced down."""
    return sa.and_(services.c.forced_down.is_(False), services.c.last_seen_at > now() - down_time_s)


def list_services(
    connection: sa.Connection,
    *,
    down_time_s: float,
    binary: str | None = None,
    host: str | None = None,
    hosts: Sequence[str] | None = None,
) -> Sequence[sa.Row]:
    """Return the services, each with ``is_up``."""
    select = sa.select(services, sa.type_coerce(up(down_time_s), sa.Boolean).label("is_up")).order_by(services.c.id)
    if binary is not None:
        select = select.where(services.c.binary == binary)
    if host is not None:
        select = select.where(services.c.host == host)
    if hosts is not None:
        select = select.where(services.c.host.in_(hosts))
    return connection.execute(select).all()


def addresses(connection: sa.Connection, hosts: Sequence[str], *, down_time_s: float) -> dict[str, tuple[str, bool]]:
    """Return ``{host: (address of its compute, whether it is up)}``."""
    rows = list_services(connection, down_time_s=down_time_s, binary=COMPUTE, hosts=hosts)
    return {row.host: (row.address, row.is_up) for row in rows}


_SERVED = sa.select(services.c.host).where(
    services.c.address == sa.bindparam("of_address"),
    services.c.binary == COMPUTE,
    services.c.host.in_(sa.bindparam("of_hosts", expanding=True)),
)


def served_by(connection: sa.Connection, address: str, hosts: Iterable[str]) -> set[str]:
    """Return those of ``hosts`` that the compute at ``address`` serves."""
    return set(connection.execute(_SERVED, {"of_address": address, "of_hosts": list(hosts)}).scalars())


def get(connection: sa.Connection, service_uuid: str, *, down_time_s: float) -> sa.Row:
    """Return one service with ``is_up``; raises NotFound."""
    is_up = sa.type_coerce(up(down_time_s), sa.Boolean).label("is_up")
    row = connection.execute(sa.select(services, is_up).where(services.c.uuid == service_uuid)).first()
    if row is None:
        raise NotFound(f"Service {service_uuid} could not be found.")
    return row


def update(connection: sa.Connection, service_uuid: str, **values: object) -> None:
    """Set disabled, disabled_reason or forced_down; schedulers hear of it with their next look."""
    row = connection.execute(sa.select(services.c.host).where(services.c.uuid == service_uuid)).first()
    if row is None:
        raise NotFound(f"Service {service_uuid} could not be found.")
    connection.execute(sa.update(services).where(services.c.uuid == service_uuid).values(updated_at=now(), **values))
    changed = {"changed_at": now(), "revision": compute_nodes.c.revision + 1}
    connection.execute(sa.update(compute_nodes).where(compute_nodes.c.host == row.host).values(changed))


def delete(connection: sa.Connection, service_uuid: str) -> str:
    """Forget a service and return its host; raises NotFound. The node's own row goes with hosts.forget."""
    row = connection.execute(sa.select(services.c.host).where(services.c.uuid == service_uuid)).first()
    if row is None:
        raise NotFound(f"Service {service_uuid} could not be found.")
    connection.execute(sa.delete(services).where(services.c.uuid == service_uuid))
    return row.host
