"""Classes of hosts from a file: what they become, the sample, and what is wrong told in one line."""

from pathlib import Path

import pytest

from corenova.exceptions import ConfigurationError
from corenova.objects.host_state import Inventory
from corenova.objects.topology import NumaCell, PciPool
from corenova_drivers import fake_fleet
from corenova_drivers.fake import FakeDriver

SAMPLE = Path(__file__).parents[3] / "etc" / "corenova" / "fake-hosts.yaml.sample"


@pytest.fixture
def fleet(tmp_path, section_of):
    """Return a driver whose hosts are those of this text."""

    def make(text: str) -> FakeDriver:
        file = tmp_path / "hosts.yaml"
        file.write_text(text)
        driver = FakeDriver()
        driver.configure(section_of(classes_file=str(file), hosts=7))
        return driver

    return make


def test_without_a_file_hosts_have_no_topology(section_of):
    driver = FakeDriver()
    driver.configure(section_of(hosts=2))
    assert driver.hosts() == ["fake-001", "fake-002"]
    assert driver.inventory("fake-001").topology is None


def test_a_class_becomes_hosts(fleet):
    driver = fleet(
        """
        classes:
          - name_prefix: a-
            count: 2
            vcpus: 8
            ram_mb: 4096
            numa: {cells: 2, threads: 2, dedicated: 2, huge_pages: {2048: 256}}
            pci: [{vendor_id: "10de", product_id: "1eb8", count: 2, cell: 1}]
            traits: [CUSTOM_FAST]
            inventories: {CUSTOM_LICENSE: {total: 3}}
            cpu_info: {model: big}
          - {name_prefix: b-, count: 1, vcpus: 4}
        """
    )
    assert driver.hosts() == ["a-001", "a-002", "b-001"]
    told = driver.inventory("a-002")
    assert {name: held.total for name, held in told.inventories.items()} == {
        "VCPU": 4, "PCPU": 4, "MEMORY_MB": 4096, "DISK_GB": 4096, "CUSTOM_LICENSE": 3,
    }  # fmt: skip
    assert told.inventories["PCPU"] == Inventory(total=4, max_unit=4)
    assert (told.traits, told.cpu_info["model"], told.cpu_info["arch"]) == (("CUSTOM_FAST",), "big", "x86_64")
    pages = {2048: 256}
    assert told.topology.cells == (
        NumaCell(id=0, memory_mb=2048, dedicated=((0, 1),), shared=((2, 3),), pages=pages),
        NumaCell(id=1, memory_mb=2048, dedicated=((4, 5),), shared=((6, 7),), pages=pages),
    )
    addresses = ("0000:01:00.0", "0000:01:00.1")
    assert told.topology.pools == (PciPool(vendor_id="10de", product_id="1eb8", addresses=addresses, cell=1),)
    assert driver.inventory("b-001").topology is None


def test_every_address_of_a_host_is_its_own(fleet):
    device = '{vendor_id: "1", product_id: "2", count: 20}'
    driver = fleet(f"classes: [{{name_prefix: a-, count: 1, pci: [{device}, {device}]}}]")
    addresses = [one for pool in driver.inventory("a-001").topology.pools for one in pool.addresses]
    assert len(set(addresses)) == 40


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ("{name_prefix: a-}", "missing required field `count` - at `$.classes[0]`"),
        ("{name_prefix: a-, count: 0}", ">= 1 - at `$.classes[0].count`"),
        ("{name_prefix: a-, count: 1, cpus: 3}", "unknown field `cpus` - at `$.classes[0]`"),
        ("{name_prefix: a-, count: 1, vcpus: many}", "Expected `int`, got `str` - at `$.classes[0].vcpus`"),
        ("{name_prefix: a-, count: 1, traits: [fast]}", "at `$.classes[0].traits[0]`"),
        ("{name_prefix: a-, count: 1, vcpus: 6, numa: {cells: 4}}", "vcpus cannot be divided"),
        ("{name_prefix: a-, count: 1, ram_mb: 5, numa: {cells: 2}}", "ram_mb cannot be divided"),
        ("{name_prefix: a-, count: 1, vcpus: 4, numa: {dedicated: 5}}", "more than the CPUs of a cell"),
        ("{name_prefix: a-, count: 1, numa: {threads: 2, dedicated: 5}}", "whole cores"),
        ("{name_prefix: a-, count: 1, ram_mb: 1, numa: {huge_pages: {2048: 1}}}", "more than the RAM of a cell"),
        ('{name_prefix: a-, count: 1, pci: [{vendor_id: "1", product_id: "2", cell: 1}]}', "beyond the last (0)"),
        ("{name_prefix: a-, count: 1, inventories: {VCPU: {total: 3}}}", "has its own key"),
        ("{name_prefix: a-, count: 1}, {name_prefix: a-, count: 1}", "two classes have a host a-001"),
        ("{name_prefix: a-", "classes_file"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_where(fleet, one, words):
    with pytest.raises(ConfigurationError) as refused:
        fleet(f"classes: [{one}]")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(section_of, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        FakeDriver().configure(section_of(classes_file=str(tmp_path / "nope.yaml")))


def test_an_empty_file(fleet):
    with pytest.raises(ConfigurationError, match="Expected `object`"):
        fleet("")


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample is the core's")
def test_the_sample_is_a_fleet_and_shows_every_key():
    found = fake_fleet.read(str(SAMPLE))
    assert [one.count for one in found.classes] == [4, 3, 2]
    text = SAMPLE.read_text()
    for struct in (fake_fleet.HostClass, fake_fleet.Numa, fake_fleet.Pci):
        assert [name for name in struct.__struct_fields__ if f"{name}:" not in text] == []
