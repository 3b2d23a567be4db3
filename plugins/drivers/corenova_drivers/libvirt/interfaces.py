"""Interfaces that come and go. Both the running guest and its definition are changed, each only as far as it lacks it.

Whether a guest has let go of an interface is seen in its XML: libvirt's event says the same, but is lost with the
connection, and a look costs less than a millisecond.
"""

import time
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from corenova.exceptions import DriverError
from corenova.objects.instance import Instance
from corenova.objects.network import Nic
from corenova_drivers.libvirt import devices
from corenova_drivers.libvirt.connection import insisting, libvirt
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import attribute, parse, text

TRIES, TRY_S = 3, 10.0
_POLL_S = 0.1
_LIVE, _CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
_GONE = (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_OPERATION_FAILED)


def attach(hypervisor: Hypervisor, instance: Instance, nic: Nic) -> None:
    """Plug ``nic`` into the guest, and write it into its definition."""
    domain = hypervisor.guests.find(instance.uuid)
    with hypervisor.networks.claimed([nic] if nic.kind != "bridge" else []):
        hypervisor.networks.plug(nic)
        hypervisor.filters.apply([nic], instance.firewalls)
        document = text(devices.interface(instance, nic, hypervisor.context.deployment_id, hypervisor.section))
        lacking = [flag for flag in _views(domain) if _find(domain, flag, nic.mac) is None]
        if lacking:
            insisting(lambda: domain.attachDeviceFlags(document, sum(lacking)))
        hypervisor.guests.remark(domain, _with(instance, nic))


def detach(hypervisor: Hypervisor, instance: Instance, nic: Nic) -> None:
    """Take ``nic`` away. Raises DriverError when the guest keeps it."""
    domain = hypervisor.guests.find(instance.uuid)
    if domain.isActive():
        _unplug(domain, nic)
    tree = _find(domain, _CONFIG, nic.mac)
    if tree is not None:
        domain.detachDeviceFlags(text(tree), _CONFIG)
    hypervisor.guests.remark(domain, _without(instance, nic))
    hypervisor.filters.remove([nic])
    hypervisor.networks.unplug([nic])


def _unplug(domain: Any, nic: Nic) -> None:
    """Ask the guest to let go, as often as it takes: one that boots does not hear it."""
    for _ in range(TRIES):
        tree = _find(domain, _LIVE, nic.mac)
        if tree is None:
            return
        try:
            domain.detachDeviceFlags(text(tree), _LIVE)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _GONE:  # or: asked already
                raise
        deadline = time.monotonic() + TRY_S
        while time.monotonic() < deadline:
            if _find(domain, _LIVE, nic.mac) is None:
                return
            time.sleep(_POLL_S)
    raise DriverError(f"The guest does not let go of its interface {nic.mac}; is its operating system up?")


def _views(domain: Any) -> tuple[int, ...]:
    return (_LIVE, _CONFIG) if domain.isActive() else (_CONFIG,)


def _find(domain: Any, view: int, mac: str) -> Element | None:
    document = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if view == _CONFIG else 0)
    for one in parse(document).iterfind("devices/interface"):
        if attribute(one, "mac", "address") == mac:
            return one
    return None


def _with(instance: Instance, nic: Nic) -> Instance:
    return instance if nic in instance.nics else msgspec.structs.replace(instance, nics=(*instance.nics, nic))


def _without(instance: Instance, nic: Nic) -> Instance:
    left = tuple(one for one in instance.nics if one.port_id != nic.port_id)
    return msgspec.structs.replace(instance, nics=left)
