"""The filter contract (corenova/contracts/filter.py) as tests."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corenova import loader
from corenova.contracts import filter as contracts
from corenova.contracts.filter import ScalarFilter, VectorFilter
from corenova.testing.builders import columns
from corenova.testing.suites.base import DRAWN
from corenova.testing.suites.scheduling import Asked, SchedulingSuite
from corenova.testing.words import contract


class FilterSuite(SchedulingSuite):
    """A filter keeps the contract; inherit, and name it."""

    group: ClassVar[str] = loader.FILTERS

    @contract(contracts, ScalarFilter, VectorFilter)
    def test_it_is_registered_under_its_class_name_and_offers_a_form(self):
        """A name in the ini file is a class."""
        plugin = self.load()
        assert plugin.name == type(plugin.object).__name__, "the entry point's name is not the name of the class"
        assert isinstance(plugin.object, ScalarFilter | VectorFilter), "it has neither host_passes nor mask"

    @contract(contracts.FilterTraits)
    def test_its_traits_are_a_yes_or_a_no(self):
        """What the scheduler reads of the class, it can read."""
        for trait in ("run_filter_once_per_request", "RUN_ON_REBUILD"):
            assert isinstance(getattr(self.load().object, trait, False), bool), f"{trait} is neither True nor False"

    @contract(ScalarFilter.host_passes, VectorFilter.mask)
    @DRAWN
    @given(data=st.data())
    def test_it_decides_alike_in_both_forms_and_twice_and_changes_nothing(self, data):
        """Forms, order and repetition make no difference."""
        plugin, asked = self.kept().object, self.asked(data)
        answers = [*_answers(plugin, asked), *_answers(plugin, asked)]
        for form, said in answers[1:]:
            assert said == answers[0][1], f"{form} says otherwise than {answers[0][0]} said at first"
        asked.check_unchanged()

    @contract(contracts)
    @DRAWN
    @given(data=st.data())
    def test_it_judges_each_host_by_itself(self, data):
        """Answers are made anew for the few hosts that have changed: they must not depend on who else is asked."""
        plugin, asked = self.kept().object, self.asked(data)
        if isinstance(plugin, VectorFilter):
            alone = [plugin.mask(columns([state]), asked.spec).tolist()[0] for state in asked.table.states]
            assert plugin.mask(asked.table, asked.spec).tolist() == alone, "mask decides otherwise on one host alone"
        if isinstance(plugin, ScalarFilter):
            states = asked.table.states
            forth = [plugin.host_passes(state, asked.spec) for state in states]
            back = [plugin.host_passes(state, asked.spec) for state in reversed(states)]
            assert back[::-1] == forth, "host_passes decides otherwise in another order"

    @contract(contracts.SelectiveFilter.applies)
    @DRAWN
    @given(data=st.data())
    def test_what_is_none_of_its_business_passes_every_host(self, data):
        """Only for filters with ``applies``."""
        plugin = self.kept().object
        if not hasattr(plugin, "applies"):
            pytest.skip("the filter has no applies")
        asked = self.asked(data)
        if not plugin.applies(asked.spec):
            for form, said in _answers(plugin, asked):
                assert all(said), f"applies says no, and {form} refuses a host"
        asked.check_unchanged()

    @contract(contracts.ExplainingFilter.reason)
    @DRAWN
    @given(data=st.data())
    def test_it_has_words_for_every_no(self, data):
        """Only for filters with ``reason``."""
        plugin = self.kept().object
        if not hasattr(plugin, "reason"):
            pytest.skip("the filter has no reason")
        asked = self.asked(data)
        _, said = _answers(plugin, asked)[0]
        for state, passes in zip(asked.table.states, said, strict=True):
            if not passes:
                words = plugin.reason(state, asked.spec)
                assert isinstance(words, str) and words.strip(), f"reason returns {words!r}"
                assert "\n" not in words, "reason returns more than one line"
                assert state.host not in words.split(), "reason names the host"
        asked.check_unchanged()


def _answers(plugin: object, asked: Asked) -> list[tuple[str, list[bool]]]:
    """Return what each form says, after a look at its type."""
    found = []
    if isinstance(plugin, VectorFilter):
        mask = plugin.mask(asked.table, asked.spec)
        assert isinstance(mask, np.ndarray), f"mask returns {type(mask).__name__}, not an array"
        assert mask.dtype == np.bool_, f"mask returns an array of {mask.dtype}, not of bool"
        assert mask.shape == (len(asked.table),), f"mask returns {mask.shape} for {len(asked.table)} hosts"
        found.append(("mask", mask.tolist()))
    if isinstance(plugin, ScalarFilter):
        said = [plugin.host_passes(state, asked.spec) for state in asked.table.states]
        for answer in said:
            assert type(answer) is bool, f"host_passes returns {answer!r}, which is no bool"
        found.append(("host_passes", said))
    return found
