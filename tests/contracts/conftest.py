"""Fixtures of the driver contract: one driver after the other, started on a state directory of the test's own."""

import uuid

import pytest
from oslo_config import cfg

from corenova import conf as options
from corenova import loader
from corenova.contracts.driver import DriverContext
from corenova.objects.instance import Instance
from corenova.objects.network import FixedIP, Nic
from corenova.objects.request_spec import Flavor
from tests.contracts import driver_variants


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.libvirt, pytest.mark.timeout(600)] if name == "libvirt-qemu" else [])
        for name in driver_variants.VARIANTS
    ]
)
def variant(request):
    """The driver that the test is about."""
    yield from driver_variants.VARIANTS[request.param](request)


@pytest.fixture
def start(variant, tmp_path):
    """Give a function that starts another incarnation of the driver on the same state; all are stopped at the end."""
    started = []

    def incarnation(*, deployment_id="ours"):
        file = tmp_path / "test.conf"
        file.write_text(variant.ini)
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf(["--config-file", str(file)], default_config_files=[], default_config_dirs=[])
        driver = loader.load_one(conf, loader.DRIVERS, variant.driver).object
        started.append(driver)
        context = DriverContext(
            state_path=str(tmp_path / "state"), deployment_id=deployment_id, address="here", images=variant.images
        )
        driver.start(context)
        return driver

    yield incarnation
    for driver in started:
        driver.stop()


@pytest.fixture
def driver(start):
    return start()


@pytest.fixture
def host(driver):
    return driver.hosts()[0]


@pytest.fixture
def make_instance(variant):
    def make(name="vm", **facts):
        flavor = Flavor(flavorid="1", name="f", vcpus=1, memory_mb=variant.memory_mb, root_gb=1)
        return Instance(
            uuid=str(uuid.uuid4()), display_name=name, hostname="vm", project_id="p", user_id="u", flavor=flavor,
            boot=variant.boot, **facts,
        )  # fmt: skip

    return make


@pytest.fixture
def make_nic(variant):
    """Return interfaces on one network of the test's own."""
    network_id, numbers = str(uuid.uuid4()), iter(range(10, 250))

    def make():
        number = next(numbers)
        address = FixedIP(
            address=f"{variant.prefix}.{number}", subnet_id="s", cidr=f"{variant.prefix}.0/24",
            gateway=f"{variant.prefix}.1",
        )  # fmt: skip
        return Nic(
            port_id=str(uuid.uuid4()), network_id=network_id, network_name="net", mac=f"52:54:00:00:00:{number:02x}",
            fixed_ips=(address,), kind="isolated",
        )  # fmt: skip

    return make


@pytest.fixture
def guest(driver, host, make_instance):
    """An instance whose guest runs on ``host``."""
    instance = make_instance()
    driver.spawn(host, instance)
    return instance
