"""The XML of domains, networks and filters: compared with files (data/), which libvirt itself holds against its schemas
(tests/libvirt/test_driver_network.py).

After a wanted change run this file with CORENOVA_WRITE_XML=1, and look at the diff.
"""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from corenova.exceptions import BuildAbort, ConfigurationError
from corenova.objects.instance import Instance
from corenova.objects.network import FixedIP, Nic, SecurityRule
from corenova.objects.request_spec import Flavor, ImageMeta
from corenova.objects.topology import ClaimedCell, TopologyClaim

pytest.importorskip("libvirt", reason="libvirt-python is not installed: run tools/install-libvirt")

from corenova_drivers.libvirt import domain, firewall, networks, options
from corenova_drivers.libvirt.devices import Disk
from corenova_drivers.libvirt.domain import GuestPlan
from corenova_drivers.libvirt.host import Cell, HostFacts, MachineFacts
from corenova_drivers.libvirt.xmltree import parse, text

DATA = Path(__file__).with_name("data")
UUID = "11111111-1111-4111-8111-111111111111"
MACHINE = MachineFacts(
    disk_buses=frozenset({"virtio", "scsi", "sata", "ide", "usb"}),
    video_models=frozenset({"vga", "virtio", "none"}),
    rng_backends=frozenset({"random"}),
    cpu_modes=frozenset({"custom", "host-model", "maximum"}),
    cpu_models=frozenset({"Nehalem"}),
)
FACTS = HostFacts(
    arch="x86_64",
    virt_type="qemu",
    hypervisor_type="QEMU",
    version=7002000,
    memory_mb=16384,
    cpus=8,
    cells=tuple(
        Cell(id=id, memory_mb=8192, cores=tuple((id * 4 + core,) for core in range(4)), pages={2048: 512})
        for id in range(2)
    ),
    machines={"pc": MACHINE, "q35": MACHINE},
)
ADDRESS = FixedIP(address="10.0.0.5", subnet_id="s", cidr="10.0.0.0/24", gateway="10.0.0.1", dns=("9.9.9.9",))
V6 = FixedIP(address="fd00::5", subnet_id="t", cidr="fd00::/64", gateway="fd00::1", version=6)
NAT = Nic(
    port_id="22222222-2222-4222-8222-222222222222", network_id="33333333-3333-4333-8333-333333333333",
    network_name="private <&>", mac="52:54:00:00:00:05", fixed_ips=(ADDRESS,), mtu=1400,
)  # fmt: skip
BRIDGED = Nic(
    port_id="44444444-4444-4444-8444-444444444444", network_id="55555555-5555-4555-8555-555555555555",
    network_name="public", mac="52:54:00:00:00:06", kind="bridge", bridge="br-ex", port_security=False,
)  # fmt: skip
ROOT = Disk(path="/i/disk")
DRIVE = Disk(path="/i/disk.config", format="raw", device="cdrom")


def instance(*, vcpus=1, extra_specs=None, properties=None, **facts):
    return Instance(
        uuid=UUID, display_name="vm <one>", hostname="vm", project_id="p", user_id="u",
        flavor=Flavor(
            flavorid="1", name="small", vcpus=vcpus, memory_mb=512, root_gb=1, extra_specs=extra_specs or {}
        ),
        image=ImageMeta(id="i", name="image", properties=properties or {}), **facts,
    )  # fmt: skip


def section(**changed):
    return SimpleNamespace(**(vars(options.defaults()) | changed))


def plan(*disks, dedicated=()):
    return GuestPlan(
        deployment_id="ours", disks=disks or (ROOT, DRIVE), console_log="/i/console.log", dedicated=frozenset(dedicated)
    )


