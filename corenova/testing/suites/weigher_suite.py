"""The weigher contract (corenova/contracts/weigher.py) as tests."""

import math
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova import loader
from corenova.conf import filter_scheduler
from corenova.contracts import weigher as contracts
from corenova.contracts.weigher import ScalarWeigher, VectorWeigher
from corenova.testing.suites.base import DRAWN
from corenova.testing.suites.scheduling import COLUMNS, Asked, SchedulingSuite
from corenova.testing.words import contract


class WeigherSuite(SchedulingSuite):
    """A weigher keeps the contract; inherit, and name it."""

    group: ClassVar[str] = loader.WEIGHERS

    @contract(contracts, ScalarWeigher, VectorWeigher)
    def test_it_is_registered_under_its_class_name_and_offers_a_form(self):
        """A name in the ini file is a class."""
        plugin = self.load()
        assert plugin.name == type(plugin.object).__name__, "the entry point's name is not the name of the class"
        assert isinstance(plugin.object, ScalarWeigher | VectorWeigher), "it has neither weigh nor weights"

    @contract(contracts.WeigherTraits)
    def test_its_traits_are_what_they_must_be(self):
        """The multiplier's option exists, the ends are numbers, the raw column is a column."""
        plugin = self.load().object
        option = getattr(plugin, "multiplier_option", None)
        known = {opt.name for opt in (*filter_scheduler.OPTIONS, *getattr(plugin, "options", ()))}
        assert option is None or option in known, f"neither [filter_scheduler] nor the weigher has an option {option}"
        assert isinstance(getattr(plugin, "negate", False), bool), "negate is neither True nor False"
        for end in ("minval", "maxval"):
            value = getattr(plugin, end, None)
            assert value is None or _is_finite(value), f"{end} = {value!r} is no finite number"
        assert getattr(plugin, "raw_column", None) in (None, *COLUMNS), "raw_column names no column of HostColumns"

    @contract(ScalarWeigher.weigh, VectorWeigher.weights)
    @DRAWN
    @given(data=st.data())
    def test_it_weighs_alike_in_both_forms_and_twice_and_changes_nothing(self, data):
        """Forms, order and repetition make no difference, and every weight is a number."""
        plugin, asked = self.kept().object, self.asked(data)
        weights = [*_weights(plugin, asked), *_weights(plugin, asked)]
        for form, said in weights[1:]:
            assert said == weights[0][1], f"{form} weighs otherwise than {weights[0][0]} did at first"
        asked.check_unchanged()

    @contract(contracts.SelectiveWeigher.applies)
    @DRAWN
    @given(data=st.data())
    def test_what_is_none_of_its_business_weighs_the_same_everywhere(self, data):
        """Only for weighers with ``applies``."""
        plugin = self.kept().object
        if not hasattr(plugin, "applies"):
            pytest.skip("the weigher has no applies")
        asked = self.asked(data)
        if not plugin.applies(asked.spec):
            for form, said in _weights(plugin, asked):
                assert len(set(said)) <= 1, f"applies says no, and {form} tells hosts apart"
        asked.check_unchanged()

    @contract(contracts.FixedScaleWeigher.scale)
    @DRAWN
    @given(data=st.data())
    def test_its_scale_has_two_ends_that_no_claim_moves(self, data):
        """Only for weighers with ``scale``."""
        plugin = self.kept().object
        if not hasattr(plugin, "scale"):
            pytest.skip("the weigher has no scale")
        asked = self.asked(data)
        low, high = plugin.scale(asked.table)
        assert _is_finite(low) and _is_finite(high), f"scale returns {low!r} and {high!r}"
        assert low <= high, f"scale returns its ends the wrong way round: {low} and {high}"
        asked.check_unchanged()
        for index, state in enumerate(asked.table.states):
            asked.table.consume(index, dict.fromkeys(state.inventories, 1))
        assert plugin.scale(asked.table) == (low, high), "a claim has moved the scale"


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _weights(plugin: object, asked: Asked) -> list[tuple[str, list[float]]]:
    """Return what each form says, after a look at its type."""
    found = []
    if isinstance(plugin, VectorWeigher):
        weights = plugin.weights(asked.table, asked.spec)
        assert isinstance(weights, np.ndarray), f"weights returns {type(weights).__name__}, not an array"
        assert weights.dtype == np.float64, f"weights returns an array of {weights.dtype}, not of float64"
        assert weights.shape == (len(asked.table),), f"weights returns {weights.shape} for {len(asked.table)} hosts"
        found.append(("weights", weights.tolist()))
        assert weights.flags.writeable, "weights returns an array that cannot be written: a column as it is, not a copy"
        weights += 1.0  # the scheduler may work in place: a column of the table would have changed now
    column = getattr(plugin, "raw_column", None)
    if column is not None:
        found.append(("raw_column", [float(value) for value in getattr(asked.table, column)]))
    if isinstance(plugin, ScalarWeigher):
        found.append(("weigh", [plugin.weigh(state, asked.spec) for state in asked.table.states]))
    for form, said in found:
        for weight in said:
            assert _is_finite(weight), f"{form} gives {weight!r}, which is no finite number"
    return found
