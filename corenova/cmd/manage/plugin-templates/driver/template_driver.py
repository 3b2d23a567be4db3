"""TemplateDriver: the smallest driver. A guest is a file that says what it is and whether it runs.

Every verb may come again after a crash and leaves what it would leave the first time. A file is replaced in one step:
a power cut leaves the old one or the new one.
"""

import json
import os
from pathlib import Path

from oslo_config import cfg

from corenova.contracts.driver import Abilities
from corenova.exceptions import ConfigurationError, DriverError, GuestNotFound
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState


class TemplateDriver:
    """Keep guests as files below ``<state_path>/templatedriver/<host>/``."""

    contract_version = (1, 0)
    abilities = Abilities()  # nothing beyond the required verbs: the API refuses the rest with 501
    options = [
        cfg.IntOpt("hosts", default=2, min=1, help="How many hosts there are."),
        cfg.IntOpt("vcpus", default=8, min=1, help="vCPUs of each host."),
        cfg.IntOpt("memory_mb", default=16384, min=1, help="Memory of each host, in MiB."),
    ]

    def configure(self, section):
        """Take the options from the section [templatedriver]. Called once, before start."""
        self._names = [f"templatedriver-{number}" for number in range(1, section.hosts + 1)]
        self._inventories = {
            "VCPU": Inventory(total=section.vcpus),
            "MEMORY_MB": Inventory(total=section.memory_mb),
            "DISK_GB": Inventory(total=1000),
        }

    def start(self, context):
        """Find what earlier processes left; here the files are all there is."""
        self._owner = context.deployment_id
        self._folder = Path(context.state_path) / "templatedriver"
        try:
            for name in self._names:
                (self._folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{error.filename} cannot be made: {error.strerror}.") from error

    def stop(self):
        """Let go; guests go on. There is nothing to let go of."""

    def hosts(self):
        """Return the names of the hosts."""
        return list(self._names)

    def inventory(self, host):
        """Return what ``host`` has, whatever runs on it: claims are not the driver's business."""
        self._check(host)
        return HostReport(
            host=host,
            hypervisor_type="templatedriver",
            hypervisor_version=1,
            inventories=self._inventories,
            supported_instances=(("x86_64", "templatedriver", "hvm"),),
        )

    def list_guests(self, host):
        """Return the guests on ``host`` that carry our mark."""
        self._check(host)
        found = [self._read(file) for file in sorted((self._folder / host).glob("*.json"))]
        return [guest for guest in found if guest is not None and guest.owner == self._owner]

    def get_power_state(self, host, instance_uuid):
        """Return whether the guest runs."""
        return self._find(host, instance_uuid).power_state

    def spawn(self, host, instance):
        """Create and start the guest; one that is there is kept, and started when it does not run."""
        guest = self._read(self._file(host, instance.uuid))
        if guest is not None and guest.owner != self._owner:
            raise DriverError(f"A guest {instance.uuid} that is not ours is in the way.")
        self._write(host, instance.uuid, instance.display_name, PowerState.RUNNING)

    def destroy(self, host, instance_uuid):
        """Remove the guest; no error when there is none, or none of ours."""
        guest = self._read(self._file(host, instance_uuid))
        if guest is not None and guest.owner == self._owner:
            self._file(host, instance_uuid).unlink(missing_ok=True)

    def power_on(self, host, instance):
        """Start a guest that is shut down."""
        guest = self._find(host, instance.uuid)
        self._write(host, guest.uuid, guest.name, PowerState.RUNNING)

    def power_off(self, host, instance_uuid, *, timeout_s):
        """Shut the guest down. It obeys at once."""
        guest = self._find(host, instance_uuid)
        self._write(host, guest.uuid, guest.name, PowerState.SHUTDOWN)

    def reboot(self, host, instance, *, hard):
        """Restart the guest; a hard reboot makes one that has vanished anew."""
        if not hard:
            self._find(host, instance.uuid)
        self.spawn(host, instance)

    def _check(self, host):
        if host not in self._names:
            raise DriverError(f"This driver serves no host {host}.")

    def _file(self, host, uuid):
        self._check(host)
        return self._folder / host / f"{uuid}.json"

    def _read(self, file):
        try:
            told = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        return Guest(uuid=file.stem, name=told["name"], power_state=told["power_state"], owner=told["owner"])

    def _find(self, host, uuid):
        guest = self._read(self._file(host, uuid))
        if guest is None or guest.owner != self._owner:
            raise GuestNotFound(f"There is no guest {uuid} on {host}.")
        return guest

    def _write(self, host, uuid, name, power_state):
        told = {"name": name, "power_state": int(power_state), "owner": self._owner}
        new = self._file(host, uuid).with_suffix(".new")
        with new.open("w") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file(host, uuid))