PINNED = TopologyClaim(
    cells=(
        ClaimedCell(cell=0, memory_mb=256, vcpus=(0,), pins={1: 2}, page_kb=2048),
        ClaimedCell(cell=1, memory_mb=256, pins={2: 6, 3: 7}, page_kb=2048),
    )
)
TUNED = {
    "quota:cpu_shares": "512", "quota:cpu_quota": "5000", "quota:disk_read_iops_sec": "100",
    "quota:vif_inbound_average": "1000", "hw:watchdog_action": "reset", "hw:cpu_sockets": "1", "hw:cpu_threads": "2",
    "hw_rng:allowed": "false",
}  # fmt: skip
WINDOWS = {
    "os_type": "windows", "hw_disk_bus": "sata", "hw_vif_model": "e1000", "hw_qemu_guest_agent": "yes",
    "hw_pointer_model": "usbtablet", "hw_video_model": "virtio",
}  # fmt: skip
Q35 = {"hw_machine_type": "q35", "hw_disk_bus": "scsi", "hw_vif_multiqueue_enabled": "true"}
DOMAINS = {
    "plain": lambda: domain.build(instance(), FACTS, section(), plan()),
    "nics": lambda: domain.build(instance(nics=(NAT, BRIDGED)), FACTS, section(), plan()),
    "q35": lambda: domain.build(
        instance(vcpus=4, properties=Q35, nics=(NAT,)), FACTS, section(num_pcie_ports=3), plan()
    ),
    "windows": lambda: domain.build(instance(properties=WINDOWS, nics=(NAT,)), FACTS, section(), plan()),
    "tuned": lambda: domain.build(
        instance(vcpus=4, extra_specs=TUNED, nics=(NAT,)),
        FACTS,
        section(cpu_mode="custom", cpu_model="Nehalem", video_model="none"),
        plan(ROOT, Disk(path="/i/disk.eph0"), Disk(path="/i/disk.swap"), DRIVE),
    ),
    "pinned": lambda: domain.build(instance(vcpus=4, topology=PINNED), FACTS, section(), plan(dedicated=(2, 3, 6, 7))),
    "floating": lambda: domain.build(instance(vcpus=2), FACTS, section(), plan(dedicated=(2, 3, 6, 7))),
    "rescue": lambda: domain.build(instance(), FACTS, section(), plan(Disk(path="/i/disk.rescue"), ROOT, DRIVE)),
    "network-nat": lambda: networks.build(NAT, "ours"),
    "network-isolated": lambda: networks.build(replace(NAT, kind="isolated", fixed_ips=(ADDRESS, V6)), "ours"),
    "network-without-gateway": lambda: networks.build(
        replace(NAT, kind="isolated", fixed_ips=(replace(ADDRESS, gateway=None),)), "ours"
    ),
    "filter": lambda: firewall.build(replace(NAT, fixed_ips=(ADDRESS, V6)), RULES, "ours"),
    "filter-shut": lambda: firewall.build(NAT, (), "ours"),
}
RULES = (
    SecurityRule(direction="egress", ethertype="IPv4"),
    SecurityRule(direction="egress", ethertype="IPv6"),
    SecurityRule(
        direction="ingress",
        ethertype="IPv4",
        protocol="tcp",
        port_min=22,
        port_max=23,
        remotes=("10.0.0.0/8", "9.9.9.9"),
    ),
    SecurityRule(
        direction="ingress", ethertype="IPv6", protocol="udp", port_min=53, port_max=53, remotes=("fd00::/8",)
    ),
    SecurityRule(direction="ingress", ethertype="IPv4", protocol="icmp", port_min=8, port_max=0),
    SecurityRule(direction="ingress", ethertype="IPv4", protocol="50"),
    SecurityRule(direction="ingress", ethertype="IPv4", protocol="tcp", remotes=()),
    SecurityRule(direction="ingress", ethertype="IPv4", protocol="47"),
)


@pytest.mark.parametrize("name", DOMAINS)
def test_the_document_is_the_one_in_the_file(name):
    file, document = DATA / f"{name}.xml", text(DOMAINS[name]()) + "\n"
    if os.environ.get("CORENOVA_WRITE_XML"):
        file.write_text(document)
    assert document == file.read_text()


def test_a_rule_for_nobody_and_one_that_cannot_be_filtered_let_nothing_through():
    only = [SecurityRule(direction="ingress", ethertype="IPv4", protocol="tcp", remotes=()), RULES[-1]]
    assert text(firewall.build(NAT, only, "ours")) == text(firewall.build(NAT, (), "ours"))


WRONG = {
    "hw_machine_type": "steam", "hw_disk_bus": "tram", "hw_vif_model": "drum", "hw_video_model": "lantern",
    "hw_firmware_type": "uefi", "hw:cpu_sockets": "3", "hw:cpu_cores": "none", "hw:watchdog_action": "bark",
    "hw:tpm_version": "2.0", "os_secure_boot": "required",
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG)
def test_what_no_host_of_this_kind_has_is_refused_by_name(key):
    where = "extra_specs" if ":" in key else "properties"
    asked = instance(vcpus=2, nics=(NAT,), **{where: {key: WRONG[key]}})
    with pytest.raises(BuildAbort, match=key.split(":")[-1].split("_")[0]):
        domain.build(asked, FACTS, section(), plan())


@pytest.mark.parametrize(
    "wrong", [{"machine_type": "steam"}, {"disk_bus": "tram"}, {"vif_model": "drum"}, {"video_model": "lantern"},
              {"cpu_mode": "host-passthrough"}, {"cpu_mode": "custom", "cpu_model": "Z80"}]
)  # fmt: skip
def test_options_that_no_guest_can_be_made_with_stop_the_start(wrong):
    domain.check(section(), FACTS)
    with pytest.raises(ConfigurationError, match=rf"\[libvirt\] {list(wrong)[-1]} = "):
        domain.check(section(**wrong), FACTS)


@pytest.mark.parametrize(
    ("asked", "found"),
    [({}, (4, 1, 1)), ({"sockets": "2"}, (2, 2, 1)), ({"sockets": "1", "cores": "2"}, (1, 2, 2)),
     ({"cores": "4"}, (1, 4, 1)), ({"threads": "2"}, (2, 1, 2)),
     ({"sockets": "1", "cores": "4", "threads": "1"}, (1, 4, 1))],
)  # fmt: skip
def test_a_cpu_topology_is_filled_up(asked, found):
    specs = {f"hw:cpu_{part}": value for part, value in asked.items()}
    tree = domain.build(instance(vcpus=4, extra_specs=specs), FACTS, section(), plan()).find("cpu/topology")
    assert tuple(int(tree.get(part)) for part in ("sockets", "cores", "threads")) == found


def test_a_name_cannot_become_xml():
    tree = parse(text(domain.build(instance(), FACTS, section(), plan())))
    (name,) = tree.iterfind("metadata/*/{*}name")
    assert name.text == "vm <one>"


def test_xml_with_declarations_is_not_read():
    with pytest.raises(Exception, match="declarations"):
        parse('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
