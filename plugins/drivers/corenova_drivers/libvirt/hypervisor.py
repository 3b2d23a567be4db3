"""The parts of the driver, wired: one value that the verbs' modules are given."""

from dataclasses import dataclass
from typing import Any

from corenova.contracts.driver import DriverContext
from corenova_drivers.libvirt import domain, host, kvm
from corenova_drivers.libvirt.connection import Connection
from corenova_drivers.libvirt.firewall import Filters
from corenova_drivers.libvirt.guests import Guests
from corenova_drivers.libvirt.host import HostFacts
from corenova_drivers.libvirt.inventory import cpu_set
from corenova_drivers.libvirt.networks import Networks
from corenova_drivers.libvirt.storage import Storage


@dataclass(frozen=True)
class Hypervisor:
    """What the verbs work with.

    :param dedicated: the CPUs of ``[libvirt] cpu_dedicated_set``.
    """

    section: Any
    context: DriverContext
    connection: Connection
    facts: HostFacts
    guests: Guests
    networks: Networks
    filters: Filters
    storage: Storage
    dedicated: frozenset[int]


def open_hypervisor(connection: Connection, context: DriverContext, section: Any) -> Hypervisor:
    """Connect, learn what the machine can do, and check the options against it. Raises ConfigurationError."""
    dedicated = cpu_set(section.cpu_dedicated_set)
    storage = Storage(context, section)
    storage.start()
    if not is_test(section):
        storage.tool.require()
    connection.open(timeout_s=section.connect_timeout_s)
    virt_type = "test" if is_test(section) else kvm.virt_type(connection, context, section)
    facts = host.read(connection.get(), virt_type, (section.machine_type,))
    domain.check(section, facts)
    guests = Guests(connection, context.deployment_id)
    return Hypervisor(
        section=section,
        context=context,
        connection=connection,
        facts=facts,
        guests=guests,
        networks=Networks(connection, guests, context.deployment_id),
        filters=Filters(connection, context.deployment_id),
        storage=storage,
        dedicated=dedicated,
    )


def is_test(section: Any) -> bool:
    """Tell whether the hypervisor is libvirt's test driver, whose guests have no disks, networks or filters."""
    return section.connection_uri.startswith("test:")
