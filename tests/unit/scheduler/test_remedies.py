"""What would help when nothing fits: on small fleets, and as a law: whoever follows a remedy is placed."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import ImageMeta, InstanceGroup
from corenova.objects.topology import HostTopology, NumaCell
from corenova.objects.topology_wish import with_wish
from corenova.scheduler.changes import with_amount

EAST, WEST = {"availability_zone": "east"}, {"availability_zone": "west"}
GROUP = InstanceGroup(uuid="g", name="g", policy="anti-affinity", hosts={"h0": 1, "h1": 1})


class Traits:
    """A filter that judges by traits, in the vector form alone."""

    def mask(self, hosts, spec):
        required, forbidden = spec.traits()
        fits = np.ones(len(hosts), dtype=bool)
        for trait in required:
            fits &= hosts.has_trait(trait)
        for trait in forbidden:
            fits &= ~hosts.has_trait(trait)
        return fits


class Apart:
    """A selective filter: members of the group run apart, and not beside the hinted host."""

    def applies(self, spec):
        return spec.instance_group is not None or "not" in spec.scheduler_hints

    def host_passes(self, state, spec):
        allowed = spec.instance_group is None or spec.instance_group.allows(state.host)
        return allowed and state.host not in spec.hinted("not")


class Facts:
    """A filter that reads extra specs, properties and the state of a host's service."""

    def host_passes(self, state, spec):
        wanted = spec.flavor.extra_specs.get("capabilities:kind")
        secure = spec.image is not None and spec.image.properties.get("secure")
        return wanted is None and not secure and state.service.is_up and not state.service.disabled


def plugged(build):
    from corenova.loader import Plugin

    return build.pipeline([Plugin(one.__name__, one(), "d") for one in (Traits, Apart, Facts)])


def told(build, rows, **spec):
    """Return the remedies for a request that must not fit on these hosts."""
    (decision,) = plugged(build).place(build.table(*rows), build.spec(**spec), 1)
    assert decision.host is None
    return decision.remedies


def traits(*names):
    return {"traits": list(names)}


