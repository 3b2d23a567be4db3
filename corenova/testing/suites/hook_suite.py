"""The hook contract (corenova/contracts/hooks.py) as tests."""

import copy
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg

from corenova import loader
from corenova.contracts import hooks as contracts
from corenova.contracts.hooks import VETO_HOOKS, AdminRoute, HookSpecs
from corenova.hooks import HOOKS, ROUTE_PATH, Hooks
from corenova.testing import hook_calls, strategies
from corenova.testing.suites.base import DRAWN, PluginSuite
from corenova.testing.words import contract

_ASKED_ONCE = frozenset({"config_options", "api_routes"})
_OBSERVERS = HOOKS.keys() - VETO_HOOKS - _ASKED_ONCE
_REQUESTS = strategies.requests()


class HookSuite(PluginSuite):
    """A hook plug-in keeps the contract; inherit, and name it. What it does on each fact, it does here: options that
    say whom it calls should name nobody, or somebody of the test's.

    :cvar requests: strategy of the requests that its vetoes are asked about.
    """

    group: ClassVar[str] = loader.HOOKS
    requests: ClassVar[st.SearchStrategy] = _REQUESTS

    @contract(contracts, HookSpecs)
    def test_it_listens_to_hooks_and_arguments_that_exist(self):
        """Registered as every service does it."""
        plugin = self.load()
        Hooks([plugin])
        assert hook_calls.implementations(plugin.object), "it listens to nothing: mark its methods with @hookimpl"

    @contract(contracts)
    def test_every_method_that_is_called_like_a_hook_is_marked(self):
        """One that is not is never called, and nobody would notice."""
        plugin = self.load().object
        heard = hook_calls.implementations(plugin)
        bare = [hook for hook in HOOKS if callable(getattr(plugin, hook, None)) and hook not in heard]
        assert not bare, f"{', '.join(bare)}: without @hookimpl it is never called"

    @contract(contracts, HookSpecs.api_create_pre)
    @DRAWN
    @given(data=st.data())
    def test_a_veto_of_a_create_is_nothing_or_a_sentence(self, data):
        """None lets the request pass, a sentence is a no, anything else a fault; and nothing is changed."""
        spec, count = data.draw(self.requests, label="request"), data.draw(st.integers(1, 5), label="count")
        self._veto("api_create_pre", {"spec": spec, "count": count})

    @contract(contracts, HookSpecs.api_delete_pre)
    @DRAWN
    @given(data=st.data())
    def test_a_veto_of_a_delete_is_nothing_or_a_sentence(self, data):
        """As of a create."""
        self._veto("api_delete_pre", {"instance": data.draw(hook_calls.instances(), label="instance")})

    def _veto(self, hook: str, drawn: dict[str, Any]) -> None:
        facts = next(hook_calls.facts(hook)) | drawn
        answer = self._call(hook, facts, self.configuration().plugins.veto_timeout_s)
        assert answer is None or (isinstance(answer, str) and answer.strip()), f"{hook} returns {answer!r}"
        assert answer is None or "\n" not in answer, f"{hook} returns more than one line"

    @contract(contracts, HookSpecs)
    def test_its_observers_take_what_they_are_told_and_change_nothing(self):
        """Each hook that it implements, with facts of every sort."""
        heard = _OBSERVERS & hook_calls.implementations(self.kept().object).keys()
        if not heard:
            pytest.skip("it observes nothing")
        for hook in sorted(heard):
            for facts in hook_calls.facts(hook):
                self._call(hook, facts, self.configuration().plugins.hook_timeout_s)

    @contract(HookSpecs.config_options)
    def test_the_options_that_it_adds_are_options(self):
        """By section."""
        added = self._call("config_options", {"conf": cfg.ConfigOpts()}, None)
        assert all(isinstance(opt, cfg.Opt) for found in added.values() for opt in found), f"not options: {added!r}"
        conf = cfg.ConfigOpts()
        for section, found in added.items():
            conf.register_opts(found, group=section)

    @contract(HookSpecs.api_routes, AdminRoute)
    def test_the_resources_that_it_adds_answer(self):
        """Each, without parameters."""
        for route in self._call("api_routes", {}, None):
            assert isinstance(route, AdminRoute), f"{route!r} is no AdminRoute"
            assert ROUTE_PATH.fullmatch(route.path), f"{route.path!r} is no path of letters, digits, - and _"
            try:
                msgspec.json.encode(route.answer({}))
            except ValueError:
                continue  # it wants parameters: a 400 with its words

    def _call(self, hook: str, facts: dict[str, Any], within_s: float | None) -> Any:
        """Call the plug-in's implementation and return its answer; skips the test when it has none."""
        implementation = hook_calls.implementations(self.kept().object).get(hook)
        if implementation is None:
            pytest.skip(f"it does not listen to {hook}")
        before = {name: copy.deepcopy(value) for name, value in facts.items() if not callable(value)}
        answer = hook_calls.call(implementation, facts, within_s=within_s)
        assert {name: facts[name] for name in before} == before, f"{hook} has changed what it was told"
        return answer
