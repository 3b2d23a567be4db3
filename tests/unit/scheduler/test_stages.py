"""The built-in stages: what no list of filters can switch off."""

import pytest

from corenova.objects.host_state import Inventory
from corenova.scheduler.stages import AvailabilityZone, Capacity, ForcedHost, HostEnabled, Tenant


def passing(stage, hosts, spec):
    return {name for name, passes in zip(hosts.names, stage.mask(hosts, spec), strict=True) if passes}


def test_host_enabled(build):
    hosts = build.table(
        build.host("on"),
        build.host("off", disabled=True, disabled_reason="new disk"),
        build.host("mute", disabled=True),
        build.host("down", is_up=False),
    )
    assert passing(HostEnabled(), hosts, build.spec()) == {"on", "down"}
    reasons = [HostEnabled().reason(hosts.states[i], build.spec()) for i in (1, 2)]
    assert reasons == ["disabled: new disk", "disabled by an operator"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"h0", "h1", "h2"}),
        ({"force_hosts": ("h1",)}, {"h1"}),
        ({"force_nodes": ("h2",)}, {"h2"}),
        ({"force_hosts": ("h0", "h2")}, {"h0", "h2"}),
        ({"force_hosts": ("nowhere",)}, set()),
    ],
)
def test_forced_host(build, fields, expected):
    assert passing(ForcedHost(), build.table(3), build.spec(**fields)) == expected


@pytest.mark.parametrize(
    ("zone", "expected"), [(None, {"a", "b", "c"}), ("east", {"a"}), ("nova", {"b", "c"}), ("west", set())]
)
def test_availability_zone(build, zone, expected):
    hosts = build.table(
        build.host("a", aggregates=[{"ssd": "1"}, {"availability_zone": "east"}]),
        build.host("b", aggregates=[{"ssd": "1"}]),
        build.host("c"),
    )
    spec = build.spec(availability_zone=zone)
    assert passing(AvailabilityZone(), hosts, spec) == expected
    assert AvailabilityZone().reason(hosts.states[0], build.spec(availability_zone="west")) == (
        "it is in zone east, the request wants west"
    )


@pytest.mark.parametrize(
    ("limited", "required", "project", "expected"),
    [
        (False, False, "blue", {"blue", "both", "none"}),
        (False, True, "blue", {"blue", "both", "none"}),
        (True, False, "blue", {"blue", "both"}),
        (True, False, "red", {"both"}),
        (True, False, "green", {"blue", "both", "none"}),  # nobody names it: it may run anywhere
        (True, True, "blue", {"blue", "both"}),
        (True, True, "green", set()),
        (True, True, "re", set()),  # a part of a name is no name
    ],
)
def test_tenant(build, limited, required, project, expected):
    hosts = build.table(
        build.host("blue", aggregates=[{"filter_tenant_id": "blue"}]),
        build.host("both", aggregates=[{"filter_tenant_id_2": "red, blue"}, {"other": "green"}]),
        build.host("none", aggregates=[{"other": "red"}]),
    )
    stage = Tenant(limited=limited, required=required)
    assert passing(stage, hosts, build.spec(project_id=project)) == expected


def test_tenant_without_any_rule_asks_no_host(build):
    hosts = build.table(2)
    assert passing(Tenant(limited=True, required=False), hosts, build.spec()) == {"h0", "h1"}
    assert passing(Tenant(limited=True, required=True), hosts, build.spec()) == set()


CAPACITY = [
    # inventory of MEMORY_MB, asked, fits, words of the refusal
    ({"total": 1000}, 1000, True, ""),
    ({"total": 1000}, 1001, False, "1000 MEMORY_MB free, 1001 asked"),
    ({"total": 1000, "used": 600}, 400, True, ""),
    ({"total": 1000, "used": 600}, 401, False, "400 MEMORY_MB free, 401 asked"),
    ({"total": 1000, "reserved": 100}, 901, False, "900 MEMORY_MB free"),
    ({"total": 1000, "allocation_ratio": 1.5}, 1500, True, ""),
    ({"total": 1000, "reserved": 100, "allocation_ratio": 1.5}, 1351, False, "1350 MEMORY_MB free"),
    ({"total": 3, "allocation_ratio": 1.5}, 5, False, "4 MEMORY_MB free"),  # rounded down
    ({"total": 1000, "min_unit": 16}, 15, False, "15 MEMORY_MB asked, 16 to 2147483647 allowed at a time"),
    ({"total": 1000, "min_unit": 16}, 16, True, ""),
    ({"total": 1000, "allocation_ratio": 4.0, "max_unit": 1000}, 1001, False, "1 to 1000 allowed"),
    ({"total": 1000, "max_unit": 512}, 512, True, ""),
    ({"total": 1000, "step_size": 64}, 100, False, "100 MEMORY_MB asked, given in steps of 64"),
    ({"total": 1000, "step_size": 64}, 128, True, ""),
    ({"total": 1000, "used": 1200}, 1, False, "-200 MEMORY_MB free, 1 asked"),  # capacity was cut
]


@pytest.mark.parametrize(("inventory", "asked", "fits", "words"), CAPACITY)
def test_capacity(build, inventory, asked, fits, words):
    hosts = build.table(build.host("h", inventories={"MEMORY_MB": Inventory(**inventory)}))
    spec = build.spec(ram_mb=asked)
    assert passing(Capacity(), hosts, spec) == ({"h"} if fits else set())
    if not fits:
        assert words in Capacity().reason(hosts.states[0], spec)


def test_capacity_counts_every_class_that_is_asked_for_and_no_other(build):
    gpu = {"CUSTOM_GPU": Inventory(total=2, used=1)}
    hosts = build.table(build.host("gpu", inventories=gpu), build.host("full", used=(8, 0, 0)), build.host("plain"))
    assert passing(Capacity(), hosts, build.spec()) == {"gpu", "plain"}
    assert passing(Capacity(), hosts, build.spec(extra_specs={"resources:CUSTOM_GPU": "1"})) == {"gpu"}
    assert passing(Capacity(), hosts, build.spec(extra_specs={"resources:CUSTOM_GPU": "2"})) == set()
    assert passing(Capacity(), hosts, build.spec(extra_specs={"resources:CUSTOM_NOBODY_HAS": "1"})) == set()
    assert passing(Capacity(), hosts, build.spec(extra_specs={"resources:VCPU": "0"})) == {"gpu", "full", "plain"}
    wanted = build.spec(extra_specs={"resources:CUSTOM_GPU": "1"})
    assert Capacity().reason(hosts.states[2], wanted) == "it has no CUSTOM_GPU"


def test_capacity_of_disk_is_root_ephemeral_and_swap(build):
    hosts = build.table(build.host("h", disk_gb=10))
    flavor = {"vcpus": 1, "ram_mb": 1}
    assert passing(Capacity(), hosts, build.spec(disk_gb=10, **flavor)) == {"h"}
    assert passing(Capacity(), hosts, build.spec(disk_gb=11, **flavor)) == set()
