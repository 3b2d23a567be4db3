"""Guests of ours among all domains: the marker that each carries, how it is found, and the state it is in.

The marker is an element in the domain's metadata with the deployment id, and with what a later verb must know of the
guest without its order: name and interfaces. A domain without our id is nobody to us, whatever its name is.
"""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec

from corenova.exceptions import DriverError, GuestNotFound
from corenova.objects.instance import Guest, Instance
from corenova.objects.network import Nic
from corenova.objects.states import PowerState
from corenova_drivers.libvirt import names
from corenova_drivers.libvirt.connection import Connection, found, libvirt
from corenova_drivers.libvirt.xmltree import node, parse, text

ElementTree.register_namespace("corenova", names.XML_NAMESPACE)

_STATES = {
    libvirt.VIR_DOMAIN_NOSTATE: PowerState.NOSTATE,
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.SUSPENDED,
}
_CONFIG, _LIVE = libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain of a deployment says of itself.

    The interfaces are read when they are wanted: those of another deployment may be of another version.
    """

    deployment_id: str
    name: str = ""
    nics_json: str = "[]"

    @property
    def nics(self) -> tuple[Nic, ...]:
        """The interfaces that the guest was given."""
        return msgspec.json.decode(self.nics_json, type=tuple[Nic, ...])


def describe(instance: Instance, deployment_id: str) -> Element:
    """Return the marker of ``instance``; flavor and owner are in it for whoever reads it with virsh."""
    flavor = instance.flavor
    return _in_namespace(
        node(
            "instance",
            node("name", instance.display_name),
            node("flavor", name=flavor.name, vcpus=flavor.vcpus, memory_mb=flavor.memory_mb, root_gb=flavor.root_gb),
            node("owner", project=instance.project_id, user=instance.user_id),
            node("nics", msgspec.json.encode(instance.nics).decode()),
            deployment=deployment_id,
        )
    )


def marker(domain: Any) -> Marker | None:
    """Return the marker of a domain; None when it has none, or is gone."""
    document = found(lambda: domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, names.XML_NAMESPACE, 0))
    if document is None:
        return None
    tree = _plain(parse(document))
    return Marker(
        deployment_id=tree.get("deployment", ""),
        name=tree.findtext("name", ""),
        nics_json=tree.findtext("nics") or "[]",
    )


def power_state(domain: Any) -> int:
    """Return the PowerState of a domain. A guest whose memory is on disk is suspended and not shut down."""
    state = domain.state()[0]
    if state == libvirt.VIR_DOMAIN_SHUTOFF and domain.hasManagedSaveImage():
        return PowerState.SUSPENDED
    return _STATES.get(state, PowerState.NOSTATE)


class Guests:
    """The guests of one deployment. Raises libvirt's errors, for Connection.steady to translate."""

    def __init__(self, connection: Connection, deployment_id: str) -> None:
        self._connection = connection
        self._deployment_id = deployment_id

    def find(self, uuid: str) -> Any:
        """Return the domain of our guest; raises GuestNotFound, also for one that is not ours."""
        domain = self.look(uuid)
        if domain is None:
            raise GuestNotFound(f"There is no guest {uuid} on this host.")
        return domain

    def look(self, uuid: str) -> Any | None:
        """Return the domain of our guest, or None."""
        domain = self._by_uuid(uuid)
        return domain if domain is not None and self._is_ours(domain) else None

    def adopt(self, uuid: str) -> Any | None:
        """Return the domain of our guest, or None when the way is free.

        Raises DriverError when a domain that is not ours has its name or its uuid; it is left untouched.
        """
        name = names.domain_name(uuid)
        named = found(lambda: self._connection.get().lookupByName(name))
        domain = self._by_uuid(uuid)
        for one in (domain, named):
            if one is not None and (not self._is_ours(one) or one.UUIDString() != uuid):
                raise DriverError(f"A foreign domain is in the way: {one.name()}, {one.UUIDString()}; it is not ours.")
        return domain

    def list(self) -> list[Guest]:
        """Return our guests."""
        return [
            Guest(uuid=domain.UUIDString(), name=mark.name, power_state=state, owner=mark.deployment_id)
            for domain, mark in self.all()
            if (state := found(lambda domain=domain: power_state(domain))) is not None
        ]

    def all(self) -> Iterator[tuple[Any, Marker]]:
        """Yield our domains with their markers; one that goes meanwhile is left out."""
        for domain in self._connection.get().listAllDomains(0):
            mark = marker(domain)
            if mark is not None and mark.deployment_id == self._deployment_id:
                yield domain, mark

    def remark(self, domain: Any, instance: Instance) -> None:
        """Write the marker anew, after interfaces have come or gone."""
        # libvirt adds the namespace by itself, and refuses a document that has it already.
        document = text(_plain(describe(instance, self._deployment_id)))
        flags = _CONFIG | (_LIVE if domain.isActive() else 0)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, document, "corenova", names.XML_NAMESPACE, flags)

    def _by_uuid(self, uuid: str) -> Any | None:
        return found(lambda: self._connection.get().lookupByUUIDString(uuid))

    def _is_ours(self, domain: Any) -> bool:
        mark = marker(domain)
        return mark is not None and mark.deployment_id == self._deployment_id


def _in_namespace(tree: Element) -> Element:
    for one in tree.iter():
        one.tag = f"{{{names.XML_NAMESPACE}}}{one.tag}"
    return tree


def _plain(tree: Element) -> Element:
    """Return the tree without its namespace: libvirt gives elements with and without."""
    for one in tree.iter():
        one.tag = one.tag.rpartition("}")[2]
    return tree
