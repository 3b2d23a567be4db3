"""The decision: who is a candidate, who is best, who comes next, and the reasons when nobody is."""

import math

import numpy as np
import pytest

from corenova.objects.decision import Rejection, StageResult
from corenova.objects.request_spec import InstanceGroup

STAGES = ["HostEnabled", "ForcedHost", "AvailabilityZone", "Tenant", "Capacity"]


def only(build, *names, **more):
    """A filter that lets these hosts pass."""
    return build.plugin("Only", host_passes=lambda state, _: state.host in names, **more)


def test_every_stage_and_filter_is_asked_about_what_the_one_before_has_left(build):
    hosts = build.table(
        build.host("off", disabled=True), build.host("full", used=(8, 0, 0)), build.host("a"), build.host("b")
    )
    asked = []
    one = build.plugin("One", host_passes=lambda state, _: asked.append(state.host) or state.host != "a")
    two = build.plugin("Two", mask=lambda hosts, _: np.ones(len(hosts), dtype=bool))
    (decision,) = build.pipeline([one, two]).place(hosts, build.spec(vcpus=2), 1)
    assert decision.host == "b"
    assert asked == ["a", "b"], "a scalar filter is asked about the hosts that are left, and once"
    assert decision.stages == (
        StageResult("HostEnabled", 4, 3),
        *(StageResult(name, 3, 3) for name in STAGES[1:4]),
        StageResult("Capacity", 3, 2),
        StageResult("One", 2, 1),
        StageResult("Two", 1, 1),
    )


def test_alternates_are_other_candidates_the_best_first_with_their_zones(build):
    hosts = build.table(
        *(build.host(f"h{n}", aggregates=[{"availability_zone": f"z{n}"}], disabled=n == 3) for n in range(6))
    )
    weigher = build.by_name({f"h{n}": n for n in range(6)})
    (decision,) = build.pipeline(weighers=[weigher], alternates=3).place(hosts, build.spec(), 1)
    assert decision.host == "h5"
    assert decision.alternates == (("h4", "z4"), ("h2", "z2"), ("h1", "z1"))


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_there_are_as_many_alternates_as_there_are_other_hosts(build, count):
    weigher = build.by_name({f"h{n}": n for n in range(count)})
    (decision,) = build.pipeline(weighers=[weigher], alternates=2).place(build.table(count), build.spec(), 1)
    expected = [f"h{n}" for n in range(count - 1, -1, -1)][:3]
    assert [decision.host, *(host for host, _ in decision.alternates)] == expected


def test_a_choice_is_entered_and_the_next_one_sees_it(build):
    hosts = build.table(build.host("small", vcpus=1), build.host("big", vcpus=3))
    stack = build.by_name({"small": 1})
    decisions = build.pipeline(weighers=[stack]).place(hosts, build.spec(vcpus=1, ram_mb=100, disk_gb=2), 3)
    assert [decision.host for decision in decisions] == ["small", "big", "big"]
    state = hosts.states[hosts.index["big"]]
    assert (state.vcpus_used, state.free_ram_mb, state.free_disk_mb) == (2, 8192 - 200, (100 - 4) * 1024)
    assert (state.num_instances, state.num_io_ops, hosts.vcpus_free.tolist()) == (2, 2, [0.0, 1.0])


def test_when_hosts_run_out_the_rest_of_a_batch_says_why(build):
    hosts = build.table(build.host("h0", vcpus=2))
    decisions = build.pipeline().place(hosts, build.spec(), 4)
    assert [decision.host for decision in decisions] == ["h0", "h0", None, None]
    assert decisions[3].summary == (
        "No valid host was found. Of 1 host, Capacity refused 1. VCPU: 1 asked, at most 0 free on any one host."
    )


def test_a_batch_of_a_group_sees_its_own_members(build):
    group = InstanceGroup(uuid="g", name="g", policy="anti-affinity")
    spread = build.plugin("Spread", host_passes=lambda state, spec: spec.instance_group.allows(state.host))
    decisions = build.pipeline([spread]).place(build.table(3), build.spec(instance_group=group), 4)
    assert [decision.host for decision in decisions] == ["h0", "h1", "h2", None]
    assert decisions[3].summary == "No valid host was found. Of 3 hosts, Spread refused 3."


def test_in_a_batch_a_filter_is_asked_again_unless_it_says_once(build):
    def at_most_two(state, _):
        return state.num_instances < 2

    again = build.plugin("Again", host_passes=at_most_two)
    once = build.plugin("Once", host_passes=at_most_two, run_filter_once_per_request=True)
    placed = lambda plugin: [d.host for d in build.pipeline([plugin]).place(build.table(1), build.spec(), 4)]  # noqa: E731
    assert placed(again) == ["h0", "h0", None, None]
    assert placed(once) == ["h0"] * 4


