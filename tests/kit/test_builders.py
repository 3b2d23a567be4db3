"""What is built is what a plug-in would be handed: a value, a row and columns alike; the examples of the guide run."""

import re
from pathlib import Path

from hypothesis import given, settings

from corenova.hooks import HOOKS
from corenova.objects.host_state import HostState, Inventory
from corenova.testing import hook_calls, strategies
from corenova.testing.builders import columns, host, instance, request

pytest_plugins = ["pytester"]
GUIDE = Path(__file__).parents[2] / "docs" / "plugins" / "testing.md"


@settings(max_examples=25, deadline=None, database=None)
@given(state=strategies.hosts())
def test_a_host_is_the_same_as_a_value_and_as_a_row_of_the_table(state):
    (row,) = columns([state]).states
    told = {name: getattr(row, name) for name in (*HostState.__struct_fields__, "vcpus_free")}
    assert told == {name: getattr(state, name) for name in told}


def test_what_is_worked_out_of_what_is_given():
    built = host(
        vcpus=4, vcpus_used=2, cpu_allocation_ratio=4.0, ram_mb=1024, ram_used_mb=2048, disk_gb=3, disk_used_gb=1,
        inventories={"CUSTOM_LICENCE": 5, "VCPU": Inventory(total=8, used=2, allocation_ratio=4.0)},
        availability_zone="cellar", pci_devices=3,
    )  # fmt: skip
    assert (built.vcpus_free, built.free_ram_mb, built.free_disk_mb, built.free_pci_devices) == (30.0, -1024, 2048, 3)
    assert built.inventories["CUSTOM_LICENCE"].total == 5
    assert [one.metadata for one in built.aggregates] == [{"availability_zone": "cellar"}]
    assert host(inventories={"DISK_GB": None}).free_disk_mb == 0
    assert request(vcpus=2, ram_mb=512, disk_gb=3).resources() == {"VCPU": 2, "MEMORY_MB": 512, "DISK_GB": 3}
    assert instance().uuid != instance().uuid


def test_every_argument_of_every_hook_has_an_example():
    for hook in HOOKS:
        assert next(hook_calls.facts(hook)).keys() == set(HOOKS[hook]), hook


def test_the_examples_of_the_guide_pass(pytester):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    pytester.makepyfile("\n\n".join(blocks))
    done = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert not done.parseoutcomes().keys() & {"failed", "errors"}
    assert done.parseoutcomes()["passed"] >= 8
