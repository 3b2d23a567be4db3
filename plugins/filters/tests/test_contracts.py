"""The contracts on every filter and weigher that setup.py registers: suites of corenova.testing, and a little more."""

import ast
import importlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova.testing import strategies
from corenova.testing.suites import FilterSuite, WeigherSuite
from corenova.testing.suites.base import DRAWN

HOSTS, REQUESTS = strategies.hosts(), strategies.requests()


def registered(group: str) -> list[type]:
    """Return the classes that setup.py registers in ``group``; a new one is covered without touching a test.

    The file is read rather than the installed metadata, which is as old as the last installation.
    """
    tree = ast.parse((Path(__file__).parents[1] / "setup.py").read_text())
    entry_points = next(
        ast.literal_eval(keyword.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "entry_points"
    )
    classes = []
    for line in entry_points[group]:
        name, _, target = line.partition(" = ")
        module, _, attribute = target.partition(":")
        assert name == attribute, f"{line}: a filter or weigher is registered under its class name"
        classes.append(getattr(importlib.import_module(module), attribute))
    return classes


FILTERS, WEIGHERS = registered("corenova.scheduler.filters"), registered("corenova.scheduler.weighers")
each_filter = pytest.mark.parametrize("filter_class", FILTERS, ids=lambda found: found.__name__)
each_weigher = pytest.mark.parametrize("weigher_class", WEIGHERS, ids=lambda found: found.__name__)

for suite, found in ((FilterSuite, FILTERS), (WeigherSuite, WEIGHERS)):
    for written in found:
        name = f"Test{written.__name__}"
        globals()[name] = type(name, (suite,), {"plugin": written})


@each_filter
@DRAWN
@given(state=HOSTS, spec=REQUESTS)
def test_every_no_of_ours_is_a_sentence(filter_class, state, spec):
    sentence = filter_class().reason(state, spec)
    assert sentence[0].isupper() and sentence.endswith("."), sentence
    assert state.host not in sentence.split()


@each_weigher
@DRAWN
@given(data=st.data())
def test_ours_weigh_nothing_where_they_do_not_apply(weigher_class, data):
    plugin = weigher_class()
    if not hasattr(plugin, "applies"):
        pytest.skip("not selective")
    table, spec = data.draw(strategies.tables()), data.draw(REQUESTS)
    if not plugin.applies(spec):
        assert set(plugin.weights(table, spec).tolist()) <= {0.0}


@each_weigher
def test_ours_have_a_scale_or_are_selective_and_name_their_multiplier(weigher_class):
    """So that weight_normalization = fixed works with the default list."""
    plugin = weigher_class()
    assert hasattr(plugin, "scale") is not hasattr(plugin, "applies")
    assert weigher_class.multiplier_option.endswith("_weight_multiplier")
    assert isinstance(weigher_class.negate, bool)
    assert weigher_class.maxval is None
