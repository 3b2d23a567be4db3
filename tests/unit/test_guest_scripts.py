"""The awk of the test guest (tools/guest/): JSON of any writer is understood, and a nic finds its network."""

import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

GUEST = Path(__file__).parents[2] / "tools" / "guest"
AWK = ["busybox", "awk"] if shutil.which("busybox") else ["awk"]
WRITERS = {
    "json": lambda value: json.dumps(value).encode(),
    "json, indented": lambda value: json.dumps(value, indent=2).encode(),
    "msgspec": msgspec.json.encode,
}
# A line break or a tab in a value would end it in the flat form, so they are spaces there; that has a test of its own.
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
NAMES = st.text("abcdef_-:", min_size=1, max_size=8)
SCALARS = WORDS | st.integers(-(2**40), 2**40) | st.booleans() | st.none()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


def awk(script, text, **variables):
    words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    return subprocess.run([*AWK, *words, "-f", GUEST / script], input=text, capture_output=True)


def flat(value, path=""):
    if isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [line for name, one in inner for line in flat(one, f"{path}.{name}" if path else f"{name}")]
    return [f"{path}\t{value if isinstance(value, str) else '' if value is None else json.dumps(value)}"]


@given(value=st.dictionaries(NAMES, VALUES, max_size=4), writer=st.sampled_from(sorted(WRITERS)))
@settings(max_examples=60, deadline=None)
def test_json_is_flattened(value, writer):
    done = awk("flatten.awk", WRITERS[writer](value))
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == flat(value)


def test_what_is_no_single_line_or_not_ascii_stays_one_line():
    done = awk("flatten.awk", json.dumps({"key": "ssh-ed25519 AAA+/=\n", "name": "Zo\u00eb\tx"}).encode())
    assert done.stdout.decode() == "key\tssh-ed25519 AAA+/= \nname\tZo? x\n"


@pytest.mark.parametrize("text", ["", "{", '{"a" 1}', "[1, 2", '{"a": 1} x', '{"a": "b}'])
def test_what_is_not_json_is_refused(text):
    assert awk("flatten.awk", text.encode()).returncode == 1


NETWORK_DATA = {
    "links": [
        {"id": "tap0", "type": "phy", "ethernet_mac_address": "FA:16:3E:00:00:01", "mtu": 1400},
        {"id": "tap1", "type": "phy", "ethernet_mac_address": "fa:16:3e:00:00:02", "mtu": None},
        {"id": "tap2", "type": "phy", "ethernet_mac_address": "fa:16:3e:00:00:03"},
    ],
    "networks": [
        {"id": "n0", "link": "tap1", "type": "ipv4_dhcp"},
        {
            "id": "n1",
            "link": "tap0",
            "type": "ipv4",
            "ip_address": "10.1.0.5",
            "netmask": "255.255.255.0",
            "routes": [
                {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.1.0.1"},
                {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.1.0.2"},
            ],
        },
        {"id": "n2", "link": "tap2", "type": "ipv4", "ip_address": "10.2.0.5/24", "gateway": "10.2.0.1"},
        {"id": "n3", "link": "tap2", "type": "ipv6", "ip_address": "fd00::5"},
        {"id": "n4", "link": "tap2", "type": "ipv4", "ip_address": "10.3.0.5", "netmask": "255.255.0.0", "routes": []},
    ],
}


@pytest.mark.parametrize(
    ("mac", "plan"),
    [
        (
            "fa:16:3e:00:00:01",
            [
                "mtu 1400",
                "static 10.1.0.5 255.255.255.0",
                "route 0.0.0.0 0.0.0.0 10.1.0.1",
                "route 10.9.0.0 255.255.0.0 10.1.0.2",
            ],
        ),
        ("fa:16:3e:00:00:02", ["dhcp"]),
        ("fa:16:3e:00:00:03", ["static 10.2.0.5 24", "route 0.0.0.0 0 10.2.0.1", "static 10.3.0.5 255.255.0.0"]),
        ("fa:16:3e:00:00:04", ["dhcp"]),
    ],
)
def test_each_nic_gets_what_its_address_is_promised(mac, plan):
    data = awk("flatten.awk", json.dumps(NETWORK_DATA).encode()).stdout
    assert awk("plan.awk", data, mac=mac).stdout.decode().splitlines() == plan
