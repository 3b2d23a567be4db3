"""Rows that a compute has leased become orders: with everything that it needs, because it has no database.

What an order says of networks, images and keys is read in the transaction of the lease, so it is as new as the lease.
"""

import logging
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from corenova.contracts.backends import Backends
from corenova.db import instances, topologies, work
from corenova.objects.image import ImageAccess
from corenova.objects.instance import GuestConfig, Instance
from corenova.objects.states import Step
from corenova.objects.work import StepArgs, WorkOrder

LOG = logging.getLogger(__name__)
_BOOTS = (Step.BUILD, Step.REBUILD, Step.REBOOT_HARD, Step.RESCUE)
"""Steps that may make a guest anew, from an image."""


def make_orders(connection: sa.Connection, rows: Sequence[sa.Row], backends: Backends) -> list[WorkOrder]:
    """Return the orders for these rows; one that cannot be read is ended, and must not keep the others."""
    if not rows:
        return []
    held = topologies.of_instances(connection, [row.uuid for row in rows])
    with_ports = [row.uuid for row in rows if row.network_info and row.step != Step.DELETE]
    firewalls = backends.networks.firewalls(connection, with_ports) if with_ports else {}
    bytes_of: dict[str, ImageAccess | None] = {}
    orders = []
    for row in rows:
        try:
            args = work.args_of(row)
            instance = instances.to_instance(row, held.get(row.uuid))
            image_id = _boots_from(instance, row.step, args)
            if image_id is not None and image_id not in bytes_of:
                bytes_of[image_id] = backends.images.reading(connection, image_id)
            full = msgspec.structs.replace(
                instance,
                nics=instances.decode_nics(row.network_info) if row.network_info else (),
                firewalls=tuple(firewalls.get(row.uuid, ())),
                boot=bytes_of.get(image_id),
                guest=_guest(row, args),
            )
            upload = backends.images.writing(connection, args.image_id) if row.step == Step.SNAPSHOT else None
            orders.append(WorkOrder(instance=full, step=row.step, port_id=args.port_id, upload=upload))
        except (msgspec.DecodeError, TypeError) as error:
            LOG.error("The row of %s cannot be read: %s", row.uuid, error)
            work.bury(connection, row, backends, message="Its record cannot be read.", details=str(error))
    return orders


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
