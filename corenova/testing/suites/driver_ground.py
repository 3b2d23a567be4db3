"""What the tests of a driver stand on: the driver, started on a state directory of the test's own, and instances."""

import contextlib
import uuid
from typing import ClassVar

import pytest

from corenova import loader
from corenova.contracts.driver import DriverContext
from corenova.objects.network import FixedIP, Nic
from corenova.testing import builders
from corenova.testing.images import LocalImages, boot_access
from corenova.testing.suites.base import PluginSuite


class DriverGround(PluginSuite):
    """A driver and what its guests are made of.

    :cvar boot: the disk that guests are booted from, raw; None: they need none. See corenova/testing/boot_sector.py.
    :cvar memory_mb: what each guest has, in MiB.
    :cvar threads_guests: how many guests each of four threads can have without the test taking long.
    :cvar lets_go: whether a running guest gives an interface up at once.
    :cvar boot_s: what a guest may take, in seconds, until it says something on its console; 0: nobody waits for it.
    """

    group: ClassVar[str] = loader.DRIVERS
    boot: ClassVar[bytes | None] = None
    memory_mb: ClassVar[int] = 64
    threads_guests: ClassVar[int] = 25
    lets_go: ClassVar[bool] = True
    boot_s: ClassVar[float] = 0.0

    @pytest.fixture
    def hypervisor(self):
        """Override it where a hypervisor must be made and undone; it returns options by section, over ``ini``."""
        return {}

    @pytest.fixture
    def subnet(self):
        """The first three numbers of the guests' addresses; override it where networks are real."""
        return "10.0.0"

    @pytest.fixture
    def images(self):
        """The images as the driver is handed them: ``sent`` has what it uploaded, ``failure`` is raised at the next."""
        return LocalImages(self.boot or b"")

    @pytest.fixture
    def start(self, hypervisor, images, made, tmp_path):
        """Return a function that starts another incarnation of the driver on the same state; all are stopped.

        What guests a test has made are removed at its end, for hypervisors that outlive it.
        """
        running = []

        def incarnation(*, deployment_id="ours"):
            driver = self.load(hypervisor).object
            running.append(driver)
            state_path = str(tmp_path / "state")
            driver.start(
                DriverContext(state_path=state_path, deployment_id=deployment_id, address="here", images=images)
            )
            return driver

        incarnation.running = running
        yield incarnation
        for driver in running:
            for one in made:
                with contextlib.suppress(Exception):
                    for host in driver.hosts():
                        driver.destroy(host, one)
            driver.stop()

    @pytest.fixture
    def restart(self, start):
        """Return a function that stops the driver and starts the next incarnation."""

        def again(**context):
            start.running.pop().stop()
            return start(**context)

        return again

    @pytest.fixture
    def driver(self, start):
        """The driver, started."""
        return start()

    @pytest.fixture
    def host(self, driver):
        """The first host of the driver."""
        return driver.hosts()[0]

    @pytest.fixture
    def made(self):
        """The uuids of the instances that the test has made."""
        return []

    @pytest.fixture
    def make_instance(self, made):
        """Return a function that makes instances, each with a uuid of its own; ``facts`` are fields of Instance."""
        boot = None if self.boot is None else boot_access(self.boot)

        def make(name="vm", **facts):
            instance = builders.instance(name, ram_mb=self.memory_mb, boot=boot, **facts)
            made.append(instance.uuid)
            return instance

        return make

    @pytest.fixture
    def make_nic(self, subnet):
        """Return a function that makes interfaces on one network of the test's own."""
        network_id, numbers = str(uuid.uuid4()), iter(range(10, 250))

        def make():
            number = next(numbers)
            address = FixedIP(address=f"{subnet}.{number}", subnet_id="s", cidr=f"{subnet}.0/24", gateway=f"{subnet}.1")
            return Nic(
                port_id=str(uuid.uuid4()),
                network_id=network_id,
                network_name="net",
                mac=f"52:54:00:00:00:{number:02x}",
                fixed_ips=(address,),
                kind="isolated",
            )

        return make

    @pytest.fixture
    def guest(self, driver, host, make_instance):
        """An instance whose guest runs on ``host``."""
        instance = make_instance()
        driver.spawn(host, instance)
        return instance
