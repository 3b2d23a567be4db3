"""Power: on, off, reboot, pause and suspend. A guest that does not obey its power button is switched off."""

import time
from typing import Any

from corenova.objects.instance import Instance
from corenova_drivers.libvirt import build
from corenova_drivers.libvirt.connection import libvirt
from corenova_drivers.libvirt.hypervisor import Hypervisor

_POLL_S = 0.1


def power_on(hypervisor: Hypervisor, instance: Instance) -> None:
    """Start the guest when it does not run."""
    build.start(hypervisor, instance, hypervisor.guests.find(instance.uuid))


def power_off(hypervisor: Hypervisor, uuid: str, *, timeout_s: float) -> None:
    """Press the power button for ``timeout_s``, then cut the power. The memory of a suspended guest is lost."""
    domain = hypervisor.guests.find(uuid)
    if not _shut_down(hypervisor, domain, timeout_s):
        build.stop(domain)
    build.forget_memory(domain)


def reboot(hypervisor: Hypervisor, instance: Instance, *, hard: bool) -> None:
    """Restart the guest; softly when it obeys, and hard when it does not."""
    if not hard:
        domain = hypervisor.guests.find(instance.uuid)
        if _shut_down(hypervisor, domain, hypervisor.section.wait_soft_reboot_seconds):
            build.start(hypervisor, instance, domain)
            return
    build.remake(hypervisor, instance)


def pause(hypervisor: Hypervisor, uuid: str) -> None:
    """Hold the CPUs of a running guest."""
    domain = hypervisor.guests.find(uuid)
    if domain.state()[0] != libvirt.VIR_DOMAIN_PAUSED:
        domain.suspend()


def unpause(hypervisor: Hypervisor, uuid: str) -> None:
    """Let a paused guest run on."""
    domain = hypervisor.guests.find(uuid)
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def suspend(hypervisor: Hypervisor, uuid: str) -> None:
    """Write the guest's memory to disk and end its process."""
    domain = hypervisor.guests.find(uuid)
    if domain.isActive() or not domain.hasManagedSaveImage():
        domain.managedSave(libvirt.VIR_DOMAIN_SAVE_RUNNING)


def resume(hypervisor: Hypervisor, instance: Instance) -> None:
    """Let a suspended guest run on. libvirt starts it from its memory where there is some."""
    power_on(hypervisor, instance)


def _shut_down(hypervisor: Hypervisor, domain: Any, timeout_s: float) -> bool:
    """Return whether the guest is down within the time. The button is pressed again and again: a guest that boots
    does not hear it yet."""
    deadline, press_at = time.monotonic() + timeout_s, 0.0
    while domain.isActive():
        now = time.monotonic()
        if now >= deadline or domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            return False
        if now >= press_at:
            _press(domain)
            press_at = now + hypervisor.section.shutdown_retry_s
        time.sleep(min(_POLL_S, max(0.0, deadline - now)))
    return True


def _press(domain: Any) -> None:
    try:
        domain.shutdown()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:  # it went down by itself just now
            raise
