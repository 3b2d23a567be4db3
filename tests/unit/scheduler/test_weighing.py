"""Weights: Nova's normalisation over the candidates, multipliers, and what aggregates say instead."""

import math

import numpy as np
import pytest

from corenova.scheduler.ranking import Ranking, part_of
from corenova.scheduler.weigher_guard import WeigherGuard


def weighted(build, raw, multiplier=1.0, *, hosts=None, **traits):
    """The weights that a weigher with these raw values gives, zeros spelled out."""
    hosts = hosts or build.table(len(raw))
    plugin = build.plugin("W", weigh=lambda state, _: raw[int(state.host[1:])], **traits)
    return weights(build, hosts, WeigherGuard("W", plugin.object, multiplier))


def weights(build, hosts, weigher, candidates=None):
    """The part of a weigher in the sum, for each candidate."""
    _, parts = Ranking(hosts, [weigher], build.spec(), fixed=False).total(candidates)
    count = len(hosts) if candidates is None else len(candidates)
    return [round(part_of(parts[0][1], place), 6) if parts else 0.0 for place in range(count)]


NORMALISED = [
    # raw, minval, maxval, normalised as nova/weights.py does
    ([0, 5, 10], None, None, [0, 0.5, 1]),
    ([-10, 0, 10], None, None, [0, 0.5, 1]),
    ([100, 100.5, 101], None, None, [0, 0.5, 1]),
    ([7, 7, 7], None, None, [0, 0, 0]),
    ([7, 7, 7], 0.0, None, [1, 1, 1]),
    ([0, 0, 0], 0.0, None, [0, 0, 0]),
    ([5, 10], 0.0, None, [0.5, 1]),
    ([-5, 10], 0.0, None, [0, 1]),
    ([-5, -10], 0.0, None, [0, 0]),
    ([1, 5], None, 10.0, [0, 4 / 9]),
    ([5, 20], 0.0, 10.0, [0.5, 1]),
    ([20, 30], None, 10.0, [0, 0]),
]


@pytest.mark.parametrize(("raw", "minval", "maxval", "expected"), NORMALISED)
def test_raw_weights_are_normalised_between_the_ends(build, raw, minval, maxval, expected):
    assert weighted(build, raw, minval=minval, maxval=maxval) == [round(one, 6) for one in expected]


def test_multipliers_scale_and_turn_around(build):
    assert weighted(build, [0, 5, 10], 2.0) == [0, 1, 2]
    assert weighted(build, [0, 5, 10], -1.0) == [0, -0.5, -1]
    assert weighted(build, [0, 5, 10], 3.0, negate=True) == [0, -1.5, -3]
    assert weighted(build, [0, 5, 10], 0.0) == [0, 0, 0]


def test_normalisation_is_over_the_candidates_alone(build):
    plugin = build.plugin("W", weights=lambda hosts, _: np.array([1000.0, 0.0, 10.0]))
    found = weights(build, build.table(3), WeigherGuard("W", plugin.object, 1.0), np.array([1, 2]))
    assert found == [0.0, 1.0]


def test_an_aggregate_overrides_the_multiplier_of_its_hosts_and_the_smallest_wins(build):
    option = "ram_weight_multiplier"
    hosts = build.table(
        build.host("h0"),
        build.host("h1", aggregates=[{option: "5"}, {option: "-2.5"}, {"other": "-9"}]),
        build.host("h2", aggregates=[{option: "3"}, {option: "many"}]),
        build.host("h3", aggregates=[{option: "many"}]),
    )
    raw = [10, 10, 10, 0]
    assert weighted(build, raw, 2.0, hosts=hosts, multiplier_option=option) == [2, -2.5, 3, 0]
    assert weighted(build, raw, 0.0, hosts=hosts, multiplier_option=option) == [0, -2.5, 3, 0]
    assert weighted(build, raw, 2.0, hosts=hosts, multiplier_option="cpu_weight_multiplier") == [2, 2, 2, 0]


