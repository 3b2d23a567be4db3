"""What is said of a plug-in: who brings it, whether it is loaded and why not, and its counters over all services."""

import pytest

from corenova import loader
from corenova.account import Account
from corenova.cmd import plugin_list
from corenova.cmd.plugin_list import Key
from corenova.db.plugin_accounts import ServiceAccounts
from corenova.loader import Plugin
from corenova.objects.plugin_account import PluginAccount
from tests.distributions import Installer

HOOK = Key(loader.HOOKS, "Plain")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Give a function that installs a distribution."""
    return Installer(tmp_path, monkeypatch)


def account(**fields):
    return PluginAccount(
        **{"group": HOOK.group, "name": HOOK.name, "distribution": "far-dist", "version": "2", **fields}
    )


def service(binary, process, *accounts, address="ctl1"):
    return ServiceAccounts(binary=binary, address=address, incarnation=process, accounts=accounts)


def seen(names=(), told=(), **more):
    found = plugin_list.listed({HOOK.group: names}, told, **more)
    return next(one for one in found if (one.group, one.name) == HOOK)


def test_what_is_installed_is_neither_loaded_nor_imported(install):
    install("one-dist", "raise RuntimeError('imported')", "Plain", group=loader.HOOKS)
    one = seen()
    assert (one.distribution, one.version, one.enabled, one.loaded) == ("one-dist", "1.0", False, None)
    assert (one.reason, one.contract, one.calls, one.faults, one.breaker, one.services) == (None,) * 5 + ((),)


def test_what_is_enabled_and_nobody_tells_of_is_not_loaded():
    one = seen(["Plain"])
    assert (one.distribution, one.enabled, one.loaded) == (None, True, False)
    assert one.reason == "No service that runs says that it has loaded it."


def test_what_was_tried_is_believed():
    plugin = Plugin("Plain", object(), "one-dist", "1.0", loader.HOOKS, (1, 0), Account())
    one = seen(["Plain"], tried={HOOK: plugin})
    assert (one.loaded, one.reason, one.contract, one.calls) == (True, None, "1.0", None)
    one = seen(["Plain"], [service("api", "p", account(calls=1))], tried={HOOK: "It is broken."})
    assert (one.loaded, one.reason, one.calls) == (False, "It is broken.", 1)


def test_what_runs_elsewhere_is_enabled_whatever_this_ini_says():
    one = seen((), [service("nova-compute", "p", account(calls=2, seconds=3e-6, contract="1.0"))])
    assert (one.distribution, one.version, one.contract) == ("far-dist", "2", "1.0")
    assert (one.enabled, one.loaded, one.calls, one.mean_us) == (True, True, 2, 1.5)


def test_counters_are_summed_over_processes_and_not_over_the_services_of_one():
    told = [
        service("api", "p", account(calls=7, seconds=7e-6, faults=1, last_fault="E: old")),
        service("conductor", "p", account(calls=9, seconds=9e-6, faults=2, last_fault="E: new", breaker="on trial")),
        service("api", "q", account(calls=1, seconds=11e-6), address="ctl2"),
    ]
    one = seen(["Plain"], told)
    assert (one.calls, one.mean_us, one.faults, one.last_fault, one.breaker) == (10, 2.0, 2, "E: new", "on trial")
    assert [(each.address, each.calls, each.mean_us) for each in one.services] == [
        ("ctl1", 7, 1.0), ("ctl1", 9, 1.0), ("ctl2", 1, 11.0),
    ]  # fmt: skip


def test_a_service_that_has_left_it_out_is_named():
    left_out = account(distribution="", version="", reason="Nobody offers it.", breaker="open")
    one = seen(["Plain"], [service("api", "p", account(calls=3)), service("api", "q", left_out, address="ctl2")])
    assert (one.loaded, one.reason, one.calls) == (False, "api on ctl2: Nobody offers it.", 3)
    assert [(each.loaded, each.reason) for each in one.services] == [(True, None), (False, "Nobody offers it.")]


def test_a_name_of_two_distributions_has_both(install):
    install("one-dist", "", "Plain", group=loader.HOOKS)
    install("two-dist", "", "Plain", group=loader.HOOKS)
    assert (seen().distribution, seen().version) == ("one-dist and two-dist", None)
