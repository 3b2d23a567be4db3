"""Building a guest in named steps, each of which registers how it is undone, and taking one apart again.

The domain is defined when all that it needs is there, so who finds one of ours may go on with it; before that, the
guest's folder tells a later process what there is to remove. Every step finds what an earlier attempt left, whenever
that died. Taking apart goes the other way, and the domain, by which a guest is found, goes last.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

from corenova.exceptions import DriverError
from corenova.objects.instance import Instance
from corenova.objects.network import Nic
from corenova_drivers.libvirt import domain as domains
from corenova_drivers.libvirt import guests
from corenova_drivers.libvirt.connection import found, insisting, libvirt
from corenova_drivers.libvirt.domain import GuestPlan
from corenova_drivers.libvirt.hypervisor import Hypervisor
from corenova_drivers.libvirt.xmltree import parse, text

LOG = logging.getLogger(__name__)

_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)
Undo = Callable[..., object]


def spawn(hypervisor: Hypervisor, instance: Instance) -> None:
    """Build the guest and let it run; one that is there is started, or goes on where a dead process had left it.

    Raises DriverError when a foreign domain is in the way.
    """
    domain = hypervisor.guests.adopt(instance.uuid)
    if domain is None:
        _run_steps(hypervisor, instance, is_new=True)
    else:
        start(hypervisor, instance, domain)


def remake(hypervisor: Hypervisor, instance: Instance) -> None:
    """Stop the guest if it runs, make whatever it lacks, define its domain anew and start it."""
    domain = hypervisor.guests.adopt(instance.uuid)
    mark = guests.marker(domain) if domain is not None else None
    if domain is not None:
        stop(domain)
        forget_memory(domain)
    _run_steps(hypervisor, instance, is_new=domain is None)
    ports = {nic.port_id for nic in instance.nics}
    _unplug(hypervisor, [nic for nic in (mark.nics if mark else ()) if nic.port_id not in ports])


def start(hypervisor: Hypervisor, instance: Instance, domain: Any) -> None:
    """Let a defined guest run, whatever state it is in. After a boot of the host its networks may be gone."""
    if not domain.isActive():
        with _networks_held(hypervisor, instance):
            _plug(hypervisor, instance, _keep)
            _create(domain, 0)
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def destroy(hypervisor: Hypervisor, uuid: str) -> None:
    """Remove the guest and all that is of it. May be repeated after a crash at any line."""
    domain = hypervisor.guests.look(uuid)
    mark = guests.marker(domain) if domain is not None else None
    nics = mark.nics if mark is not None else hypervisor.storage.remembered(uuid)
    if domain is not None:
        stop(domain)
    if not hypervisor.facts.is_test:
        _unplug(hypervisor, nics)
        hypervisor.storage.remove(uuid)
        hypervisor.storage.age_out_images()
    if domain is not None:
        _undefine(domain)


def stop(domain: Any) -> None:
    """Stop a guest the hard way; no error when it does not run."""
    try:
        if domain.isActive():
            domain.destroy()
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
            raise


def forget_memory(domain: Any) -> None:
    """Remove the memory of a suspended guest, so that it boots when it is started."""
    if domain.hasManagedSaveImage():
        domain.managedSaveRemove()


def _unplug(hypervisor: Hypervisor, nics: Sequence[Nic]) -> None:
    if nics:
        hypervisor.filters.remove(nics)
        hypervisor.networks.unplug(nics)


def _run_steps(hypervisor: Hypervisor, instance: Instance, *, is_new: bool) -> None:
    """Do all steps. When one fails, what a new guest has so far is removed, the last first."""
    steps = (_define, _start) if hypervisor.facts.is_test else (_remember, _make_disks, _plug, _filter, _define, _start)
    with _networks_held(hypervisor, instance), contextlib.ExitStack() as undo:
        register = _careful(undo) if is_new else _keep
        for step in steps:
            LOG.debug("Guest %s: %s", instance.uuid, step.__name__.strip("_"))
            step(hypervisor, instance, register)
        undo.pop_all()


def _remember(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    undo(hypervisor.storage.remove, instance.uuid)
    hypervisor.storage.remember(instance)


def _make_disks(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    hypervisor.storage.prepare(instance)  # undone with the folder


def _plug(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    if hypervisor.facts.is_test:
        return
    undo(hypervisor.networks.unplug, instance.nics)
    for nic in instance.nics:
        hypervisor.networks.plug(nic)


def _filter(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    undo(hypervisor.filters.remove, instance.nics)
    hypervisor.filters.apply(instance.nics, instance.firewalls)


def _define(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    is_test = hypervisor.facts.is_test
    plan = GuestPlan(
        deployment_id=hypervisor.context.deployment_id,
        disks=() if is_test else hypervisor.storage.disks(instance.uuid),
        console_log=str(hypervisor.storage.console_log(instance.uuid)),
        dedicated=hypervisor.dedicated,
    )
    document = text(domains.build(instance, hypervisor.facts, hypervisor.section, plan))
    undo(lambda: _undefine(hypervisor.guests.look(instance.uuid)))
    hypervisor.connection.get().defineXML(document)


def _start(hypervisor: Hypervisor, instance: Instance, undo: Undo) -> None:
    """Start the guest with its CPUs held, look whether all its interfaces are plugged, and let it go."""
    domain = hypervisor.guests.find(instance.uuid)
    undo(stop, domain)
    _create(domain, 0 if hypervisor.facts.is_test else libvirt.VIR_DOMAIN_START_PAUSED)
    if hypervisor.facts.is_test:
        return
    plugged = {one.get("address") for one in parse(domain.XMLDesc(0)).iterfind("devices/interface/mac")}
    missing = [nic.mac for nic in instance.nics if nic.mac not in plugged]
    if missing:
        raise DriverError(f"libvirt started the guest without its interface {', '.join(missing)}.")
    domain.resume()


def _create(domain: Any, flags: int) -> None:
    """Start a domain. One that another incarnation has started in the meantime is started."""
    try:
        insisting(lambda: domain.createWithFlags(flags))
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or not domain.isActive():
            raise


def _undefine(domain: Any | None) -> None:
    if domain is None:
        return
    try:
        found(lambda: domain.undefineFlags(_UNDEFINE))
    except libvirt.libvirtError as error:  # test:///default knows none of the flags
        if error.get_error_code() not in (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_NO_SUPPORT):
            raise
        forget_memory(domain)
        found(domain.undefine)


def _networks_held(hypervisor: Hypervisor, instance: Instance) -> contextlib.AbstractContextManager[None]:
    return hypervisor.networks.claimed(nic for nic in instance.nics if nic.kind != "bridge")


def _careful(undo: contextlib.ExitStack) -> Undo:
    """Return what registers an undo. One that fails is logged, as the error that led to it is the one to tell; what was
    to be undone after it stays, because the folder, which goes last, tells ``destroy`` what there is to remove."""
    failed: list[str] = []

    def quietly(act: Callable[..., object], *arguments: object) -> None:
        if failed:
            return
        try:
            act(*arguments)
        except (libvirt.libvirtError, DriverError, OSError) as error:
            failed.append(getattr(act, "__qualname__", repr(act)))
            LOG.warning("What a build has made is left for destroy, because %s failed: %s", failed[0], error)

    return functools.partial(undo.callback, quietly)


def _keep(*_nothing: object) -> None:
    """Undo nothing: the guest was there before."""
