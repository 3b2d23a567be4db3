"""The driver contract on every driver that comes with corenova: the suites of corenova.testing.

Fake guests and those of libvirt's test hypervisor need nothing. Real ones boot a disk of one sector
(corenova/testing/boot_sector.py) on a private libvirtd (tests/libvirt_host.py).
"""

import importlib.util

import pytest

from corenova.testing import boot_sector
from corenova.testing.suites import DriverSuite
from tests import bridges
from tests.libvirt_host import clear
from tests.missing import refuse


class OursSuite(DriverSuite):
    """What ours promise beyond the contract."""

    def test_a_state_directory_that_cannot_be_used_stops_the_start(self, start, tmp_path):
        (tmp_path / "state").write_text("a file where a directory should be")
        with pytest.raises(Exception, match="state"):
            start()


class TestFake(OursSuite):
    """A fleet of three."""

    plugin = "fake"
    ini = {"fake": {"hosts": 3}}


class TestLibvirtTest(OursSuite):
    """libvirt's own test hypervisor, in this process."""

    plugin = "libvirt"
    ini = {"libvirt": {"connection_uri": "test:///default"}}

    @pytest.fixture
    def hypervisor(self):
        if importlib.util.find_spec("libvirt") is None:
            refuse("libvirt-python", "run tools/install-libvirt, then make dev")
        return {}


@pytest.mark.libvirt
@pytest.mark.timeout(600)
class TestLibvirtQemu(OursSuite):
    """QEMU, emulating, on a host of this test run."""

    plugin = "libvirt"
    boot = boot_sector.disk()
    memory_mb = 32
    threads_guests = 3
    lets_go = False
    boot_s = 60.0

    @pytest.fixture
    def hypervisor(self, libvirt_host):
        # Tests look at files in /tmp, which may be in memory: no direct I/O there.
        yield {
            "libvirt": {
                "connection_uri": libvirt_host.uri,
                "virt_type": "qemu",
                "disk_cachemode": "writeback",
                "wait_soft_reboot_seconds": 60,
                "shutdown_retry_s": 0.5,
                "reserved_host_memory_mb": 0,
            }
        }
        clear(libvirt_host)

    @pytest.fixture
    def subnet(self, libvirt_host):
        return bridges.network(libvirt_host.slot, 6).prefix
