"""The scalar and the vector form of every registered plug-in decide alike, on random hosts and requests."""

import numpy as np
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