@pytest.mark.parametrize("forced", [{"force_hosts": ("h1",)}, {"force_nodes": ("h1",)}])
def test_a_forced_host_is_not_asked_of_filters_but_of_every_stage(build, forced):
    pipeline = build.pipeline([only(build)])
    (decision,) = pipeline.place(build.table(3), build.spec(**forced), 1)
    assert decision.host == "h1"
    assert [stage.name for stage in decision.stages] == STAGES
    (decision,) = pipeline.place(build.table(3), build.spec(vcpus=99, **forced), 1)
    assert decision.summary.startswith("No valid host was found. Of 3 hosts, ForcedHost refused 2, Capacity refused 1.")
    hosts = build.table(build.host("h0"), build.host("h1", disabled=True))
    (decision,) = pipeline.place(hosts, build.spec(**forced), 1)
    assert decision.host is None


def test_equal_hosts_are_taken_in_order(build):
    decisions = build.pipeline(alternates=1).place(build.table(3), build.spec(), 1)
    assert (decisions[0].host, decisions[0].alternates) == ("h0", (("h1", "nova"),))


def chosen(build, times=200, **options):
    weigher = build.by_name({"h3": 2, "h1": 1, "h4": 1, "h0": 1})
    pipeline = build.pipeline(weighers=[weigher], **options)
    return [pipeline.place(build.table(6), build.spec(), 1)[0] for _ in range(times)]


def test_a_subset_is_of_the_best_and_the_alternates_are_the_best_of_the_others(build):
    decisions = chosen(build, subset=2, seed=1, alternates=2)
    assert {decision.host for decision in decisions} == {"h3", "h0"}
    for decision in decisions:
        names = [host for host, _ in decision.alternates]
        assert names == (["h0", "h1"] if decision.host == "h3" else ["h3", "h1"])


def test_a_subset_larger_than_the_fleet_is_the_fleet(build):
    assert {decision.host for decision in chosen(build, subset=99, seed=1)} == {f"h{n}" for n in range(6)}


def test_shuffling_chooses_among_equals_alone(build):
    assert {decision.host for decision in chosen(build, shuffle=True, seed=1)} == {"h3"}
    pipeline = build.pipeline(weighers=[build.by_name({"h1": 1, "h2": 1})], shuffle=True, seed=1)
    hosts = {pipeline.place(build.table(4), build.spec(), 1)[0].host for _ in range(50)}
    assert hosts == {"h1", "h2"}


@pytest.mark.parametrize("options", [{"subset": 4}, {"shuffle": True}])
def test_a_seed_makes_chance_repeatable(build, options):
    one, same, other = (chosen(build, seed=seed, subset=3) for seed in (7, 7, 8))
    assert one == same != other


# Why nothing fits.


def test_explain_asks_everybody_about_every_host_and_blames_the_first_that_refused(build):
    hosts = build.table(
        build.host("off", disabled=True, disabled_reason="smoke"),
        build.host("off-and-full", disabled=True, used=(8, 0, 0)),
        build.host("full", used=(8, 8192, 0)),
        build.host("odd"),
    )
    choosy = build.plugin("Choosy", host_passes=lambda *_: False, reason=lambda state, _: f"{state.host} is odd")
    mute = build.plugin("Mute", mask=lambda hosts, _: np.zeros(len(hosts), dtype=bool))
    (decision,) = build.pipeline([choosy, mute]).place(hosts, build.spec(), 1)
    assert decision.stages == (
        StageResult("HostEnabled", 4, 2),
        StageResult("ForcedHost", 4, 4),
        StageResult("AvailabilityZone", 4, 4),
        StageResult("Tenant", 4, 4),
        StageResult("Capacity", 4, 2),
        StageResult("Choosy", 4, 0),
        StageResult("Mute", 4, 0),
    )
    assert decision.rejections == (
        Rejection("off", "HostEnabled", "disabled: smoke"),
        Rejection("off-and-full", "HostEnabled", "disabled by an operator"),
        Rejection("full", "Capacity", "0 VCPU free, 1 asked; 0 MEMORY_MB free, 512 asked"),
        Rejection("odd", "Choosy", "odd is odd"),
    )
    assert decision.summary.startswith(
        "No valid host was found. Of 4 hosts, HostEnabled refused 2, Capacity refused 1, Choosy refused 1."
    )


def test_the_user_is_told_what_is_short_and_never_the_name_of_a_host(build):
    hosts = build.table(
        build.host("secret-1", vcpus=2), build.host("secret-2", vcpus=3), build.host("secret-3", vcpus=1)
    )
    (decision,) = build.pipeline().place(hosts, build.spec(vcpus=4), 1)
    assert decision.summary == (
        "No valid host was found. Of 3 hosts, Capacity refused 3. VCPU: 4 asked, at most 3 free on any one host."
    )
    (decision,) = build.pipeline([only(build)]).place(hosts, build.spec(), 1)
    assert "secret" not in decision.summary
    assert {rejection.host for rejection in decision.rejections} == {"secret-1", "secret-2", "secret-3"}


