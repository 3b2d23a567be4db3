"""Addresses and filters of the libvirt driver, as guests with a real operating system see them."""

import base64
import re
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from corenova.objects.image import ImageAccess
from corenova.objects.instance import GuestConfig
from corenova.objects.network import Firewall, SecurityRule

pytestmark = [pytest.mark.libvirt, pytest.mark.timeout(600)]

DATA = Path(__file__).parents[2] / "plugins" / "drivers" / "tests" / "libvirt" / "data"
EGRESS = (SecurityRule(direction="egress", ethertype="IPv4"),)
PING = SecurityRule(direction="ingress", ethertype="IPv4", protocol="icmp")

WATCH = """#!/bin/sh
see() {{ if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }}
(
while sleep 1; do
    own=$(see ping -c1 -W2 {other})
    ip addr add {stolen}/24 dev eth0
    stolen=$(see ping -c1 -W2 -I {stolen} {other})
    ip addr del {stolen}/24 dev eth0
    web=$(see nc -w 2 {other} 80 -e true)
    closed=$(see nc -w 2 {closed} 80 -e true)
    echo "COREGUEST SEES ping=$own stolen=$stolen web=$web closed=$closed END" >/dev/console
done
) &
"""


def web_from(address):
    return SecurityRule(
        direction="ingress", ethertype="IPv4", protocol="tcp", port_min=80, port_max=80, remotes=(f"{address}/32",)
    )


def _attributes(document):
    """Return which attributes each rule has, and each of what it matches."""
    rules = ElementTree.fromstring(document).iterfind("rule")
    return sorted((sorted(rule.attrib), [(one.tag, sorted(one.attrib)) for one in rule]) for rule in rules)


@pytest.mark.parametrize("file", sorted(DATA.glob("*.xml")), ids=lambda file: file.stem)
def test_libvirt_takes_the_documents(rig, file):
    import libvirt

    connection = libvirt.open(rig.host.uri)
    kind, document = file.stem.partition("-")[0], file.read_text()
    if kind == "network":
        connection.networkDefineXMLFlags(document, libvirt.VIR_NETWORK_DEFINE_VALIDATE)
    elif kind == "filter":
        # Its schema knows fewer attributes than libvirt: what counts is that none of ours was dropped.
        kept = connection.nwfilterDefineXML(document).XMLDesc(0)
        assert _attributes(kept) == _attributes(document)
    else:
        connection.defineXMLFlags(document, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    connection.close()


@pytest.fixture
def debian(rig, guest_image):
    """Return a function that makes an instance of the Debian guest."""
    rig.images.content = guest_image.qcow2.read_bytes()
    access = ImageAccess(
        image_id="00000000-0000-4000-8000-0000000000de", url="file:", size=len(rig.images.content), disk_format="qcow2"
    )

    def make(nic, rules, *, script=""):
        guest = GuestConfig(user_data=base64.b64encode(script.encode()).decode() if script else None)
        firewalls = (Firewall(port_id=nic.port_id, rules=rules),)
        return rig.instance(disk=access, nics=(nic,), firewalls=firewalls, memory_mb=128, guest=guest)

    return make


def address(nic):
    return nic.fixed_ips[0].address


@pytest.mark.long
def test_a_guest_gets_the_address_that_the_api_shows_and_filters_hold(rig, debian, until):
    driver = rig.start()
    web, closed, watcher, stolen = (rig.nic(kind="nat") for _ in range(4))
    script = WATCH.format(other=address(web), closed=address(closed), stolen=address(stolen))
    open_one = debian(web, (PING, web_from(address(watcher)), *EGRESS))
    closed_one = debian(closed, EGRESS)
    watching = debian(watcher, EGRESS, script=script)
    for instance in (open_one, closed_one, watching):
        driver.spawn("h", instance)

    def said(instance):
        return driver.get_console_output("h", instance.uuid, most_bytes=100_000).decode(errors="replace")

    for instance in (open_one, closed_one, watching):
        until(lambda instance=instance: re.search(r"COREGUEST READY.*\n", said(instance)), timeout_s=240)
        assert address(instance.nics[0]) in said(instance)
    with urllib.request.urlopen(f"http://{address(web)}/", timeout=20) as answer:  # the host itself is not filtered
        assert answer.status == 200

    def last(instance):
        seen = [line for line in said(instance).splitlines() if "SEES" in line and line.rstrip().endswith("END")]
        return seen[-1].strip() if seen else ""

    until(lambda: "web=yes" in last(watching), timeout_s=60)
    assert "ping=yes stolen=no web=yes closed=no" in last(watching)
    driver.apply_firewall(
        "h", closed_one.uuid, (Firewall(port_id=closed.port_id, rules=(web_from(address(watcher)), *EGRESS)),)
    )
    driver.apply_firewall("h", open_one.uuid, (Firewall(port_id=web.port_id, rules=EGRESS),))
    until(lambda: "ping=no stolen=no web=no closed=yes" in last(watching), timeout_s=60)
    for instance in (open_one, closed_one, watching):
        driver.destroy("h", instance.uuid)


def test_an_interface_goes_while_a_real_guest_runs(rig, debian, until):
    driver = rig.start()
    first, second = rig.nic(kind="nat"), rig.nic(kind="nat")
    instance = debian(first, EGRESS)
    driver.spawn("h", instance)

    def said():
        return driver.get_console_output("h", instance.uuid, most_bytes=100_000).decode(errors="replace")

    until(lambda: "COREGUEST READY" in said(), timeout_s=240)
    both = msgspec.structs.replace(instance, nics=(first, second))
    driver.attach_interface("h", both, second)
    until(lambda: f"mac={second.mac}" in said(), timeout_s=60)
    driver.detach_interface("h", both, second)
    assert {nic["mac_address"] for nic in driver.get_diagnostics("h", instance.uuid).nics} == {first.mac}
    driver.power_off("h", instance.uuid, timeout_s=60)
    assert "COREGUEST power button" in said()
