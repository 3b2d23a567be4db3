"""Plug-ins that fail: contained, counted, switched off after many faults, and tried again."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Moody:
    """A filter and weigher that fails while told to; counts its calls."""

    def __init__(self, *forms):
        self.fails, self.calls = True, 0
        for form in forms:
            setattr(self, form, getattr(self, f"_{form}"))

    def _word(self):
        self.calls += 1
        if self.fails:
            raise RuntimeError("poison")
        return True

    def _host_passes(self, state, spec):
        return self._word()

    def _mask(self, hosts, spec):
        return np.full(len(hosts), self._word())

    def _applies(self, spec):
        return True

    def _weigh(self, state, spec):
        return float(self._word()) * (state.host == "h3")

    def _weights(self, hosts, spec):
        return float(self._word()) * np.array([name == "h3" for name in hosts.names])


def place(line, hosts, build, **spec):
    (decision,) = line.place(hosts, build.spec(**spec), 1)
    return decision


@pytest.mark.parametrize("forms", [("host_passes",), ("mask",), ("host_passes", "applies"), ("mask", "applies")])
def test_a_filter_is_switched_off_after_faults_at_several_requests_and_tried_again(build, breakers, clock, forms):
    moody, hosts = Moody(*forms), build.table(5)
    line = build.pipeline([build.Plugin("Moody", moody, "d")], breakers=breakers)
    for _ in range(3):
        assert not breakers.any_open, "many hosts of one request are one fault"
        assert place(line, hosts, build).host is None
    assert breakers.any_open
    moody.fails, calls = False, moody.calls
    decision = place(line, hosts, build)
    assert decision.summary == "No valid host was found. Of 5 hosts, Moody refused 5."
    assert decision.rejections[0].reason == "Moody is switched off after faults, the last was RuntimeError: poison"
    assert moody.calls == calls, "it is not called"
    clock.now += 60
    assert place(line, hosts, build).host is not None
    assert breakers.alarms() == []
    assert line.place(hosts, build.spec(), 30)[-1].host is not None


@pytest.mark.parametrize("forms", [("weigh",), ("weights",), ("weigh", "applies"), ("weights", "applies")])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_weigher_is_switched_off_and_tried_again(build, breakers, clock, forms, fixed):
    moody, hosts = Moody(*forms), build.table(5)
    moody.minval, moody.maxval = 0.0, 1.0
    line = build.pipeline(weighers=[build.Plugin("Moody", moody, "d")], fixed=fixed, breakers=breakers)
    for number in range(3):
        assert not breakers.any_open
        assert place(line, hosts, build, ram_mb=1 + number).host is not None
    assert breakers.any_open
    moody.fails, calls = False, moody.calls
    decision = place(line, hosts, build)
    assert decision.host is not None
    assert "Moody" not in decision.weights
    assert moody.calls == calls, "it is not called"
    clock.now += 60
    decision = place(line, hosts, build)
    assert (decision.host, decision.weights["Moody"]) == ("h3", 1.0)
    assert breakers.alarms() == []


def test_a_pipeline_hears_of_what_its_twin_has_met(build, breakers):
    moody, hosts = Moody("mask"), build.table(5)
    moody.fails = False
    line = build.pipeline([build.Plugin("Moody", moody, "d")], breakers=breakers)
    twin, others = line.twin(), build.table(5)
    assert place(line, hosts, build).host is not None
    moody.fails = True
    for _ in range(3):
        assert place(twin, others, build).host is None
    assert place(line, hosts, build).host is None, "though it has kept a yes"


def test_a_filter_that_fails_at_rebuilds_alone_is_switched_off(build, breakers):
    moody, hosts = Moody("host_passes"), build.table(5)
    moody.RUN_ON_REBUILD = True
    line = build.pipeline([build.Plugin("Moody", moody, "d")], breakers=breakers)
    moody.fails = False
    assert place(line, hosts, build).host is not None
    moody.fails = True
    for _ in range(3):
        assert not breakers.any_open
        assert line.refusal(hosts, build.spec(is_rebuild=True), "h0") == "Moody: it failed"
    assert breakers.any_open
    assert line.refusal(hosts, build.spec(is_rebuild=True), "h0").startswith("Moody: Moody is switched off")


def test_a_method_of_a_plug_in_that_is_called_as_one_of_ours_makes_it_no_stage(build, breakers):
    filters = [
        build.plugin("Named", host_passes=lambda state, _: state.num_instances < 2, of_row=lambda *_: lambda row: 1 / 0)
    ]
    line, hosts = build.pipeline(filters, breakers=breakers), build.table(2)
    for _ in range(3):
        assert place(line, hosts, build).host is not None
    told = line.plugins[0].told()
    assert (told.calls, told.faults) == (3, 0), "the form of the contract is asked, and counted"


def test_a_built_in_stage_is_never_switched_off(build, breakers):
    line = build.pipeline(breakers=breakers)
    for _ in range(10):
        line.stages[0].fault(RuntimeError("a request that nobody thought of"))
    assert place(line, build.table(1), build).host == "h0"


# Whatever a plug-in returns: 2,000 examples over all forms.

RUBBISH = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, np.nan, np.float64(1), np.bool_(True), np.int8(-1), 1e308, -1e308]),
    st.text(max_size=3),
    st.lists(st.one_of(st.booleans(), st.floats(), st.none()), max_size=6),
    st.tuples(st.floats(), st.floats()),
    st.lists(st.booleans(), min_size=4, max_size=4).map(np.array),
    st.lists(st.floats(), min_size=4, max_size=4).map(np.array),
    st.lists(st.booleans(), min_size=5, max_size=9).map(np.array),
    st.sampled_from(
        [np.zeros((4, 4), bool), np.array("x"), np.array([None] * 4), np.array([1j] * 4), object(), ..., {}]
    ),
    st.sampled_from([ValueError("v"), SystemExit(1), StopIteration(), MemoryError(), GeneratorExit(), KeyError("k")]),
)
FORMS = ["mask", "host_passes", "weigh", "weights", "scale", "filter.applies", "weigher.applies", "reason"]


def answer(value):
    def form(*_):
        if isinstance(value, BaseException):
            raise value
        return value

    return form


def is_mask(value):
    """A list of four bools is as good as an array of them."""
    if isinstance(value, list):
        return [type(one) for one in value] == [bool] * 4
    return isinstance(value, np.ndarray) and value.dtype == bool and value.shape == (4,)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fixed", [True, False])
@settings(max_examples=125, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(RUBBISH, min_size=3, max_size=3))
@pytest.mark.filterwarnings("ignore")
def test_whatever_a_plug_in_returns_a_decision_is_made_among_the_hosts_offered(build, form, fixed, values):
    hosts = build.table(4)
    for value in values:  # what one call has returned must not spoil the next
        methods = {form.split(".")[-1]: answer(value)}
        if form in ("filter.applies", "reason"):
            methods["host_passes"] = lambda state, spec: form != "reason"
        if form in ("scale", "weigher.applies"):
            methods["weigh"] = lambda state, spec: 1.0
        plugin = build.plugin("Rubbish", **methods)
        is_filter = form in ("mask", "host_passes", "filter.applies", "reason")
        line = build.pipeline([plugin] if is_filter else [], [] if is_filter else [plugin], fixed=fixed)
        for spec in (build.spec(ram_mb=1), build.spec(ram_mb=2)):
            for decision in line.place(hosts, spec, 2):
                assert decision.host in (None, *hosts.names)
                assert all(math.isfinite(weight) for weight in decision.weights.values())
                assert all(host in hosts.names for host, _ in decision.alternates)
                if not is_filter or form == "filter.applies":
                    assert decision.host is not None
                assert all(isinstance(one.reason, str) and len(one.reason) <= 500 for one in decision.rejections)
        if form == "mask" and not is_mask(value):
            assert decision.host is None, "what is no answer is a no"
            assert plugin.told().faults, "and a lie is a fault in the account"
        if isinstance(value, BaseException) and (fixed or form != "scale"):
            assert plugin.told().faults
        if form == "host_passes" and isinstance(value, float) and math.isnan(value):
            assert decision.host is None, "NaN is no yes"
    assert hosts.free_ram_mb.min() >= 0


def test_a_weigher_that_turns_to_rubbish_later_is_named(build):
    """What is asked about single hosts, in the innermost loop, is looked at as well."""
    for rubbish in (math.nan, None, "x"):
        told = []
        weigher = build.plugin(
            "Later", weigh=lambda state, _, t=told, r=rubbish: (t.append(1), state.free_ram_mb if len(t) < 6 else r)[1],
            scale=lambda hosts: (0.0, 8192.0),
        )  # fmt: skip
        line = build.pipeline(weighers=[weigher], fixed=True)
        decisions = [place(line, hosts, build) for hosts in [build.table(5)] for _ in range(3)]
        assert all(decision.host is not None for decision in decisions)
        assert line.weighers[0].faults > 0


# What plug-ins are handed cannot be changed by them.

COLUMNS = [
    "is_up", "disabled", "free_ram_mb", "free_disk_mb", "vcpus_free", "num_instances", "num_io_ops", "failed_builds",
    "hypervisor_version", "free_pci_devices",
]  # fmt: skip
METHODS = {
    "free": lambda hosts: hosts.free("VCPU"),
    "capacity": lambda hosts: hosts.capacity("VCPU"),
    "limits": lambda hosts: hosts.limits("VCPU")[0],
    "has_trait": lambda hosts: hosts.has_trait("T"),
    "zone_is": lambda hosts: hosts.zone_is("nova"),
    **{name: lambda hosts, n=name: getattr(hosts, n) for name in COLUMNS},
}


@pytest.mark.parametrize("name", METHODS)
def test_a_filter_that_writes_into_a_column_fails_and_harms_nobody(build, name):
    hosts = build.table(3)
    before = METHODS[name](hosts).copy()

    def mask(columns, spec):
        METHODS[name](columns)[:] = 0
        return columns.is_up.copy()

    assert place(build.pipeline([build.plugin("Writer", mask=mask)]), hosts, build).host is None
    assert (METHODS[name](hosts) == before).all()
    assert place(build.pipeline(), hosts, build).host is not None


def test_lists_of_hosts_cannot_be_changed(build):
    hosts = build.table(3)
    for name in ("names", "states"):
        assert not hasattr(getattr(hosts, name), "append")
