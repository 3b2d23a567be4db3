"""Fixtures of the tests on real libvirt: a guest's console log, and waiting for something."""

import re
import time
import uuid

import pytest

from corenova.contracts.driver import DriverContext
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Instance
from corenova.objects.network import FixedIP, Nic
from corenova.objects.request_spec import Flavor, ImageMeta
from corenova.testing import boot_sector
from corenova.testing.images import LocalImages, boot_access
from tests import bridges
from tests.libvirt_host import clear


class Serial:
    """A guest's console log."""

    def __init__(self, path):
        self.path = path

    def text(self):
        return self.path.read_text(errors="replace").replace("\r", "") if self.path.exists() else ""

    def wait(self, pattern, timeout_s=60):
        """Wait until the log has ``pattern``, and return the match."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.text())):
            assert time.monotonic() < deadline, f"no {pattern!r} in the console log:\n{self.text()[-2000:]}"
            time.sleep(0.05)
        return found


@pytest.fixture
def serial(tmp_path):
    """The console log of a guest of this test."""
    return Serial(tmp_path / "console.log")


@pytest.fixture
def until():
    """Return a function that waits until its argument returns something true, and returns that."""

    def wait(condition, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)
        return result

    return wait


class Rig:
    """A host of the run with a driver on it, and what a test gives to and asks of both."""

    def __init__(self, host, state_path):
        self.host, self.state_path = host, state_path
        self.images, self.hints = LocalImages(), []
        self.prefix = bridges.network(host.slot, 5).prefix
        self.network_id = str(uuid.uuid4())
        self._numbers = iter(range(10, 250))
        self._started = []

    def section(self, **options):
        from corenova_drivers.libvirt.options import defaults

        section = defaults()
        usual = {"connection_uri": self.host.uri, "virt_type": "qemu", "disk_cachemode": "writeback",
                 "wait_soft_reboot_seconds": 30, "shutdown_retry_s": 0.5}  # fmt: skip
        vars(section).update(usual | options)
        return section

    def start(self, *, deployment_id="ours", **options):
        """Start one more incarnation of the driver on the same state."""
        from corenova_drivers.libvirt.driver import LibvirtDriver

        driver = LibvirtDriver()
        driver.configure(self.section(**options))
        self._started.append(driver)
        driver.start(
            DriverContext(
                state_path=str(self.state_path),
                deployment_id=deployment_id,
                address="h",
                images=self.images,
                changed=lambda host, uuid: self.hints.append((host, uuid)),
            )
        )
        return driver

    def instance(self, *, disk=None, nics=(), firewalls=(), memory_mb=32, extra_specs=None, guest=None, **properties):
        """Return an instance of the boot sector guest, or of another disk (bytes, or leave to read it)."""
        if not isinstance(disk, ImageAccess):
            self.images.content = disk or boot_sector.disk()
            disk = boot_access(self.images.content)
        return Instance(
            uuid=str(uuid.uuid4()), display_name="vm", hostname="vm", project_id="p", user_id="u",
            flavor=Flavor(
                flavorid="1", name="f", vcpus=1, memory_mb=memory_mb, root_gb=1, extra_specs=extra_specs or {}
            ),
            image=ImageMeta(id=disk.image_id, name="image", properties=properties),
            nics=tuple(nics), firewalls=tuple(firewalls), boot=disk, **({"guest": guest} if guest else {}),
        )  # fmt: skip

    def nic(self, **facts):
        number = next(self._numbers)
        address = FixedIP(
            address=f"{self.prefix}.{number}", subnet_id="s", cidr=f"{self.prefix}.0/24", gateway=f"{self.prefix}.1"
        )
        usual = {"kind": "isolated", "fixed_ips": (address,), "mac": f"52:54:00:00:00:{number:02x}"}
        return Nic(port_id=str(uuid.uuid4()), network_id=self.network_id, network_name="net", **(usual | facts))

    def left(self):
        """Return all that there is on the host and in the driver's folder of instances."""
        folder = self.state_path / "libvirt" / "instances"
        return {
            "domains": self.host.virsh("list", "--all", "--name").split(),
            "networks": self.host.virsh("net-list", "--all", "--name").split(),
            "filters": [line.split()[1] for line in self.host.virsh("nwfilter-list").splitlines() if line.split()],
            "folders": sorted(path.name for path in folder.iterdir()) if folder.exists() else [],
        }

    def stop(self):
        for driver in self._started:
            driver.stop()


NOTHING = {"domains": [], "networks": [], "filters": [], "folders": []}


@pytest.fixture
def rig(libvirt_host, tmp_path):
    """A driver's host, cleared at the end of the test."""
    rig = Rig(libvirt_host, tmp_path / "state")
    yield rig
    rig.stop()
    libvirt_host.start()
    clear(libvirt_host)
