"""What earlier incarnations left: removed when it carries our marker and no guest of ours is behind it.

Everything that is being built has a folder and no domain; the folder says what to remove with it. Whatever is not
marked as ours is not even looked into.
"""

import logging

from corenova_drivers.libvirt import build, snapshot
from corenova_drivers.libvirt.hypervisor import Hypervisor

LOG = logging.getLogger(__name__)


def clean_up(hypervisor: Hypervisor) -> None:
    """Remove folders, filters and networks of guests that are not there, and end forgotten copies of disks.

    For the start: no verb may run beside it, as what is being built would be taken for what was left.
    """
    if hypervisor.facts.is_test:
        return
    guests = {domain.UUIDString(): (domain, mark) for domain, mark in hypervisor.guests.all()}
    for uuid in hypervisor.storage.list():
        if uuid in guests:
            snapshot.sweep(hypervisor, uuid, guests[uuid][0])
        else:
            LOG.info("Removing what is left of the guest %s, which was never finished.", uuid)
            build.destroy(hypervisor, uuid)
    hypervisor.filters.sweep({nic.port_id for _, mark in guests.values() for nic in mark.nics})
    hypervisor.networks.sweep()