CASES = {
    "less RAM": (
        [("h0", {"used": (0, 5000, 0)}), ("h1", {"used": (0, 6000, 0)}), ("h2", {"used": (0, 5000, 0)})],
        {"ram_mb": 4096},
        ("reduce", {"resource_class": "MEMORY_MB", "asked": 4096, "fits": 3192, "hosts": 2}),
        "With 904 MEMORY_MB less, 3192 instead of 4096, it fits on 2 hosts.",
    ),
    "less of a class with steps": (
        [("h0", {"inventories": {"MEMORY_MB": Inventory(total=4000, step_size=512, min_unit=512)}})],
        {"ram_mb": 4096},
        ("reduce", {"resource_class": "MEMORY_MB", "fits": 3584, "hosts": 1}),
        "With 512 MEMORY_MB less, 3584 instead of 4096, it fits on 1 host.",
    ),
    "less than may be had at once": (
        [("h0", {"inventories": {"VCPU": Inventory(total=64, max_unit=8)}})],
        {"vcpus": 9},
        ("reduce", {"resource_class": "VCPU", "asked": 9, "fits": 8}),
        "With 1 VCPU less, 8 instead of 9, it fits on 1 host.",
    ),
    "less of a custom class": (
        [("h0", {"inventories": {"CUSTOM_GPU": Inventory(total=2)}}), ("h1", {})],
        {"extra_specs": {"resources:CUSTOM_GPU": "4"}},
        ("reduce", {"resource_class": "CUSTOM_GPU", "asked": 4, "fits": 2, "hosts": 1}),
        "With 2 CUSTOM_GPU less, 2 instead of 4, it fits on 1 host.",
    ),
    "less of two": (
        [("h0", {"used": (7, 8000, 0)}), ("h1", {"used": (6, 7000, 0)})],
        {"vcpus": 4, "ram_mb": 4096},
        ("reduce", {"amounts": {"VCPU": 2, "MEMORY_MB": 1192}, "hosts": 1}),
        "With 2 VCPU instead of 4 and 1192 MEMORY_MB instead of 4096 it fits on 1 host.",
    ),
    "another zone": (
        [("h0", {"aggregates": [EAST], "vcpus": 0}), ("h1", {"aggregates": [WEST]}), ("h2", {}), ("h3", {})],
        {"availability_zone": "east"},
        ("zone", {"zone": "nova", "also": ("west",), "hosts": 3}),
        "In another zone it fits: nova (2 hosts), west (1 host).",
    ),
    "a required trait": (
        [("h0", {"facts": traits("A")}), ("h1", {"facts": traits("B")})],
        {"extra_specs": {"trait:A": "required", "trait1:B": "required"}},
        ("trait", {"trait": "A", "name": "required", "hosts": 1, "filters": ("Traits",)}),
        "Without requiring the trait A (Traits) it fits on 1 host.",
    ),
    "a required trait of the image": (
        [("h0", {})],
        {"image": ImageMeta(id="i", name="i", properties={"trait:A": "required"})},
        ("trait", {"trait": "A", "hosts": 1}),
        "Without requiring the trait A (Traits) it fits on 1 host.",
    ),
    "a forbidden trait": (
        [("h0", {"facts": traits("A")})],
        {"extra_specs": {"trait:A": "forbidden"}},
        ("trait", {"trait": "A", "name": "forbidden"}),
        "Without forbidding the trait A (Traits) it fits on 1 host.",
    ),
    "an extra spec": (
        [("h0", {})],
        {"extra_specs": {"capabilities:kind": "x", "hw:other": "1"}},
        ("extra_spec", {"name": "capabilities:kind", "filters": ("Facts",)}),
        "Without the flavor's extra spec capabilities:kind = x (Facts) it fits on 1 host.",
    ),
    "a property of the image": (
        [("h0", {})],
        {"image": ImageMeta(id="i", name="i", properties={"secure": "yes"})},
        ("image_property", {"name": "secure"}),
        "With an image without secure = yes (Facts) it fits on 1 host.",
    ),
    "a hint": (
        [("h0", {})],
        {"scheduler_hints": {"not": ["h0"]}},
        ("hint", {"name": "not", "filters": ("Apart",)}),
        "Without the hint not (Apart) it fits on 1 host.",
    ),
    "another zone and less": (
        [("h0", {"aggregates": [EAST], "vcpus": 1}), ("h1", {"aggregates": [WEST], "vcpus": 3})],
        {"availability_zone": "nova", "vcpus": 4},
        ("several", {"hosts": 1}),
        "In another zone, and with 1 VCPU less, 3 instead of 4, it fits on 1 host.",
    ),
    "two wishes less": (
        [("h0", {})],
        {"extra_specs": {"capabilities:kind": "x"}, "scheduler_hints": {"not": ["h0"]}},
        ("several", {"filters": ("Apart", "Facts")}),
        "Without the flavor's extra spec capabilities:kind = x, and without the hint not (Apart, Facts) it fits on 1 "
        "host.",
    ),
    "the group": (
        [("h0", {}), ("h1", {})],
        {"instance_group": GROUP, "instance_group_uuid": "g"},
        ("group", {"name": "anti-affinity", "hosts": 2}),
        "Outside the server group with the policy anti-affinity (Apart) it fits on 2 hosts.",
    ),
    "a forced host": (
        [("h0", {"used": (8, 0, 0)}), ("h1", {}), ("h2", {"disabled": True})],
        {"force_hosts": ("h0",)},
        ("destination", {"hosts": 1}),
        "On another host than the one that is named (ForcedHost) it fits on 1 host.",
    ),
    "a host that is out of service": (
        [("h0", {"used": (8, 0, 0)}), ("h1", {"disabled": True}), ("h2", {"is_up": False})],
        {},
        ("service", {"hosts": 2, "for_operators": True, "host_names": ("h1", "h2")}),
        "Of the hosts that are disabled or down, 2 would take it.",
    ),
    "one more host": (
        [("h0", {"used": (8, 0, 0)}), ("h1", {"vcpus": 1}), ("h2", {"used": (7, 0, 0)})],
        {"vcpus": 2},
        ("host", {"hosts": 2, "for_operators": True}),
        "One more host of 100 DISK_GB, 8192 MEMORY_MB, 8 VCPU in zone nova, as there are 2, would take it.",
    ),
    "one more host, for a group": (
        [("h0", {}), ("h1", {})],
        {"instance_group": GROUP, "instance_group_uuid": "g"},
        ("host", {"hosts": 2}),
        "One more host of 100 DISK_GB, 8192 MEMORY_MB, 8 VCPU in zone nova, as there are 2, would take it.",
    ),
    "no host is that large": (
        [("h0", {}), ("h1", {"used": (8, 0, 0)})],
        {"ram_mb": 9000},
        ("size", {"resource_class": "MEMORY_MB", "asked": 9000, "fits": 8192, "for_operators": True}),
        "No host is large enough even when empty. MEMORY_MB: 9000 asked, 8192 at most.",
    ),
}


