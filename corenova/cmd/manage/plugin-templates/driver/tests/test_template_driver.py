"""What TemplateDriver makes of its options, and that it keeps the contract."""

from types import SimpleNamespace

import pytest
from template_driver import TemplateDriver

from corenova.testing.suites import DriverSuite


class TestContract(DriverSuite):
    """All that the driver contract asks of every driver: each verb, twice, after a restart, on what is not ours."""

    plugin = TemplateDriver


@pytest.mark.parametrize("hosts", [1, 3])
def test_hosts_and_what_they_have_are_options(hosts):
    driver = TemplateDriver()
    driver.configure(SimpleNamespace(hosts=hosts, vcpus=4, memory_mb=2048))
    assert len(driver.hosts()) == hosts
    for name in driver.hosts():
        report = driver.inventory(name)
        assert (report.host, report.inventories["VCPU"].total) == (name, 4)
        assert report.inventories["MEMORY_MB"].total == 2048