def test_an_override_counts_among_the_candidates_alone(build):
    option = "ram_weight_multiplier"
    hosts = build.table(
        build.host("h0", disabled=True),
        build.host("h1", aggregates=[{option: "7"}]),
        build.host("h2", disabled=True),
        build.host("h3"),
    )
    plugin = build.plugin("W", weigh=lambda state, _: 1.0 + (state.host == "h1"), multiplier_option=option)
    (decision,) = build.pipeline(weighers=[(plugin, 2.0)]).place(hosts, build.spec(), 1)
    assert (decision.host, decision.weights) == ("h1", {"W": 7.0, "total": 7.0})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_an_override_that_is_no_finite_number_is_no_override(build, text):
    option = "ram_weight_multiplier"
    hosts = build.table(build.host("h0"), build.host("h1", aggregates=[{option: text}]))
    assert weighted(build, [0, 10], 2.0, hosts=hosts, multiplier_option=option) == [0, 2]


def test_a_lone_host_weighs_nothing(build):
    pipeline = build.pipeline(weighers=[build.by_name({"h0": 5}, minval=0.0)])
    (decision,) = pipeline.place(build.table(1), build.spec(), 1)
    assert decision.weights == {"total": 0.0}


def test_the_sum_of_all_weighers_decides_and_is_kept_by_name(build):
    one = build.plugin("One", weigh=lambda state, _: {"h0": 1, "h1": 2, "h2": 0}[state.host])
    two = build.plugin("Two", weigh=lambda state, _: {"h0": 9, "h1": 0, "h2": 1}[state.host])
    (decision,) = build.pipeline(weighers=[(one, 1.0), (two, 3.0)]).place(build.table(3), build.spec(), 1)
    assert decision.host == "h0"
    assert decision.weights == {"One": 0.5, "Two": 3.0, "total": 3.5}


BAD = {
    "raises": {"weigh": lambda state, spec: 1 / 0},
    "raises for one": {"weigh": lambda state, spec: 1.0 if state.host != "h1" else {}["h1"]},
    "nan": {"weigh": lambda state, spec: math.nan if state.host == "h2" else 5.0},
    "infinite": {"weigh": lambda state, spec: math.inf if state.host == "h2" else 5.0},
    "infinite both ways": {"weigh": lambda state, spec: math.inf if state.host == "h2" else -math.inf},
    "text": {"weigh": lambda state, spec: "heavy"},
    "none": {"weigh": lambda state, spec: None},
    "vector raises": {"weights": lambda hosts, spec: 1 / 0},
    "vector nan": {"weights": lambda hosts, spec: np.array([1.0, math.nan, 2.0])},
    "too short": {"weights": lambda hosts, spec: np.zeros(2)},
    "too long": {"weights": lambda hosts, spec: np.arange(4.0)},
    "a number": {"weights": lambda hosts, spec: 5.0},
    "a matrix": {"weights": lambda hosts, spec: np.arange(9.0).reshape(3, 3)},
    "nothing": {"weights": lambda hosts, spec: None},
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy, of inf - inf
@pytest.mark.parametrize("members", BAD.values(), ids=BAD)
def test_a_weigher_that_fails_weighs_zero_and_the_others_decide(build, members):
    bad = build.plugin("Bad", **members)
    pipeline = build.pipeline(weighers=[(bad, 100.0), build.by_name({"h1": 1})])
    (decision,) = pipeline.place(build.table(3), build.spec(), 1)
    assert (decision.host, decision.weights) == ("h1", {"ByName": 1.0, "total": 1.0})
    assert pipeline.weighers[0].faults == 1


@pytest.mark.parametrize("options", [{}, {"fixed": True}])
def test_a_weigher_with_fixed_ends_that_fails_for_one_host_has_no_say(build, options):
    bad = build.plugin("Bad", weigh=lambda state, _: 1 / 0 if state.host == "h2" else 0.5, minval=0.0, maxval=1.0)
    good = build.by_name({"h1": 1}, minval=0.0, maxval=1.0)
    (decision,) = build.pipeline(weighers=[bad, good], **options).place(build.table(3), build.spec(), 1)
    assert (decision.host, decision.weights) == ("h1", {"ByName": 1.0, "total": 1.0})
