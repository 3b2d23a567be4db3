"""Hooks are told one by one, each contained; what cannot work is refused when it is registered."""

import pytest

from corenova.contracts.hooks import hookimpl
from corenova.exceptions import PluginError
from corenova.hooks import Hooks
from corenova.loader import Plugin


def plugin(name, **implementations):
    """A hook plug-in whose methods are these functions (without self)."""
    methods = {hook: hookimpl(staticmethod(function)) for hook, function in implementations.items()}
    return Plugin(name, type(name, (), methods)(), f"dist-of-{name}")


def test_every_plug_in_is_told_with_the_arguments_that_it_asks_for():
    heard = []
    hooks = Hooks(
        [
            plugin("first", host_selected=lambda host: heard.append(("first", host))),
            plugin("second", host_selected=lambda host, instance_uuid: heard.append(("second", instance_uuid, host))),
        ]
    )
    hooks.call("host_selected", spec=None, instance_uuid="i", host="h")
    assert sorted(heard) == [("first", "h"), ("second", "i", "h")]


def test_nobody_listens_to_what_nobody_implements():
    hooks = Hooks([plugin("one", nothing_fits=lambda reason: None)])
    assert hooks.listens("nothing_fits")
    assert not hooks.listens("state_changed")
    Hooks().call("state_changed", instance=None, old_vm_state=None)


@pytest.mark.parametrize("hook", ["nothing_fits", "service_started"])
def test_one_that_raises_is_counted_and_logged_by_name_and_the_others_are_told(hook, caplog):
    heard = []
    arguments = {
        "nothing_fits": {"spec": None, "instance_uuid": "i", "reason": "r"},
        "service_started": {"binary": "b", "host": "h"},
    }[hook]
    hooks = Hooks(
        [
            plugin("before", **{hook: lambda: heard.append("before")}),
            plugin("broken", **{hook: lambda: 1 / 0}),
            plugin("after", **{hook: lambda: heard.append("after")}),
        ]
    )
    for _ in range(2):
        hooks.call(hook, **arguments)
    assert sorted(heard) == ["after", "after", "before", "before"]
    assert hooks.faults == {"broken": 2}
    assert "Hook plug-in broken raised" in caplog.text


def test_who_comes_late_hears_of_the_services_that_have_started_and_nobody_hears_twice():
    early, late = [], []
    hooks = Hooks([plugin("early", service_started=lambda binary: early.append(binary))])
    for binary in ("a", "b"):
        hooks.call("service_started", binary=binary, host="h")
    hooks.call("host_selected", spec=None, instance_uuid="i", host="h")
    hooks.register(plugin("late", service_started=lambda binary: late.append(binary), host_selected=late.append))
    hooks.call("service_started", binary="c", host="h")
    assert early == late == ["a", "b", "c"]


def test_one_that_comes_late_and_raises_is_contained_too():
    hooks = Hooks()
    hooks.call("service_started", binary="a", host="h")
    hooks.register(plugin("broken", service_started=lambda: 1 / 0))
    assert hooks.faults == {"broken": 1}


@pytest.mark.parametrize(
    ("implementations", "words"),
    [
        ({"state_chnaged": lambda instance: None}, "unknown hook 'state_chnaged'"),
        ({"state_changed": lambda server: None}, r"Argument\(s\) \{'server'\}"),
    ],
)
def test_an_unknown_hook_or_argument_is_refused_with_the_name_of_the_distribution(implementations, words):
    with pytest.raises(PluginError, match=r"(?s)Hook plug-in odd of dist-of-odd: .*" + words):
        Hooks([plugin("odd", **implementations)])


def test_the_same_name_twice_is_refused():
    with pytest.raises(PluginError, match="Hook plug-in one of dist-of-one"):
        Hooks([plugin("one"), plugin("one")])
