"""Laws of the pipeline on random fleets and requests."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corenova import conf as options
from corenova import loader
from corenova.conf.filter_scheduler import OPTIONS
from corenova.objects.request_spec import InstanceGroup
from corenova.scheduler.pipeline import Pipeline

SETTINGS = settings(max_examples=60, deadline=None)
SMALL = st.integers(0, 4)
HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "vcpus": st.integers(0, 8),
            "ram_mb": st.integers(0, 4096),
            "disk_gb": st.integers(0, 20),
            "disabled": st.booleans(),
            "is_up": st.booleans(),
            "failed_builds": SMALL,
            "num_instances": SMALL,
            "num_io_ops": SMALL,
            "aggregates": st.lists(
                st.sampled_from([{"availability_zone": "east"}, {"ram_weight_multiplier": "-1.5"}, {}]), max_size=2
            ),
        }
    ),
    max_size=8,
)
SPECS = st.fixed_dictionaries(
    {
        "vcpus": st.integers(1, 3),
        "ram_mb": st.integers(1, 1024),
        "disk_gb": st.integers(0, 4),
        "availability_zone": st.sampled_from([None, None, "east"]),
        "instance_group": st.none()
        | st.builds(
            InstanceGroup,
            uuid=st.just("g"),
            name=st.just("g"),
            policy=st.sampled_from(["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]),
            hosts=st.dictionaries(st.sampled_from(["h0", "h1", "h2"]), st.integers(1, 2), max_size=2),
        ),
    }
)


def default_plugins():
    from oslo_config import cfg

    parsed = cfg.ConfigOpts()
    options.register(parsed)
    parsed([], default_config_files=[], default_config_dirs=[])
    named = {opt.name: opt.default for opt in OPTIONS}
    weighers = loader.load(parsed, loader.WEIGHERS, named["weight_classes"])
    pairs = [(one, getattr(parsed.filter_scheduler, one.object.multiplier_option)) for one in weighers]
    return loader.load(parsed, loader.FILTERS, named["enabled_filters"]), pairs


class Without:
    """A plug-in that shows only one of its forms."""

    def __init__(self, plugin, hidden):
        self._plugin, self._hidden = plugin, hidden

    def __getattr__(self, name):
        if name in self._hidden:
            raise AttributeError(name)
        return getattr(self._plugin, name)


FILTERS, WEIGHERS = default_plugins()


def forms(build, hidden):
    """The default pipeline with these forms hidden."""
    bare = lambda one: loader.Plugin(one.name, Without(one.object, hidden), one.distribution)  # noqa: E731
    return build.pipeline([bare(one) for one in FILTERS], [(bare(one), m) for one, m in WEIGHERS])


def fleet(build, drawn):
    return build.table(*(build.host(f"h{number}", **facts) for number, facts in enumerate(drawn)))


@SETTINGS
@given(hosts=HOSTS, spec=SPECS, count=st.integers(1, 4))
def test_the_scalar_and_the_vector_forms_of_all_plug_ins_decide_alike(build, hosts, spec, count):
    scalar, vector = forms(build, ("mask", "weights")), forms(build, ("host_passes", "weigh"))
    wanted = build.spec(**spec)
    assert scalar.place(fleet(build, hosts), wanted, count) == vector.place(fleet(build, hosts), wanted, count)
    assert not any(guard.faults for pipeline in (scalar, vector) for guard in (*pipeline.filters, *pipeline.weighers))


@SETTINGS
@given(hosts=HOSTS, spec=SPECS, count=st.integers(1, 6))
def test_a_batch_decides_as_single_requests_one_after_the_other(build, hosts, spec, count):
    pipeline = Pipeline([guard.plugin for guard in build.pipeline().stages], FILTERS, WEIGHERS)
    wanted, one_by_one = build.spec(**spec), fleet(build, hosts)
    batch = pipeline.place(fleet(build, hosts), wanted, count)
    for together in batch:
        (alone,) = pipeline.place(one_by_one, wanted, 1)
        assert (together.host, together.weights, together.alternates) == (alone.host, alone.weights, alone.alternates)
        assert (together.rejections, together.summary) == (alone.rejections, alone.summary)
        if alone.host is not None and wanted.instance_group is not None:
            wanted = build.spec(**{**spec, "instance_group": wanted.instance_group.with_member(alone.host)})


@SETTINGS
@given(hosts=HOSTS, spec=SPECS, count=st.integers(1, 6))
def test_no_host_is_given_more_than_it_has_and_alternates_are_other_hosts_that_fit(build, hosts, spec, count):
    table, wanted = fleet(build, hosts), build.spec(**spec)
    before = {name: column.copy() for name, column in table._free.items()}
    decisions = build.pipeline(FILTERS, WEIGHERS).place(table, wanted, count)
    for name, amount in wanted.resources().items():
        taken = np.zeros(len(table), dtype=np.int64)
        for decision in decisions:
            if decision.host is not None:
                taken[table.index[decision.host]] += amount
                others = [host for host, _ in decision.alternates]
                assert len({decision.host, *others}) == 1 + len(others)
                assert all(before[name][table.index[host]] >= amount for host in others)
        assert (before[name] - taken == table.free(name)).all()
        assert (table.free(name)[taken > 0] >= 0).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy, of inf - inf
@SETTINGS
@given(
    answers=st.lists(
        st.floats() | st.none() | st.text(max_size=2) | st.booleans() | st.integers(-(10**400), 10**400),
        min_size=3,
        max_size=3,
    )
)
def test_whatever_a_weigher_returns_the_decision_is_for_a_candidate_with_finite_weights(build, answers):
    odd = build.plugin("Odd", weigh=lambda state, _: answers[int(state.host[1:])])
    (decision,) = build.pipeline(weighers=[odd]).place(build.table(3), build.spec(), 1)
    assert decision.host in {"h0", "h1", "h2"}
    assert all(math.isfinite(weight) for weight in decision.weights.values())