@pytest.mark.parametrize(("rows", "spec", "fields", "sentence"), CASES.values(), ids=CASES)
def test_remedies(build, rows, spec, fields, sentence):
    kind, expected = fields
    found = told(build, [build.host(name, **facts) for name, facts in rows], **spec)
    matching = [remedy for remedy in found if remedy.sentence == sentence]
    assert matching, [remedy.sentence for remedy in found]
    described = msgspec.structs.asdict(matching[0])
    assert described["kind"] == kind
    assert {name: described[name] for name in expected} == expected


def test_the_smallest_comes_first_and_there_are_few(build):
    found = told(
        build,
        [build.host("h0", vcpus=4, used=(1, 100, 0), aggregates=[WEST]), build.host("h1", disabled=True, vcpus=2)],
        vcpus=4, ram_mb=512, availability_zone="west", scheduler_hints={"not": ["h9"]},
    )  # fmt: skip
    assert [remedy.kind for remedy in found] == ["reduce", "host"]
    found = told(
        build,
        [
            build.host("h0", aggregates=[WEST], used=(0, 8000, 0)),
            build.host("h1"),
            build.host("h2", disabled=True, aggregates=[WEST]),
        ],
        ram_mb=300, availability_zone="west",
    )  # fmt: skip
    assert [remedy.kind for remedy in found] == ["zone", "reduce", "service", "host"]


def test_a_filter_that_nothing_helps_against_is_named_with_what_it_reads(build):
    never = build.plugin("Never", host_passes=lambda state, spec: spec.project_id == state.host)
    (decision,) = build.pipeline([never]).place(build.table(3), build.spec(), 1)
    (remedy,) = decision.remedies
    assert (remedy.kind, remedy.name, remedy.hosts, remedy.for_operators) == ("filter", "Never", 3, True)
    assert remedy.sentence == "Never alone refuses 3 hosts; of the request it reads project_id."


def test_of_a_batch_it_is_told_how_many_fit(build):
    decisions = build.pipeline().place(build.table(build.host("h0", vcpus=3)), build.spec(), 5)
    remedy = decisions[-1].remedies[0]
    assert (remedy.kind, remedy.asked, remedy.fits, remedy.sentence) == ("fewer", 5, 3, "3 of 5 fit: ask for 3.")


def test_without_hosts_nothing_helps(build):
    assert told(build, []) == ()


def test_no_sentence_names_a_host_and_the_message_has_the_best_that_a_user_can_do(build):
    hosts = build.table(build.host("secret-0", used=(8, 0, 0)), build.host("secret-1", disabled=True, used=(6, 0, 0)))
    (decision,) = plugged(build).place(build.table(*map(build.host, ("secret-0", "secret-1"))), build.spec(vcpus=9), 1)
    assert decision.remedies and "secret" not in decision.message() + decision.details()
    (decision,) = plugged(build).place(hosts, build.spec(vcpus=2), 1)
    assert [remedy.for_operators for remedy in decision.remedies] == [True, True]
    assert decision.message() == decision.summary
    assert "Of the hosts that are disabled or down, 1 would take it." in decision.details().splitlines()
    assert "Capacity: 1 of 2 hosts passed" in decision.details().splitlines()
    (decision,) = plugged(build).place(build.table(1), build.spec(vcpus=9), 1)
    assert decision.message() == f"{decision.summary} With 1 VCPU less, 8 instead of 9, it fits on 1 host."


def test_a_filter_that_reads_the_amount_has_a_say_in_how_much_fits(build):
    even_smaller = build.plugin("Small", host_passes=lambda state, spec: spec.flavor.memory_mb <= 1000)
    (decision,) = build.pipeline([even_smaller]).place(build.table(2), build.spec(ram_mb=9000), 1)
    assert (decision.remedies[0].kind, decision.remedies[0].fits, decision.remedies[0].hosts) == ("reduce", 1000, 2)


def test_an_image_says_how_little_is_too_little(build):
    image = ImageMeta(id="i", name="i", min_ram=2000, min_disk=10)
    hosts = [build.host("h0", ram_mb=1000, disk_gb=9)]
    assert [r.kind for r in told(build, hosts, ram_mb=3000, image=image)] == ["size"]
    assert [r.kind for r in told(build, hosts, ram_mb=100, disk_gb=12, image=image)] == ["size"]


