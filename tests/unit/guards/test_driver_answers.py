"""F24, a driver that lies: whatever its verbs return, a true answer comes out or DriverFault."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corenova.exceptions import DriverFault
from corenova.objects.host_state import HostReport, Inventory
from corenova.objects.instance import Guest
from corenova.objects.states import PowerState
from corenova.objects.topology import HostTopology, NumaCell
from tests.unit.guards.conftest import OWNER, ToyDriver, guarded_driver, report, silence

GUEST = Guest(uuid="11111111-1111-4111-8111-111111111111", name="one", power_state=1, owner=OWNER)
FLOATS = st.floats()
WORDS = st.sampled_from(["", "h1", "VCPU", "CUSTOM_X", "\ud800", "\0", "x" * 300])
RUBBISH = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | FLOATS
    | WORDS
    | st.binary(max_size=3)
    | st.just(GUEST)
    | st.just(report()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2) | st.tuples(inner, inner),
    max_leaves=4,
)
NUMBERS = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, -1, 2**31 - 1, 2**31]) | FLOATS | st.booleans() | WORDS
AMOUNTS = dict.fromkeys(("total", "reserved", "allocation_ratio", "min_unit", "max_unit", "step_size"), NUMBERS)
INVENTORIES = st.dictionaries(
    st.sampled_from(["VCPU", "MEMORY_MB", "CUSTOM_X", "NONSENSE"]),
    st.fixed_dictionaries({}, optional=AMOUNTS).map(lambda amounts: Inventory(**{"total": 1, **amounts})) | RUBBISH,
    max_size=3,
)
REPORTS = st.fixed_dictionaries(
    {},
    optional={
        "host": WORDS,
        "hypervisor_version": NUMBERS,
        "inventories": INVENTORIES,
        "traits": st.lists(WORDS | RUBBISH, max_size=2).map(tuple),
        "cpu_info": RUBBISH,
        "supported_instances": RUBBISH,
        "topology": RUBBISH,
    },
).map(lambda fields: msgspec.structs.replace(report(), **fields))


GUESTS = st.fixed_dictionaries(
    {}, optional={"uuid": RUBBISH, "name": RUBBISH, "power_state": NUMBERS, "owner": WORDS}
).map(lambda fields: msgspec.structs.replace(GUEST, **fields))
DRIVER = ToyDriver()
GUARD = guarded_driver(DRIVER)  # one for all examples: options take longer to parse than a call takes


def asked(verb, answer, *arguments):
    DRIVER.answers[verb] = lambda *_: answer
    faults = GUARD.plugin.told().faults
    try:
        with silence():
            return getattr(GUARD, verb)(*arguments)
    except DriverFault:
        assert GUARD.plugin.told().faults == faults + 1
        return None


@settings(max_examples=120, deadline=None)
@given(REPORTS | RUBBISH)
def test_an_inventory_that_comes_out_can_be_told_and_claimed_from(answer):
    told = asked("inventory", answer, "h1")
    if told is None:
        return
    assert told.host == "h1"
    again = msgspec.json.decode(msgspec.json.encode(told), type=HostReport)
    for name, inventory in again.inventories.items():
        assert isinstance(told.inventories[name].capacity, int)
        assert 0 <= inventory.capacity <= 2**31 - 1
        assert 0 <= inventory.reserved <= inventory.total
        assert math.isfinite(inventory.allocation_ratio)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={"uuid": RUBBISH, "name": RUBBISH, "power_state": NUMBERS, "owner": WORDS}
        ).map(lambda fields: msgspec.structs.replace(GUEST, **fields)),
        max_size=3,
    )
    | RUBBISH
)
def test_guests_that_come_out_are_ours_and_each_once(answer):
    told = asked("list_guests", answer, "h1")
    for guest in told or ():
        assert isinstance(guest, Guest)
        assert guest.owner == OWNER
        assert guest.power_state in PowerState.NAMES
    assert len({guest.uuid for guest in told or ()}) == len(told or ())


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS | RUBBISH, max_size=3) | RUBBISH)
def test_hosts_that_come_out_are_names_each_once(answer):
    GUARD._served = ()
    told = asked("hosts", answer)
    if told is not None:
        assert told
        assert all(isinstance(host, str) and host for host in told)
        assert len(set(told)) == len(told)


@settings(max_examples=60, deadline=None)
@given(RUBBISH)
def test_a_power_state_or_console_that_comes_out_is_one(answer):
    state = asked("get_power_state", answer, "h1", "u")
    assert state is None or (type(state) is int and state in PowerState.NAMES)
    output = asked("get_console_output", answer, "h1", "u")
    assert output is None or isinstance(output, bytes)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (report("h2"), "it is about host str 'h2'"),
        (report(inventories={"VCPU": Inventory(total=-1)}), "VCPU: total must be"),
        (report(inventories={"VCPU": Inventory(total=math.nan)}), "Expected `int`"),
        (report(inventories={"VCPU": Inventory(total=4, reserved=5)}), "reserved must be from 0 to the total of 4"),
        (report(inventories={"VCPU": Inventory(total=4, allocation_ratio=math.inf)}), "Expected `float`"),
        (report(inventories={"vcpus": Inventory(total=4)}), "is no resource class"),
        (report(traits=("fast",)), "is no trait"),
        (report(topology=HostTopology(cells=(NumaCell(id=0), NumaCell(id=0)))), "two NUMA cells"),
        (
            report(topology=HostTopology(cells=(NumaCell(id=0, memory_mb=1, pages={2048: 9}),))),
            "more MiB in huge pages",
        ),
        (report(topology=HostTopology(cells=(NumaCell(id=0, shared=((1,), (1,))),))), "a CPU is in two cores"),
    ],
)
def test_a_refusal_says_what_is_wrong(answer, complaint):
    told = asked("inventory", answer, "h1")
    assert told is None
    assert complaint in GUARD.plugin.told().last_fault


def test_a_host_may_have_nothing_of_something():
    told = asked("inventory", report(inventories={"VCPU": Inventory(total=0)}), "h1")
    assert told.inventories["VCPU"].capacity == 0
