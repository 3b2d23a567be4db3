"""Rescue: a guest that has a rescue disk in its folder is built to boot from it, with its own disks beside it."""

from typing import Any

from corenova.objects.instance import Instance
from corenova_drivers.libvirt import build
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import parse


def rescue(hypervisor: Hypervisor, instance: Instance) -> None:
    """Boot the guest from the image of ``instance.boot``; one that does already is left alone."""
    domain = hypervisor.guests.find(instance.uuid)
    if domain.isActive() and _boots_from(domain) == str(hypervisor.storage.rescue_disk(instance.uuid)):
        return
    hypervisor.storage.create_rescue(instance)
    build.remake(hypervisor, instance)


def unrescue(hypervisor: Hypervisor, instance: Instance) -> None:
    """Boot the guest from its own disk. The rescue disk goes first: a crash after that is mended by doing it again."""
    domain = hypervisor.guests.find(instance.uuid)
    rescue_disk = hypervisor.storage.rescue_disk(instance.uuid)
    if domain.isActive() and _boots_from(domain) != str(rescue_disk) and not rescue_disk.exists():
        return
    build.stop(domain)
    hypervisor.storage.remove_rescue(instance.uuid)
    build.remake(hypervisor, instance)


def _boots_from(domain: Any) -> str | None:
    source = parse(domain.XMLDesc(0)).find("devices/disk/source")
    return source.get("file") if source is not None else None
