"""The scalar and the vector form of every registered plug-in decide alike, on random hosts and requests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corenova.contracts.filter import ScalarFilter, VectorFilter
from corenova.contracts.weigher import ScalarWeigher, VectorWeigher

SETTINGS = settings(max_examples=25, deadline=None)


@SETTINGS
@given(data=st.data())
def test_filter(filter_class, builders, data):
    plugin = filter_class()
    assert isinstance(plugin, ScalarFilter | VectorFilter)
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    if isinstance(plugin, ScalarFilter) and isinstance(plugin, VectorFilter):
        mask = plugin.mask(hosts, spec)
        assert mask.dtype == np.bool_
        assert mask.shape == (len(hosts),)
        assert mask.tolist() == [plugin.host_passes(state, spec) for state in hosts.states]


@SETTINGS
@given(data=st.data())
def test_weigher(weigher_class, builders, data):
    plugin = weigher_class()
    assert isinstance(plugin, ScalarWeigher | VectorWeigher)
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    if isinstance(plugin, ScalarWeigher) and isinstance(plugin, VectorWeigher):
        weights = plugin.weights(hosts, spec)
        assert weights.dtype == np.float64
        assert weights.tolist() == [plugin.weigh(state, spec) for state in hosts.states]


@SETTINGS
@given(data=st.data())
def test_a_host_is_judged_by_itself(filter_class, builders, data):
    """Masks are made anew for the few hosts that have changed: their answers must not depend on who else is asked."""
    plugin = filter_class()
    if not isinstance(plugin, VectorFilter):
        pytest.skip("scalar form only")
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    cut = data.draw(st.integers(0, len(hosts)))
    parts = [plugin.mask(builders.columns(*some), spec) for some in (hosts.states[:cut], hosts.states[cut:])]
    assert np.concatenate(parts).tolist() == plugin.mask(hosts, spec).tolist()


@SETTINGS
@given(data=st.data())
def test_a_selective_filter_passes_all_others(filter_class, builders, data):
    plugin = filter_class()
    if not hasattr(plugin, "applies"):
        pytest.skip("not selective")
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    if not plugin.applies(spec):
        assert all(plugin.host_passes(state, spec) for state in hosts.states)


@SETTINGS
@given(data=st.data())
def test_a_selective_weigher_weighs_all_alike_for_others(weigher_class, builders, data):
    plugin = weigher_class()
    if not hasattr(plugin, "applies"):
        pytest.skip("not selective")
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    if not plugin.applies(spec):
        assert set(plugin.weights(hosts, spec).tolist()) <= {0.0}


@SETTINGS
@given(data=st.data())
def test_a_scale_has_two_ends(weigher_class, builders, data):
    """Whoever is not selective has one, so that weight_normalization = fixed works with the default list."""
    plugin = weigher_class()
    assert hasattr(plugin, "scale") is not hasattr(plugin, "applies")
    if hasattr(plugin, "scale"):
        low, high = plugin.scale(data.draw(builders.random_columns()))
        assert type(low) is type(high) is float
        assert -np.inf < low <= high < np.inf


@SETTINGS
@given(data=st.data())
def test_every_no_has_a_sentence(filter_class, builders, data):
    plugin = filter_class()
    hosts, spec = data.draw(builders.random_columns()), data.draw(builders.random_spec())
    for state in hosts.states:
        sentence = plugin.reason(state, spec)
        assert sentence[0].isupper() and sentence.endswith("."), sentence
        assert state.host not in sentence.split()


def test_weights_are_a_copy(weigher_class, builders):
    """The framework normalises in place; the columns of all other decisions must not feel it."""
    hosts = builders.columns(builders.host())
    weights = weigher_class().weights(hosts, builders.spec())
    weights += 1.0


def test_every_weigher_names_its_multiplier(weigher_class):
    assert weigher_class.multiplier_option.endswith("_weight_multiplier")
    assert isinstance(weigher_class.negate, bool)
    assert weigher_class.maxval is None