def test_without_hosts_the_reason_is_that(build):
    (decision,) = build.pipeline([only(build)]).place(build.table(), build.spec(), 1)
    assert decision.summary == "No valid host was found. There are no hosts."


def test_many_rejections_are_cut_and_the_counts_are_not(build):
    (decision,) = build.pipeline([only(build)]).place(build.table(1500), build.spec(), 1)
    assert len(decision.rejections) == 1000
    assert decision.stages[-1] == StageResult("Only", 1500, 0)
    assert "Only refused 1500" in decision.summary


# Plug-ins that misbehave.

BAD = {
    "raises": {"host_passes": lambda state, spec: 1 / 0},
    "vector raises": {"mask": lambda hosts, spec: 1 / 0},
    "too short": {"mask": lambda hosts, spec: np.ones(len(hosts) - 1, dtype=bool)},
    "too long": {"mask": lambda hosts, spec: np.ones(len(hosts) + 1, dtype=bool)},
    "one word for all": {"mask": lambda hosts, spec: True},
    "nan": {"mask": lambda hosts, spec: np.full(len(hosts), math.nan)},
    "words": {"mask": lambda hosts, spec: ["no"] * len(hosts)},
    "nothing": {"mask": lambda hosts, spec: None},
    "forgets to answer": {"host_passes": lambda state, spec: None},
}


@pytest.mark.parametrize("members", BAD.values(), ids=BAD)
def test_a_filter_that_fails_says_no_and_is_named(build, members):
    (decision,) = build.pipeline([build.plugin("Bad", **members)]).place(build.table(3), build.spec(), 1)
    assert decision.host is None
    (rejected,) = decision.refusals
    assert (rejected.stage, len(rejected.hosts)) == ("Bad", 3)
    if members is BAD["forgets to answer"]:
        assert decision.summary == "No valid host was found. Of 3 hosts, Bad refused 3."
    else:
        assert decision.summary == "No valid host was found. Of 3 hosts, Bad failed on 3."
        assert rejected.reason.startswith("failed: "), "the operator is told how"


def test_a_filter_that_fails_for_one_host_refuses_that_host(build):
    bad = build.plugin("Bad", host_passes=lambda state, _: state.host != "h0" or 1 / 0)
    pipeline = build.pipeline([bad])
    (decision,) = pipeline.place(build.table(2), build.spec(), 1)
    assert (decision.host, decision.alternates, pipeline.filters[0].faults) == ("h1", (), 1)


def test_a_reason_that_fails_is_replaced(build):
    bad = build.plugin("Bad", host_passes=lambda *_: False, reason=lambda *_: 1 / 0)
    (decision,) = build.pipeline([bad]).place(build.table(1), build.spec(), 1)
    assert decision.rejections[0].reason == "Bad said no"


@pytest.mark.parametrize("form", ["host_passes", "mask", "applies"])
def test_a_reason_is_asked_for_where_the_filter_has_not_failed(build, form):
    """What it would say of a host at which it has failed is made up."""
    asked = []

    def passes(state, spec):
        return state.host == "h0" and 1 / 0

    def reason(state, spec):
        asked.append(state.host)
        return "it is too small"

    forms = {"mask": lambda hosts, spec: np.array([passes(state, spec) for state in hosts.states])}
    forms = forms if form == "mask" else {"host_passes": passes}
    more = {"applies": lambda spec: True} if form == "applies" else {}
    pipeline = build.pipeline([build.plugin("Half", reason=reason, **forms, **more)])
    (decision,) = pipeline.place(build.table(3), build.spec(), 1)
    refused = {one.reason: one.hosts for one in decision.refusals}
    if form == "mask":
        assert refused == {"failed: ZeroDivisionError: division by zero": ("h0", "h1", "h2")}
        assert asked == []
        return
    assert refused == {"failed: ZeroDivisionError: division by zero": ("h0",), "it is too small": ("h1", "h2")}
    assert decision.summary == "No valid host was found. Of 3 hosts, Half refused 2, Half failed on 1."
    assert asked == ["h1", "h2"]
    assert pipeline.refusal(build.table(3), build.spec(), "h1") == "Half: it is too small"
    told = pipeline.refusal(build.table(3), build.spec(), "h0")
    assert told == "Half: it failed", "the user of a rebuild is told who, not what went wrong inside"


def test_what_a_plug_in_is_shown_it_cannot_change(build):
    hosts = build.table(1)
    with pytest.raises(AttributeError):
        hosts.states[0].free_ram_mb = 10**9
    with pytest.raises(AttributeError):
        build.spec().project_id = "x"
