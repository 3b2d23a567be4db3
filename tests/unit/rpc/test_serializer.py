"""Structs cross the bus unchanged, tagged with their name; neighbours' versions understand each other."""

import json

import msgspec
import pytest

from corenova.exceptions import InvalidInput
from corenova.objects.host_state import Aggregate, HostReport, HostState, Inventory, Service
from corenova.objects.image import ImageAccess
from corenova.objects.instance import Guest, GuestConfig, Instance
from corenova.objects.network import (
    Firewall,
    FixedIP,
    GroupRule,
    InstanceFirewall,
    Nic,
    SecurityGroup,
    SecurityRule,
    WantedNic,
)
from corenova.objects.plugin_account import PluginAccount, ServiceReport
from corenova.objects.request_spec import Flavor, ImageMeta, InstanceGroup, RequestSpec, Selection, SelectRequest
from corenova.objects.topology import (
    CellUse,
    ClaimedCell,
    HostTopology,
    NumaCell,
    TopologyClaim,
    TopologyUse,
    TopologyWish,
    WishedCell,
)
from corenova.objects.work import GuestSeen, HostGuests, Report, Result, StepArgs, Verdicts, WorkOrder
from corenova.rpc.serializer import TYPES, StructSerializer

FLAVOR = Flavor(flavorid="1", name="m1", vcpus=2, memory_mb=512, root_gb=1, extra_specs={"hw:x": "1"})
IMAGE = ImageMeta(id="i", name="cirros", size=5, properties={"hw_disk_bus": "virtio"})
GROUP = InstanceGroup(uuid="g", name="g", policy="anti-affinity", rules={"max_server_per_host": 1}, hosts={"h": 1})
SPEC = RequestSpec(
    project_id="p", user_id="u", flavor=FLAVOR, image=IMAGE, instance_group=GROUP, scheduler_hints={"group": ["g"]}
)
INSTANCE = Instance(uuid="u", display_name="d", hostname="n", project_id="p", user_id="u", flavor=FLAVOR, image=IMAGE)
GUEST = Guest(uuid="u", name="n", power_state=1, owner="o")
RULE = SecurityRule(direction="ingress", ethertype="IPv4", protocol="tcp", port_min=22, port_max=22, remotes=())
FIREWALL = Firewall(port_id="p", rules=(RULE,))
ADDRESS = FixedIP(address="10.0.0.5", subnet_id="s", cidr="10.0.0.0/24", gateway="10.0.0.1", dns=("10.0.0.1",))
NIC = Nic(port_id="p", network_id="n", network_name="home", mac="fa:16:3e:00:00:01", fixed_ips=(ADDRESS,))
ACCESS = ImageAccess(
    image_id="i", url="http://here/image", headers={"X-Image-Ticket": "t"}, size=5, disk_format="qcow2"
)
ACCOUNT = PluginAccount(group="g", name="F", calls=3, seconds=1e-5, faults=1, last_fault="E: no", breaker="open")
SAMPLES = [
    FLAVOR,
    IMAGE,
    GROUP,
    SPEC,
    SelectRequest(spec=SPEC, instances=(("a", 1), ("b", 2))),
    Selection(instance_uuid="u", host="h", address="a"),
    Inventory(total=8, allocation_ratio=1.5),
    Service(disabled=True, disabled_reason="why"),
    Aggregate(name="a", metadata={"k": "v"}),
    HostState(host="h", nodename="h", traits=frozenset({"CUSTOM_X"}), inventories={"VCPU": Inventory(total=1)}),
    HostReport(host="h", hypervisor_type="fake", hypervisor_version=1, supported_instances=(("x86_64", "kvm", "hvm"),)),
    INSTANCE,
    GUEST,
    WorkOrder(instance=INSTANCE, step="build"),
    WorkOrder(
        instance=msgspec.structs.replace(INSTANCE, nics=(NIC,), firewalls=(FIREWALL,), boot=ACCESS),
        step="snapshot",
        upload=ACCESS,
    ),
    Report(instance_uuid="u", host="h", generation=3, step="build", result=Result.DONE, power_state=1),
    HostGuests(host="h", guests=(GUEST,)),
    Verdicts(orphans=(("h", "a"),), work=("b",)),
    GuestSeen(uuid="u", generation=2, power_state=4),
    HostTopology(cells=(NumaCell(id=0, dedicated=((0, 1),), pages={2048: 8}),), used=TopologyUse(cells={0: CellUse()})),
    TopologyWish(cells=(WishedCell(vcpus=(0,), memory_mb=64),), page_size=2048),
    TopologyClaim(cells=(ClaimedCell(cell=0, memory_mb=64, pins={0: 4}),)),
    RULE,
    FIREWALL,
    ADDRESS,
    NIC,
    InstanceFirewall(instance_uuid="u", host="h", firewalls=(FIREWALL,)),
    SecurityGroup(id="g", name="g", description="", project_id="p", rules=(GroupRule(id="r", protocol="tcp"),)),
    GroupRule(id="r", remote_group="g"),
    WantedNic(network_id="n", address="10.0.0.9"),
    ACCESS,
    GuestConfig(public_key="ssh-ed25519 AAAA", admin_pass="secret"),
    StepArgs(image=IMAGE, port_id="p"),
    ACCOUNT,
    ServiceReport(alarms=("filter F is left out: why",), accounts=(ACCOUNT,)),
]
SERIALIZER = StructSerializer()


def cross(value: object) -> object:
    """Send ``value`` over a bus that has nothing but JSON."""
    return SERIALIZER.deserialize_entity({}, json.loads(json.dumps(SERIALIZER.serialize_entity({}, value))))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_struct_crosses_alone_and_in_lists(sample):
    assert cross(sample) == sample
    assert cross([sample, sample]) == [sample, sample]
    assert cross((sample,)) == [sample]


def test_no_struct_lacks_a_sample():
    assert {type(sample).__name__ for sample in SAMPLES} == {name for name in TYPES if not name.startswith("[")}


def test_lists_of_different_structs_cross():
    assert cross([FLAVOR, GUEST]) == [FLAVOR, GUEST]


def test_a_list_carries_one_tag():
    assert SERIALIZER.serialize_entity({}, [GUEST] * 100)["_t"] == "[Guest]"


@pytest.mark.parametrize("value", [None, 0, "", [], {}, [1, "a"], {"_t": "x"}, [{"a": 1}], {"a": [1]}])
def test_what_is_no_struct_passes_as_it_is(value):
    assert cross(value) == value


def test_the_context_passes_as_it_is():
    context = {"request_id": "r"}
    assert SERIALIZER.deserialize_context(SERIALIZER.serialize_context(context)) is context


def test_unknown_fields_are_ignored_and_missing_ones_filled():
    message = {"_t": "Selection", "_v": {"instance_uuid": "u", "from_the_future": 1}}
    assert SERIALIZER.deserialize_entity({}, message) == Selection(instance_uuid="u")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"_t": "Teapot", "_v": {}}, "a Teapot, which this service does not know"),
        ({"_t": "Selection", "_v": {"instance_uuid": 5}}, r"unreadable Selection: .*instance_uuid"),
    ],
)
def test_what_cannot_be_read_is_invalid_input(message, words):
    with pytest.raises(InvalidInput, match=words):
        SERIALIZER.deserialize_entity({}, message)


def test_no_payload_forbids_unknown_fields():
    structs = [kind for name, kind in TYPES.items() if not name.startswith("[")]
    assert not [one for one in structs if msgspec.structs.fields(one) and one.__struct_config__.forbid_unknown_fields]
