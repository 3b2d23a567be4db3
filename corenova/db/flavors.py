"""Flavors: what servers can be made of. A flavor is one JSON text, copied into every server that asks for it."""

import functools
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from oslo_db import exception as db_error

from corenova.db.engine import now
from corenova.db.schema import flavor_projects, flavors
from corenova.exceptions import Conflict, NotFound
from corenova.objects.request_spec import Flavor

_decode = functools.lru_cache(maxsize=4096)(msgspec.json.Decoder(Flavor).decode)


def create(connection: sa.Connection, flavor: Flavor) -> None:
    """Add a flavor.

    :raises Conflict: its id or its name is taken.
    """
    for column, value, what in ((flavors.c.name, flavor.name, "name"), (flavors.c.flavorid, flavor.flavorid, "ID")):
        if connection.execute(sa.select(flavors.c.id).where(column == value)).first():
            raise Conflict(f"Flavor with {what} {value} already exists.")
    try:
        connection.execute(
            sa.insert(flavors).values(
                flavorid=flavor.flavorid,
                name=flavor.name,
                is_public=flavor.is_public,
                flavor=_encode(flavor),
                created_at=now(),
            )
        )
    except db_error.DBDuplicateEntry:
        raise Conflict(f"Flavor {flavor.flavorid} already exists.") from None


def _encode(flavor: Flavor) -> str:
    return msgspec.json.encode(flavor).decode()


def _usable_by(project_id: str | None) -> sa.ColumnElement:
    """The condition for flavors that a project may use; None may use all."""
    if project_id is None:
        return sa.true()
    granted = sa.select(flavor_projects.c.flavorid).where(flavor_projects.c.project_id == project_id)
    return sa.or_(flavors.c.is_public.is_(True), flavors.c.flavorid.in_(granted))


def list_flavors(
    connection: sa.Connection, *, project_id: str | None = None, is_public: bool | None = None
) -> list[Flavor]:
    """Return flavors in order of insertion.

    :param project_id: only those that this project may use; None means all.
    :param is_public: only public (True) or private (False) ones.
    """
    select = sa.select(flavors.c.flavor).where(_usable_by(project_id)).order_by(flavors.c.id)
    if is_public is not None:
        select = select.where(flavors.c.is_public.is_(is_public))
    return [_decode(text) for text in connection.execute(select).scalars()]


def get(connection: sa.Connection, flavorid: str, *, project_id: str | None = None) -> Flavor:
    """Return one flavor.

    :param project_id: look among those that this project may use; None looks everywhere.
    :raises NotFound: there is none.
    """
    select = sa.select(flavors.c.flavor).where(flavors.c.flavorid == flavorid, _usable_by(project_id))
    text = connection.execute(select).scalar()
    if text is None:
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return _decode(text)


def _lock(connection: sa.Connection, flavorid: str) -> Flavor:
    """Return a flavor that nobody else changes until the commit."""
    select = sa.select(flavors.c.flavor).where(flavors.c.flavorid == flavorid)
    if connection.dialect.name != "sqlite":
        select = select.with_for_update()
    text = connection.execute(select).scalar()
    if text is None:
        raise NotFound(f"Flavor {flavorid} could not be found.")
    return _decode(text)


def _store(connection: sa.Connection, flavor: Flavor) -> Flavor:
    connection.execute(sa.update(flavors).where(flavors.c.flavorid == flavor.flavorid).values(flavor=_encode(flavor)))
    return flavor


def set_description(connection: sa.Connection, flavorid: str, description: str | None) -> Flavor:
    """Change the description and return the flavor; raises NotFound."""
    return _store(connection, msgspec.structs.replace(_lock(connection, flavorid), description=description))


def set_extra_specs(connection: sa.Connection, flavorid: str, extra_specs: dict[str, str]) -> Flavor:
    """Add or change extra specs and return the flavor; raises NotFound."""
    flavor = _lock(connection, flavorid)
    return _store(connection, msgspec.structs.replace(flavor, extra_specs=flavor.extra_specs | extra_specs))


def delete_extra_spec(connection: sa.Connection, flavorid: str, key: str) -> None:
    """Remove one extra spec; raises NotFound for flavor and key."""
    flavor = _lock(connection, flavorid)
    if key not in flavor.extra_specs:
        raise NotFound(f"Flavor {flavorid} has no extra specs with key {key}.")
    left = {name: value for name, value in flavor.extra_specs.items() if name != key}
    _store(connection, msgspec.structs.replace(flavor, extra_specs=left))


def delete(connection: sa.Connection, flavorid: str) -> None:
    """Remove a flavor; servers keep their copy. Raises NotFound."""
    connection.execute(sa.delete(flavor_projects).where(flavor_projects.c.flavorid == flavorid))
    if connection.execute(sa.delete(flavors).where(flavors.c.flavorid == flavorid)).rowcount == 0:
        raise NotFound(f"Flavor {flavorid} could not be found.")


def list_access(connection: sa.Connection, flavorid: str) -> Sequence[str]:
    """Return the projects that may use a private flavor."""
    select = sa.select(flavor_projects.c.project_id).where(flavor_projects.c.flavorid == flavorid)
    return connection.execute(select.order_by(flavor_projects.c.project_id)).scalars().all()


def add_access(connection: sa.Connection, flavorid: str, project_id: str) -> None:
    """Let a project use a flavor.

    :raises Conflict: it may already.
    """
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(flavor_projects).values(flavorid=flavorid, project_id=project_id))
    except db_error.DBDuplicateEntry:
        raise Conflict(
            f"Flavor access already exists for flavor {flavorid} and project {project_id} combination."
        ) from None


def remove_access(connection: sa.Connection, flavorid: str, project_id: str) -> None:
    """No longer let a project use a flavor.

    :raises NotFound: it may not now.
    """
    row = (flavor_projects.c.flavorid == flavorid, flavor_projects.c.project_id == project_id)
    if connection.execute(sa.delete(flavor_projects).where(*row)).rowcount == 0:
        raise NotFound(f"Flavor access not found for {flavorid} / {project_id} combination.")