def test_plug_ins_that_a_change_does_not_concern_are_not_asked_again(build):
    asked = []

    def passes(state, spec):
        asked.append(state.host)
        return spec.project_id == "p"

    costly = build.plugin("Costly", host_passes=passes)
    hosts = build.table(*(build.host(f"h{n}", used=(8, 0, 0), aggregates=[EAST]) for n in range(50)))
    spec = build.spec(
        vcpus=2, availability_zone="west", extra_specs={f"capabilities:{n}": "x" for n in range(30)},
        scheduler_hints={"a": "b"},
    )  # fmt: skip
    build.pipeline([costly]).explain(hosts, spec)
    assert len(asked) <= 50 + 1, "once about every host, and once about one that there might be"


def test_equal_requests_that_fit_nowhere_are_looked_into_once(build):
    asked = []
    costly = build.plugin("Costly", host_passes=lambda state, _: asked.append(state.host))
    pipeline, hosts = build.pipeline([costly]), build.table(3)
    first = pipeline.explain(hosts, build.spec())
    number = len(asked)
    assert pipeline.explain(hosts, build.spec()) is first and len(asked) == number
    hosts.consume(0, {"VCPU": 8})
    assert pipeline.explain(hosts, build.spec()) is not first and len(asked) > number
    assert pipeline.explain(hosts, build.spec(vcpus=2)).stages[-1].name == "Costly"


def test_what_is_wished_of_the_topology_follows_the_change(build):
    cells = tuple(NumaCell(id=n, memory_mb=4096, dedicated=((2 * n,), (2 * n + 1,))) for n in range(2))
    numa = {"inventories": {"PCPU": Inventory(total=4)}, "topology": HostTopology(cells=cells)}
    spec = with_wish(build.spec(vcpus=3, extra_specs={"hw:cpu_policy": "dedicated"}), {})
    table = build.table(build.host("numa", **numa), build.host("plain", used=(8, 0, 0)))
    (decision,) = build.pipeline().place(table, spec, 1)
    told = {(r.kind, r.resource_class or r.name): (r.fits, r.host_names) for r in decision.remedies}
    assert told["reduce", "PCPU"] == (2, ("numa",))
    assert told["extra_spec", "hw:cpu_policy"] == (None, ("numa",))
    table = build.table(build.host("numa", **numa))
    spec = with_wish(build.spec(vcpus=2, extra_specs={"hw:cpu_policy": "dedicated"}), {})
    decision = build.pipeline().place(table, spec, 3)[-1]
    assert "host" in [r.kind for r in decision.remedies], "a new one has all of its CPUs"


def test_a_filter_that_fails_is_not_asked_again_for_what_would_help(build):
    asked = []
    bad = build.plugin("Bad", mask=lambda hosts, spec: asked.append(spec.flavor.extra_specs) or 1 / 0)
    (decision,) = build.pipeline([bad]).place(build.table(3), build.spec(extra_specs={"x": "1", "y": "2"}), 1)
    assert len(asked) == 2, "to decide, and to explain"
    assert [remedy.kind for remedy in decision.remedies] == ["filter"]


def test_a_scalar_filter_is_asked_again_about_a_bounded_number_of_hosts(build):
    asked = []

    def passes(state, spec):
        asked.append(state.host)
        return spec.flavor.extra_specs.get("x") is None

    table = build.table(4500)
    (decision,) = build.pipeline([build.plugin("Costly", host_passes=passes)]).place(
        table, build.spec(extra_specs={"x": "1"}), 1
    )
    assert (decision.remedies[0].kind, decision.remedies[0].hosts) == ("extra_spec", 1500)
    assert decision.remedies[0].sentence.endswith("it fits on at least 1500 hosts.")
    assert [remedy.kind for remedy in decision.remedies] == ["extra_spec"]
    assert len(asked) < 2 * 4500 + 2000 + 10, "to decide, to explain, and for the one change"


# Laws.

HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "used": st.tuples(st.integers(0, 8), st.integers(0, 20).map(lambda n: n * 400), st.integers(0, 20)),
            "vcpus": st.integers(1, 8),
            "disk_gb": st.integers(0, 20),
            "disabled": st.booleans(),
            "is_up": st.booleans(),
            "aggregates": st.sampled_from([[], [EAST], [WEST]]),
            "facts": st.sets(st.sampled_from("AB")).map(lambda names: traits(*sorted(names))),
            "inventories": st.sampled_from(
                [{}, {"MEMORY_MB": Inventory(total=8192, step_size=100, min_unit=300, max_unit=2000)}]
            ),
        }
    ),
    min_size=1,
    max_size=6,
)
SPECS = st.fixed_dictionaries(
    {
        "vcpus": st.integers(1, 9),
        "ram_mb": st.integers(1, 90).map(lambda n: n * 100),
        "disk_gb": st.integers(0, 20),
        "availability_zone": st.sampled_from([None, "east", "west"]),
        "extra_specs": st.dictionaries(
            st.sampled_from(["trait:A", "trait:B", "capabilities:kind"]),
            st.sampled_from(["required", "forbidden"]),
            max_size=2,
        ),
        "scheduler_hints": st.sampled_from([{}, {"not": ["h0", "h1"]}]),
        "instance_group": st.sampled_from([None, GROUP]),
    }
)
APPLIED = {
    "several": lambda spec, remedy: _all_of(spec, remedy.parts),
    "image_property": lambda spec, remedy: replace(spec, image=None),
    "zone": lambda spec, remedy: replace(spec, availability_zone=remedy.zone),
    "hint": lambda spec, remedy: replace(spec, scheduler_hints={}),
    "group": lambda spec, remedy: replace(spec, instance_group=None),
    "trait": lambda spec, remedy: _without_extra_spec(spec, f"trait:{remedy.trait}"),
    "extra_spec": lambda spec, remedy: _without_extra_spec(spec, remedy.name),
    "reduce": lambda spec, remedy: _reduced(spec, remedy),
}


def _all_of(spec, parts):
    for part in parts:
        spec = APPLIED[part.kind](spec, part)
    return spec


def _without_extra_spec(spec, key):
    extra_specs = {name: value for name, value in spec.flavor.extra_specs.items() if name != key}
    return replace(spec, flavor=replace(spec.flavor, extra_specs=extra_specs))


def _reduced(spec, remedy):
    for name, amount in (remedy.amounts or {remedy.resource_class: remedy.fits}).items():
        spec, _ = with_amount(spec, name, amount)
    return spec


@settings(max_examples=150, deadline=None)
@given(rows=HOSTS, fields=SPECS)
def test_whoever_follows_a_remedy_is_placed(build, rows, fields):
    hosts = [build.host(f"h{n}", **facts) for n, facts in enumerate(rows)]
    spec = build.spec(**fields)

    def places(spec, more=()):
        return plugged(build).place(build.table(*hosts, *more), spec, 1)[0].host is not None

    (decision,) = plugged(build).place(build.table(*hosts), spec, 1)
    for remedy in decision.remedies:
        if remedy.kind in APPLIED:
            assert places(APPLIED[remedy.kind](spec, remedy)), remedy
        if remedy.kind == "reduce" and remedy.resource_class:
            for amount in range(remedy.fits + 1, remedy.asked):
                if remedy.resource_class != "MEMORY_MB" or amount % 100 == 0 or amount - remedy.fits < 3:
                    changed, _ = with_amount(spec, remedy.resource_class, amount)
                    assert not places(changed), f"{amount} fits, too: {remedy}"
        if remedy.kind == "host":
            like = rows[int(remedy.host_names[0][1:])]
            assert places(spec, [build.host("new", **like | {"used": (0, 0, 0), "disabled": False, "is_up": True})])
        if remedy.kind == "service":
            back = [build.host(f"h{n}", **facts | {"disabled": False, "is_up": True}) for n, facts in enumerate(rows)]
            assert plugged(build).place(build.table(*back), spec, 1)[0].host in remedy.host_names


@settings(max_examples=100, deadline=None)
@given(rows=HOSTS, fields=SPECS)
def test_a_single_wish_that_is_the_only_obstacle_is_found(build, rows, fields):
    hosts = [build.host(f"h{n}", **facts) for n, facts in enumerate(rows)]
    spec = build.spec(**fields)
    (decision,) = plugged(build).place(build.table(*hosts), spec, 1)
    if decision.host is not None or spec.availability_zone is None:
        return
    anywhere = plugged(build).place(build.table(*hosts), replace(spec, availability_zone=None), 1)[0].host
    assert (anywhere is not None) == ("zone" in [remedy.kind for remedy in decision.remedies])
