"""Rows that a compute has leased become orders: with everything that it needs, because it has no database.

What an order says of networks, images and keys is read in the transaction of the lease, so it is as new as the lease.
"""

import logging
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.contracts.backends import Backends
from corenova.db import instances, topologies, work
from corenova.exceptions import CorenovaError
from corenova.objects.image import ImageAccess
from corenova.objects.instance import GuestConfig, Instance
from corenova.objects.network import Firewall
from corenova.objects.states import Step
from corenova.objects.work import StepArgs, WorkOrder

LOG = logging.getLogger(__name__)
_UNREADABLE = "Its record cannot be read."
_BOOTS = (Step.BUILD, Step.REBUILD, Step.REBOOT_HARD, Step.RESCUE)
"""Steps that may make a guest anew, from an image."""
_PLUGS = (*_BOOTS, Step.START, Step.REBOOT_SOFT, Step.RESUME, Step.UNRESCUE, Step.ATTACH_INTERFACE)
"""Steps that plug interfaces, so that what may pass them has to be known."""


def make_orders(connection: sa.Connection, rows: Sequence[sa.Row], backends: Backends) -> list[WorkOrder]:
    """Return the orders for these rows. One that cannot be made must not keep the others: a row that cannot be read is
    ended, and one whose image or network service does not answer waits for the next sweep."""
    if not rows:
        return []
    make = _OrderMaker(connection, rows, backends)
    orders = []
    for row in rows:
        try:
            orders.append(make.order(row))
        except (msgspec.DecodeError, TypeError) as error:
            LOG.error("The row of %s cannot be read: %s", row.uuid, error)
            _end(connection, row, backends, str(error))
        except CorenovaError as error:
            LOG.warning("The %s of %s waits: %s", row.step, row.uuid, error)
            work.give_back(connection, [(row.uuid, row.generation)])
    return orders


def _end(connection: sa.Connection, row: sa.Row, backends: Backends, details: str) -> None:
    if row.step == Step.BUILD:
        work.bury(connection, row, backends, message=_UNREADABLE, details=details)
    else:
        work.fail_action(connection, row, backends, vm_state=row.vm_state, message=_UNREADABLE, details=details)


class _OrderMaker:
    """What the orders of one round share: claims on topologies, what may pass ports, leave to read the same images."""

    def __init__(self, connection: sa.Connection, rows: Sequence[sa.Row], backends: Backends):
        self._connection = connection
        self._backends = backends
        self._held = topologies.of_instances(connection, [row.uuid for row in rows])
        self._bytes_of: dict[str, ImageAccess | None] = {}
        self._walls: dict[str, list[Firewall]] = {}
        self._no_walls: CorenovaError | None = None
        plugging = [row.uuid for row in rows if row.network_info and row.step in _PLUGS]
        try:
            self._walls = backends.networks.firewalls(connection, plugging) if plugging else {}
        except CorenovaError as error:  # those without ports need not wait for it
            self._no_walls = error

    def order(self, row: sa.Row) -> WorkOrder:
        """Return the order for one row."""
        args = work.args_of(row)
        instance = instances.to_instance(row, self._held.get(row.uuid))
        full = msgspec.structs.replace(
            instance,
            nics=instances.nics_of(row),
            firewalls=self._firewalls(row),
            boot=self._boot(_boots_from(instance, row.step, args)),
            guest=_guest(row, args),
        )
        return WorkOrder(instance=full, step=row.step, port_id=args.port_id, **self._upload(row.step, args))

    def _firewalls(self, row: sa.Row) -> tuple[Firewall, ...]:
        if self._no_walls is not None and row.network_info and row.step in _PLUGS:
            raise self._no_walls
        return tuple(self._walls.get(row.uuid, ()))

    def _boot(self, image_id: str | None) -> ImageAccess | None:
        if image_id is not None and image_id not in self._bytes_of:
            self._bytes_of[image_id] = self._backends.images.reading(self._connection, image_id)
        return self._bytes_of.get(image_id)

    def _upload(self, step: str, args: StepArgs) -> dict[str, object]:
        if step != Step.SNAPSHOT:
            return {}
        images, connection = self._backends.images, self._connection
        upload = images.writing(connection, args.image_id)
        return {"upload": upload, "is_uploaded": upload is None and images.has_bytes(connection, args.image_id)}


def _boots_from(instance: Instance, step: str, args: StepArgs) -> str | None:
    if step not in _BOOTS:
        return None
    image = args.image if step == Step.RESCUE and args.image is not None else instance.image
    return image.id if image is not None else None


def _guest(row: sa.Row, args: StepArgs) -> GuestConfig:
    return GuestConfig(
        availability_zone=row.availability_zone or "",
        launch_index=row.launch_index,
        key_name=row.key_name,
        public_key=row.key_data,
        user_data=row.user_data,
        admin_pass=args.admin_pass,
        config_drive=row.config_drive,
    )
