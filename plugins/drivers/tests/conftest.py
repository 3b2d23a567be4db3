"""Fixtures of the driver tests: a configured fake driver, started and stopped again, and instances to give it."""

import itertools

import pytest
from oslo_config import cfg

from corenova.contracts.driver import DriverContext
from corenova.objects.instance import Instance
from corenova.testing import builders
from corenova_drivers.fake import FakeDriver


@pytest.fixture
def make_instance():
    """Return an instance of the given name, each with a uuid of its own."""
    numbers = itertools.count(1)

    def make(name: str = "vm") -> Instance:
        uuid = f"00000000-0000-4000-8000-{next(numbers):012d}"
        return builders.instance(name, uuid=uuid, ram_mb=512)

    return make


@pytest.fixture
def section_of():
    """Return the section [fake] as the loader hands it over, with these options set as an ini would."""

    def parse(**options):
        conf = cfg.ConfigOpts()
        conf.register_opts(FakeDriver.options, group="fake")
        conf([], default_config_files=[], default_config_dirs=[])
        for name, value in options.items():
            conf.set_override(name, value, group="fake")
        return conf.fake

    return parse


@pytest.fixture
def start(tmp_path, section_of):
    """Start a driver with these options on the test's one state directory; stopped at the end of the test."""
    started = []

    def go(*, deployment_id: str = "ours", **options) -> FakeDriver:
        driver = FakeDriver()
        driver.configure(section_of(**options))
        started.append(driver)
        driver.start(DriverContext(state_path=str(tmp_path), deployment_id=deployment_id, address="compute"))
        return driver

    yield go
    for driver in started:
        driver.stop()
