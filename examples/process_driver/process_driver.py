"""process: the smallest real driver. A guest is a process on this machine, with namespaces of its own where possible.

It is what to read before writing a driver: every verb is here, each of a few lines, and each may be called again. How
processes are kept and told apart is in process_guests.py. There are no images and no networks: a guest runs the
command of the ini file.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

from oslo_config import cfg
from process_guests import NAMESPACES, Guests, Record

from corenova.contracts.driver import Abilities, DriverContext
from corenova.exceptions import ConfigurationError, DriverError, GuestNotFound
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest, Instance
from corenova.objects.request_spec import DISK_GB, MEMORY_MB, VCPU
from corenova.objects.states import PowerState

_PAUSES = 20


class ProcessDriver:
    """Run guests as processes on the one host that this machine is."""

    contract_version = (1, 0)
    abilities = Abilities(supports_soft_reboot=True, supports_pause=True, supports_console_output=True)

    options = [
        cfg.StrOpt(
            "command",
            default="sh -c 'env; exec sleep infinity'",
            help="What a guest runs; as in a shell, words in quotes stay together. UUID, NAME, VCPUS and RAM_MB are in "
            "its environment; an ini file wants $$NAME for $NAME.",
        ),
        cfg.BoolOpt(
            "namespaces",
            default=True,
            help="Give each guest its own processes, host name and network by unshare, as root. False: it is a process "
            "like any other.",
        ),
        cfg.FloatOpt("cpu_allocation_ratio", default=16.0, min=0.1, help="vCPUs for each CPU: most guests wait."),
        cfg.IntOpt("disk_gb", default=100, min=1, help="The disk that servers may claim here, in GiB."),
        cfg.FloatOpt("soft_reboot_s", default=10.0, min=0.0, help="How long a guest may take to end for a reboot."),
    ]

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the section ``[process]``; raises ValueError for a command that cannot be run."""
        self._section = section
        try:
            self._command = shlex.split(section.command)
        except ValueError as error:
            raise ValueError(f"command = {section.command}: {error}") from None
        if not self._command or shutil.which(self._command[0]) is None:
            raise ValueError(f"command = {section.command} names no program of this machine.")

    def start(self, context: DriverContext) -> None:
        """Find the guests of earlier incarnations. Raises ConfigurationError where namespaces are not to be had."""
        self._host, self._owner = context.address, context.deployment_id
        if self._section.namespaces:
            tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
            if tried.returncode:
                raise ConfigurationError(
                    f"[process] namespaces: {tried.stderr.strip()}. Run as root, or write namespaces = false."
                )
        folder = Path(context.state_path) / "process"
        self._guests = Guests(folder, self._command, namespaces=self._section.namespaces)

    def stop(self) -> None:
        """Do nothing: there is no connection, and guests go on."""

    def hosts(self) -> list[str]:
        """Return this machine, by the name of the compute process."""
        return [self._host]

    def inventory(self, host: str) -> HostReport:
        """Return what this machine has."""
        self._check(host)
        ram_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        return HostReport(
            host=host,
            hypervisor_type="process",
            hypervisor_version=1_000_000,
            inventories={
                VCPU: Inventory(total=os.cpu_count() or 1, allocation_ratio=self._section.cpu_allocation_ratio),
                MEMORY_MB: Inventory(total=ram_mb),
                DISK_GB: Inventory(total=self._section.disk_gb),
            },
            supported_instances=((os.uname().machine, "process", "exe"),),
        )

    def list_guests(self, host: str) -> list[Guest]:
        """Return the guests that carry our deployment id."""
        self._check(host)
        state = self._guests.power_state
        ours = [record for record in self._guests.all() if record.owner == self._owner]
        return [Guest(**record._asdict(), power_state=state(record.uuid)) for record in ours]

    def get_power_state(self, host: str, instance_uuid: str) -> int:
        """Ask the kernel; raises GuestNotFound."""
        return self._guests.power_state(self._find(host, instance_uuid).uuid)

    def spawn(self, host: str, instance: Instance) -> None:
        """Write the guest down, then start its process: a crash in between leaves a guest that is shut down."""
        self._check(host)
        there = self._guests.get(instance.uuid)
        if there is not None and there.owner != self._owner:
            raise DriverError(f"A guest {instance.uuid} that is not ours is in the way.")
        if there is None:
            self._guests.put(Record(instance.uuid, instance.display_name, self._owner))
        self.power_on(host, instance)

    def destroy(self, host: str, instance_uuid: str) -> None:
        """Kill the guest and remove its files; no error when there is none."""
        self._check(host)
        there = self._guests.get(instance_uuid)
        if there is not None and there.owner == self._owner:
            self._guests.remove(instance_uuid)

    def power_on(self, host: str, instance: Instance) -> None:
        """Start the process, or let it go on; raises GuestNotFound."""
        record = self._find(host, instance.uuid)
        if self._guests.power_state(record.uuid) == PowerState.SHUTDOWN:
            flavor = instance.flavor
            told = {"UUID": record.uuid, "NAME": record.name, "VCPUS": flavor.vcpus, "RAM_MB": flavor.memory_mb}
            self._guests.run(record, {name: str(value) for name, value in told.items()})
        elif self._guests.power_state(record.uuid) == PowerState.PAUSED:
            self.unpause(host, instance.uuid)

    def power_off(self, host: str, instance_uuid: str, *, timeout_s: float) -> None:
        """End the process by SIGTERM, after ``timeout_s`` by SIGKILL; raises GuestNotFound."""
        self._guests.stop(self._find(host, instance_uuid).uuid, timeout_s=timeout_s)

    def reboot(self, host: str, instance: Instance, *, hard: bool) -> None:
        """End the process, gracefully or not, and start it again; a hard reboot makes a guest that has vanished."""
        if not hard or self._guests.get(instance.uuid):
            self.power_off(host, instance.uuid, timeout_s=0 if hard else self._section.soft_reboot_s)
        self.spawn(host, instance)

    def pause(self, host: str, instance_uuid: str) -> None:
        """Hold all its processes by SIGSTOP; raises DriverError when there are none, or one will not be held."""
        uuid = self._find(host, instance_uuid).uuid
        for _ in range(_PAUSES):
            if not self._guests.signal(uuid, signal.SIGSTOP):
                break
            if self._guests.becomes(uuid, PowerState.PAUSED, within_s=0.2):
                return
            # It has forked (vfork) and its child was stopped before it could go on: let them run for a moment.
            self._guests.signal(uuid, signal.SIGCONT)
            time.sleep(0.02)
        raise DriverError(f"Guest {uuid} is shut down, or cannot be paused.")

    def unpause(self, host: str, instance_uuid: str) -> None:
        """Let them go on by SIGCONT; raises DriverError when there are none."""
        uuid = self._find(host, instance_uuid).uuid
        if not self._guests.signal(uuid, signal.SIGCONT) or not self._guests.becomes(uuid, PowerState.RUNNING):
            raise DriverError(f"Guest {uuid} is shut down.")

    def get_console_output(self, host: str, instance_uuid: str, *, most_bytes: int) -> bytes:
        """Return the last that the process has printed."""
        return self._guests.console(self._find(host, instance_uuid).uuid, most_bytes)

    def _find(self, host: str, instance_uuid: str) -> Record:
        self._check(host)
        record = self._guests.get(instance_uuid)
        if record is None or record.owner != self._owner:
            raise GuestNotFound(f"There is no guest {instance_uuid} on host {host}.")
        return record

    def _check(self, host: str) -> None:
        if host != self._host:
            raise DriverError(f"This process serves no host {host}.")
