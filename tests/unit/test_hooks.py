"""The hook engine: who is told and asked what, in which order, and what becomes of plug-ins that misbehave."""

import functools
import sys
import threading
import time

import msgspec
import pytest
from oslo_config import cfg

import corenova.conf
from corenova import hooks as engine
from corenova.account import Account
from corenova.breaker import Breakers
from corenova.contracts.hooks import VETO_HOOKS, AdminRoute, hookimpl
from corenova.exceptions import InvalidInput, NotFound, PluginError, Unavailable, Vetoed
from corenova.hooks import HOOKS, Hooks, listener
from corenova.hooks.listener import MOST_ASKED, Limits
from corenova.hooks.role import MOST_STUCK, Role
from corenova.hooks.threads import DEPTH, Job, Pool
from corenova.loader import Plugin
from corenova.objects.instance import Instance
from corenova.objects.request_spec import Flavor

FACT = {"spec": None, "instance_uuid": "i", "reason": "r"}
QUICK = Limits(hook_timeout_s=0.3, veto_timeout_s=0.3)
PATIENT = Limits(hook_timeout_s=60, veto_timeout_s=60)
INSTANCE = Instance(
    uuid="i", display_name="n", hostname="n", project_id="p", user_id="u", metadata={"a": "b"},
    flavor=Flavor(flavorid="1", name="f", vcpus=1, memory_mb=64, root_gb=1),
)  # fmt: skip


def plugin(name, *, marks=None, **implementations):
    """A hook plug-in whose methods are these functions (without self)."""
    mark = hookimpl(**marks) if marks else hookimpl
    methods = {hook: mark(staticmethod(function)) for hook, function in implementations.items()}
    return Plugin(name, type(name, (), methods)(), f"dist-of-{name}")


def told(hooks, **facts):
    """Tell of each fact, wait until it is heard."""
    for hook, arguments in facts.items():
        hooks.call(hook, **arguments)
    assert hooks.drain(20)


@pytest.fixture
def hang():
    """An event that hanging plug-ins wait for; it comes at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def clock(monkeypatch):
    """The clock of breakers, as a list of one number."""
    now = [1000.0]
    monkeypatch.setattr(listener, "Breakers", functools.partial(Breakers, clock=lambda: now[0]))
    return now


def conf(**plugins):
    made = cfg.ConfigOpts()
    corenova.conf.register(made)
    made([], default_config_files=[], default_config_dirs=[])
    for name, value in plugins.items():
        made.set_override(name, value, group="plugins")
    return made


def test_every_plug_in_is_told_with_the_arguments_that_it_asks_for():
    heard = []
    hooks = Hooks(
        [
            plugin("first", host_selected=lambda host: heard.append(("first", host))),
            plugin("second", host_selected=lambda host, instance_uuid: heard.append(("second", instance_uuid, host))),
        ]
    )
    told(hooks, host_selected={"spec": None, "instance_uuid": "i", "host": "h"})
    assert sorted(heard) == [("first", "h"), ("second", "i", "h")]


def test_a_plug_in_hears_of_facts_in_their_order_and_the_caller_waits_for_none(hang):
    heard = []
    hooks = Hooks([plugin("slow", nothing_fits=lambda reason: (hang.wait(), heard.append(reason)))], PATIENT)
    for number in range(200):
        hooks.call("nothing_fits", **FACT | {"reason": number})
    assert heard == []
    hang.set()
    assert hooks.drain(20)
    assert heard == list(range(200))


def test_where_nobody_listens_nothing_is_made():
    before = threading.active_count()
    hooks = Hooks([plugin("one", nothing_fits=lambda reason: None)])
    assert [hook for hook in HOOKS if hooks.listens(hook)] == ["nothing_fits"]
    hooks.call("state_changed", instance=None, old_vm_state=None)
    for hook in VETO_HOOKS:
        hooks.ask(hook)
    assert threading.active_count() == before


def test_what_is_handed_over_belongs_to_the_plug_in_alone():
    seen = []

    def spoil(instance):
        seen.append(dict(instance.metadata))
        instance.metadata.clear()
        instance.flavor.extra_specs["spoiled"] = "yes"

    def refuse_nothing(instance):
        spoil(instance)

    hooks = Hooks(
        [plugin(n, conductor_delete_post=spoil, api_delete_pre=refuse_nothing) for n in ("one", "two")], PATIENT
    )
    told(hooks, conductor_delete_post={"instance": INSTANCE})
    hooks.ask("api_delete_pre", context=None, instance=INSTANCE)
    hosts = {"i": "h"}
    told(
        Hooks([plugin("three", conductor_create_post=lambda hosts: hosts.clear())]),
        conductor_create_post={"hosts": hosts},
    )
    assert seen == [{"a": "b"}] * 4
    assert (INSTANCE.metadata, INSTANCE.flavor.extra_specs, hosts) == ({"a": "b"}, {}, {"i": "h"})


# Observers that misbehave.


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_one_that_raises_is_counted_and_logged_by_name_and_the_others_are_told(error, caplog):
    heard = []

    def fail():
        raise error("broken")

    hooks = Hooks(
        [
            plugin("before", nothing_fits=lambda: heard.append("before")),
            plugin("broken", nothing_fits=fail),
            plugin("after", nothing_fits=lambda: heard.append("after")),
        ]
    )
    for _ in range(2):
        told(hooks, nothing_fits=FACT)
    assert sorted(heard) == ["after", "after", "before", "before"]
    assert hooks.faults == {"broken": 2}
    (account,) = [p.account for p in hooks.plugins if p.name == "broken"]
    assert (account.calls, account.last_fault) == (2, f"{error.__name__}: broken")
    assert "hook plug-in broken (observer) raised" in caplog.text


class Unspeakable(RuntimeError):
    """What cannot be told: not even that its words fail is an ordinary error."""

    def __str__(self):
        raise KeyboardInterrupt


def test_one_whose_error_cannot_be_told_is_told_on_and_asked_on():
    heard = []

    def fail(reason):
        heard.append(reason)
        raise Unspeakable

    hooks = Hooks(
        [plugin("odd", nothing_fits=lambda reason: fail(reason), api_delete_pre=lambda: fail("asked"))], PATIENT
    )
    told(hooks, nothing_fits=FACT)
    told(hooks, nothing_fits=FACT)
    for _ in range(MOST_ASKED + 1):
        with pytest.raises(Vetoed, match="The plug-in odd has failed"):
            delete(hooks)
    assert heard == ["r"] * 2 + ["asked"] * (MOST_ASKED + 1)
    assert hooks.faults == {"odd": MOST_ASKED + 3}


def test_faults_of_observers_and_resources_leave_the_vetoes_on_and_the_other_way_round(clock):
    """Each role is judged by itself; the account shows the worst."""

    def fail():
        raise RuntimeError("broken")

    def route(query):
        fail()

    def roles(**implementations):
        hooks = Hooks([plugin("odd", **implementations)], Limits(breaker_faults=2))
        hooks.call("api_routes")
        return hooks

    hooks = roles(nothing_fits=fail, api_routes=lambda: [AdminRoute("day", route)], api_delete_pre=lambda: None)
    for _ in range(3):
        told(hooks, nothing_fits=FACT)
    for error in (RuntimeError, RuntimeError, Unavailable):
        with pytest.raises(error):
            hooks.answer("odd", "day", {})
    delete(hooks)
    assert [alarm.partition(" is ")[0] for alarm in hooks.alarms()] == [
        "hook plug-in odd (observer)", "hook plug-in odd (route)",
    ]  # fmt: skip
    assert hooks.plugins[0].account.state == "open"

    heard = []
    hooks = roles(nothing_fits=lambda reason: heard.append(reason), api_delete_pre=fail)
    for _ in range(3):
        with pytest.raises(Vetoed):
            delete(hooks)
    told(hooks, nothing_fits=FACT)
    assert heard == ["r"]


def test_one_that_raises_again_and_again_is_not_called_for_a_while_and_then_again(clock):
    heard, broken = [], [True]

    def fail(reason):
        heard.append(reason)
        if broken[0]:
            raise RuntimeError("broken")

    hooks = Hooks([plugin("broken", nothing_fits=fail)], Limits(breaker_faults=3, breaker_open_s=60))
    account = hooks.plugins[0].account
    for number in range(5):
        told(hooks, nothing_fits=FACT | {"reason": number})
    assert heard == [0, 1, 2]
    assert account.state == "open"
    assert hooks.alarms() == ["hook plug-in broken (observer) is switched off after faults: RuntimeError: broken"]
    clock[0] += 61
    broken[0] = False
    told(hooks, nothing_fits=FACT | {"reason": "trial"})
    assert (heard[3:], account.state, hooks.alarms()) == (["trial"], "closed", [])


def test_one_that_fails_at_odd_facts_alone_stays_switched_on():
    def fail(reason):
        if reason % 2:
            raise RuntimeError("broken")

    hooks = Hooks([plugin("odd", nothing_fits=fail)], Limits(breaker_faults=3))
    for number in range(20):
        told(hooks, nothing_fits=FACT | {"reason": number})
    account = hooks.plugins[0].account
    assert (account.calls, account.faults, account.state) == (20, 10, "closed")


def test_one_that_hangs_is_left_alone_and_another_thread_goes_on_with_the_queue(hang, caplog):
    heard, came_back = [], threading.Event()

    def listen(reason):
        if reason == "hang":
            hang.wait()
            came_back.set()
        heard.append(reason)

    hooks = Hooks([plugin("slow", nothing_fits=listen)], QUICK)
    for reason in ("a", "hang", "b", "c"):
        hooks.call("nothing_fits", **FACT | {"reason": reason})
    assert hooks.drain(20)
    assert heard == ["a", "b", "c"]
    account = hooks.plugins[0].account
    assert (account.calls, account.faults) == (4, 1)
    assert account.last_fault.startswith("TimeoutError: it has not come back for ")
    assert hooks.alarms() == ["hook plug-in slow (observer) hangs: 1 of its calls has not come back"]
    assert "hook plug-in slow (observer) hangs" in caplog.text
    (stuck,) = hooks._listeners[0]._told.role.stuck
    hang.set()
    assert came_back.wait(20)
    stuck.join(20)
    assert (hooks.alarms(), account.calls, hooks.faults) == ([], 4, {"slow": 1})


def test_who_looks_for_one_that_hangs_is_the_next_call_or_the_heartbeat(hang):
    entered = threading.Semaphore(0)
    hooks = Hooks([plugin("slow", nothing_fits=lambda: (entered.release(), hang.wait()))], Limits(hook_timeout_s=0.001))
    hooks.call("nothing_fits", **FACT)
    assert entered.acquire(timeout=20)
    while not hooks.faults:
        hooks.alarms()
    hooks.call("nothing_fits", **FACT)
    assert entered.acquire(timeout=20)
    while hooks.faults["slow"] < 2:
        hooks.call("nothing_fits", **FACT)


def test_one_with_too_many_calls_that_hang_is_not_called_until_one_of_them_is_back(hang, clock):
    heard = []

    def listen(reason):
        heard.append(reason)
        hang.wait()

    limits = Limits(hook_timeout_s=0.01, breaker_faults=0)
    hooks = Hooks([plugin("slow", nothing_fits=listen, api_delete_pre=lambda: None)], limits)
    for number in range(MOST_STUCK + 5):
        told(hooks, nothing_fits=FACT | {"reason": number})
    clock[0] += 1e9
    told(hooks, nothing_fits=FACT)
    assert heard == list(range(MOST_STUCK))
    assert hooks.alarms() == [
        "hook plug-in slow (observer) hangs: 8 of its calls have not come back; it is not called until one has"
    ]
    account = hooks.plugins[0].account
    assert account.state == "open"
    delete(hooks)  # of another role
    stuck = list(hooks._listeners[0]._told.role.stuck)
    hang.set()
    for thread in stuck:
        thread.join(20)
    assert (hooks.alarms(), account.state) == ([], "closed")
    told(hooks, nothing_fits=FACT)
    assert heard[MOST_STUCK:] == ["r"]


def test_a_full_queue_loses_facts_and_says_so_once(hang):
    hooks = Hooks([plugin("slow", nothing_fits=lambda: hang.wait())], PATIENT)
    for _ in range(DEPTH + 100):
        hooks.call("nothing_fits", **FACT)
    assert hooks.faults == {"slow": 1}
    (alarm,) = hooks.alarms()
    lost = int(alarm.removeprefix("hook plug-in slow (observer) is too slow: ").split()[0])
    assert lost in (99, 100)  # one may be in hand
    hang.set()
    assert hooks.drain(20)
    assert hooks.plugins[0].account.calls == DEPTH + 100 - lost


def test_the_wait_for_the_last_words_ends(hang):
    hooks = Hooks([plugin("slow", nothing_fits=lambda: hang.wait())], PATIENT)
    hooks.call("nothing_fits", **FACT)
    assert not hooks.drain(0.01)
    hang.set()
    assert hooks.drain(20)


# Veto hooks.


def delete(hooks):
    hooks.ask("api_delete_pre", context=None, instance=None)


def test_all_are_asked_in_the_order_of_the_ini_until_one_refuses():
    asked = []

    def answer(name, returned):
        return plugin(name, api_delete_pre=lambda: asked.append(name) or returned)

    delete(Hooks([answer("a", None), answer("b", None)]))
    with pytest.raises(Vetoed) as refused:
        delete(Hooks([answer("c", None), answer("d", "Not today."), answer("e", "Never.")]))
    assert (asked, str(refused.value)) == (["a", "b", "c", "d"], "Not today.")


def test_a_reason_is_one_clean_line():
    reason = "No\r\n\x1b[31mX-Evil: 1\x00\u202e" + "x" * 5000
    with pytest.raises(Vetoed) as refused:
        delete(Hooks([plugin("rude", api_delete_pre=lambda: reason)]))
    words = str(refused.value)
    assert words.startswith("No [31mX-Evil: 1 xxx")
    assert len(words) == 500
    assert words.isprintable()


@pytest.mark.parametrize("returned", ["", " \n", 0, 1, True, False, b"no", ["no"], {}, object()])
def test_who_returns_anything_else_refuses_and_has_failed(returned):
    hooks = Hooks([plugin("liar", api_delete_pre=lambda: returned)])
    with pytest.raises(Vetoed, match=r"^The plug-in liar has failed, so the request is refused.$"):
        delete(hooks)
    assert hooks.faults == {"liar": 1}


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, Unavailable, Vetoed])
def test_who_raises_refuses_and_nothing_of_what_it_says_reaches_the_user(error):
    def fail():
        raise error("password: 123")

    with pytest.raises(Vetoed, match=r"^The plug-in broken has failed, so the request is refused.$"):
        delete(Hooks([plugin("broken", api_delete_pre=fail)]))


def test_who_hangs_refuses_after_its_time_and_the_next_one_is_asked_in_another_thread(hang):
    calls = iter(range(100))
    hooks = Hooks([plugin("slow", api_delete_pre=lambda: hang.wait() and None if next(calls) < 2 else None)], QUICK)
    for _ in range(2):
        with pytest.raises(Vetoed, match=r"^The plug-in slow has not answered within 0.3 s, so the request is"):
            delete(hooks)
    delete(hooks)
    while len(hooks._listeners[0]._asked.role.stuck) < 2:
        hooks.alarms()
    assert hooks.faults == {"slow": 2}
    assert hooks.alarms() == ["hook plug-in slow (veto) hangs: 2 of its calls have not come back"]


def test_one_that_is_switched_off_refuses_without_being_asked(clock):
    asked = []

    def fail():
        asked.append(1)
        raise RuntimeError("broken")

    hooks = Hooks([plugin("broken", api_delete_pre=fail)], Limits(breaker_faults=2))
    for _ in range(5):
        with pytest.raises(Vetoed, match="The plug-in broken"):
            delete(hooks)
    assert len(asked) == 2
    clock[0] += 61
    with pytest.raises(Vetoed, match="has failed"):
        delete(hooks)
    assert len(asked) == 3


def test_a_few_are_asked_at_the_same_time_and_not_more(hang):
    entered = threading.Semaphore(0)
    pool = Pool(Role("g", Account(), Breakers()), most=MOST_ASKED, timeout_s=60)
    jobs = [Job(lambda: (entered.release(), hang.wait()), threading.Event()) for _ in range(MOST_ASKED + 1)]
    assert all(map(pool.put, jobs))
    for _ in range(MOST_ASKED):
        assert entered.acquire(timeout=20)
    assert [job.since is None for job in jobs] == [False] * MOST_ASKED + [True]
    hang.set()
    assert all(job.over.wait(20) for job in jobs)


def test_who_waits_in_vain_for_a_thread_is_refused_and_nobody_is_called_hanging(hang):
    """The plug-in is busy with others, which have time left."""
    account = Account()
    pool = Pool(role := Role("g", account, Breakers(1)), most=1, timeout_s=60)
    entered = threading.Event()
    pool.put(Job(lambda: (entered.set(), hang.wait())))
    assert entered.wait(20)
    job = Job(lambda: None, threading.Event())
    pool.put(job)
    assert not pool._is_over(job)
    assert (account.faults, role.is_closed, len(role.stuck)) == (1, True, 0)


def test_one_that_a_thread_has_just_taken_up_is_not_called_hanging_when_its_asker_goes(hang):
    """A burst: what was waited before is no time of the plug-in's."""
    account = Account()
    pool = Pool(role := Role("g", account, Breakers(1)), most=1, timeout_s=60)
    entered = threading.Event()
    job = Job(lambda: (entered.set(), hang.wait()), threading.Event())
    pool.put(job)
    assert entered.wait(20)
    assert not pool._is_over(job)  # the asker has waited for a thread for all of its time
    assert (account.faults, role.is_closed, len(role.stuck)) == (0, True, 0)
    hang.set()
    assert job.over.wait(20)
    assert pool.drain(time.monotonic() + 20)
    assert (account.calls, account.faults) == (1, 0)


# What a process is made of.


def test_who_comes_late_hears_of_the_services_that_have_started_and_nobody_hears_twice():
    early, late = [], []
    hooks = Hooks([plugin("early", service_started=lambda binary: early.append(binary))])
    for binary in ("a", "b"):
        hooks.call("service_started", binary=binary, host="h")
    hooks.call("host_selected", spec=None, instance_uuid="i", host="h")
    hooks.register(plugin("late", service_started=lambda binary: late.append(binary), host_selected=late.append))
    hooks.call("service_started", binary="c", host="h")
    assert hooks.drain(20)
    assert early == late == ["a", "b", "c"]


@pytest.mark.parametrize("is_late", [False, True])
def test_options_of_a_plug_in_are_registered_and_can_be_read(is_late):
    seen, made = [], conf()

    def options(conf):
        seen.append(conf)
        return {"webhook": [cfg.IntOpt("retries", default=3)], "DEFAULT": [cfg.StrOpt("colour", default="red")]}

    hooks = Hooks([] if is_late else [plugin("webhook", config_options=options)])
    hooks.call("config_options", conf=made)
    if is_late:
        hooks.register(plugin("webhook", config_options=options))
    assert (seen[0].webhook.retries, made.colour) == (3, "red")
    assert [(section, [o.name for o in opts]) for section, opts in hooks.options] == [
        ("webhook", ["retries"]), ("DEFAULT", ["colour"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda: {"plugins": [cfg.StrOpt("enabled_hooks")]}, "DuplicateOptError: duplicate option: enabled_hooks"),
        (lambda: {"own": [cfg.IntOpt("most", default="many")]}, "config_options: "),
        (lambda: 7, "config_options: TypeError: "),
        (lambda: {"own": ["most"]}, "config_options: AttributeError: "),
        (lambda: sys.exit(0), "config_options: SystemExit: 0"),
        (lambda: 1 / 0, "config_options: ZeroDivisionError: division by zero. Mend dist-of-odd, or take odd out of"),
    ],
)
def test_options_that_cannot_be_used_stop_the_start_with_one_line(options, words):
    hooks = Hooks()
    hooks.call("config_options", conf=conf())
    with pytest.raises(PluginError, match="^Hook plug-in odd of dist-of-odd cannot be used: .*" + words):
        hooks.register(plugin("odd", config_options=options))
    assert hooks.plugins == []
    hooks.register(plugin("odd", nothing_fits=lambda: None))


def test_one_that_may_be_left_out_is_left_out_when_it_cannot_be_registered(monkeypatch):
    bad, good = plugin("bad", state_chnaged=lambda: None), plugin("good", nothing_fits=lambda: None)
    monkeypatch.setattr(engine.loader, "load", lambda *_, **__: [bad, good])
    left_out = []
    hooks = engine.load(conf(optional=["bad"]), left_out=left_out)
    assert [p.name for p in hooks.plugins] == ["good"]
    assert [(one.group, one.name, "unknown hook" in one.reason) for one in left_out] == [
        ("corenova.hooks", "bad", True)
    ]
    with pytest.raises(PluginError, match="unknown hook 'state_chnaged'"):
        engine.load(conf())


def test_one_whose_routes_cannot_be_used_may_be_left_out_too(monkeypatch):
    """They are asked for when it is loaded, in whatever process, and not when the API has written already."""
    bad = plugin("bad", api_routes=lambda: [AdminRoute("../etc", refuse)])
    monkeypatch.setattr(engine.loader, "load", lambda *_, **__: [bad])
    left_out = []
    assert engine.load(conf(optional=["bad"]), left_out=left_out).plugins == []
    assert ["'../etc' is no AdminRoute" in one.reason for one in left_out] == [True]
    with pytest.raises(PluginError, match="Hook plug-in bad of dist-of-bad cannot be used: api_routes: "):
        engine.load(conf())


def test_budgets_come_from_the_ini(monkeypatch, hang):
    slow = plugin("slow", api_delete_pre=lambda: hang.wait())
    monkeypatch.setattr(engine.loader, "load", lambda *_, **__: [slow])
    hooks = engine.load(conf(veto_timeout_s=0.01, breaker_faults=1))
    with pytest.raises(Vetoed, match=r"not answered within 0\.01 s"):
        delete(hooks)
    while not hooks.faults:
        hooks.alarms()
    with pytest.raises(Vetoed, match="switched off"):
        delete(hooks)


@pytest.mark.parametrize(
    ("implementations", "words"),
    [
        ({"state_chnaged": lambda instance: None}, "unknown hook 'state_chnaged'"),
        ({"state_changed": lambda server: None}, r"Argument\(s\) \{'server'\}"),
        ({"state_changed": lambda: (yield), "marks": {"wrapper": True}}, "state_changed is marked with wrapper, which"),
        (
            {"state_changed": lambda: (yield), "marks": {"hookwrapper": True}},
            "state_changed is marked with hookwrapper",
        ),
        ({"service_started": lambda: (yield), "marks": {"wrapper": True}}, "historic"),
        ({"state_changed": lambda: None, "marks": {"tryfirst": True}}, "state_changed is marked with tryfirst"),
        ({"api_delete_pre": lambda: None, "marks": {"trylast": True}}, "api_delete_pre is marked with trylast"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_with_the_name_of_the_distribution(implementations, words):
    with pytest.raises(PluginError, match="^Hook plug-in odd of dist-of-odd cannot be used: .*" + words):
        Hooks([plugin("odd", **implementations)])


def test_a_hook_of_a_later_contract_may_be_marked_as_optional():
    heard = []
    newer = plugin(
        "newer",
        marks={"optionalhook": True},
        nothing_fits=lambda reason: heard.append(reason),
        resize_post=lambda anything: None,
    )
    told(Hooks([newer]), nothing_fits=FACT)
    assert heard == ["r"]


def test_the_same_name_twice_is_refused_and_the_first_stays():
    heard = []
    hooks = Hooks([plugin("one", nothing_fits=lambda reason: heard.append(reason))])
    with pytest.raises(PluginError, match="Hook plug-in one of dist-of-one"):
        hooks.register(plugin("one"))
    told(hooks, nothing_fits=FACT)
    assert heard == ["r"]


# Admin routes.


def routed(*routes, limits=PATIENT):
    hooks = Hooks([plugin("web", api_routes=lambda: routes)], limits)
    hooks.call("api_routes")
    return hooks


def refuse(query):
    raise ValueError("no such\nday")


def test_a_route_answers_with_json():
    hooks = routed(AdminRoute("a/b-c", lambda query: {"got": query}), AdminRoute("i", lambda query: INSTANCE))
    assert hooks.answer("web", "a/b-c", {"x": "1"}) == b'{"got":{"x":"1"}}'
    assert msgspec.json.decode(hooks.answer("web", "i", {}), type=Instance) == INSTANCE
    hooks.call("api_routes")  # a second application of the same process
    for place in (("web", "a"), ("other", "i")):
        with pytest.raises(NotFound, match=f"No hook plug-in {place[0]} that is enabled here offers {place[1]}."):
            hooks.answer(*place, {})


def test_a_value_error_is_the_callers_and_no_fault_of_the_plug_in():
    hooks = routed(AdminRoute("day", refuse))
    with pytest.raises(InvalidInput, match=r"^no such day$"):
        hooks.answer("web", "day", {})
    assert hooks.faults == {}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda query: query["day"], KeyError),
        (lambda query: object(), TypeError),
        (lambda query: "x" * (1 << 20), OverflowError),
        (lambda query: delete(Hooks([plugin("no", api_delete_pre=lambda: "no")])), RuntimeError),
    ],
)
def test_a_route_that_fails_is_a_fault(answer, error):
    hooks = routed(AdminRoute("day", answer))
    with pytest.raises(error):
        hooks.answer("web", "day", {})
    assert hooks.faults == {"web": 1}


def test_resources_that_hang_take_no_thread_from_the_vetoes(hang):
    entered = threading.Semaphore(0)
    routes = [AdminRoute("day", lambda query: (entered.release(), hang.wait()))]
    hooks = Hooks([plugin("web", api_routes=lambda: routes, api_delete_pre=lambda: None)], PATIENT)
    hooks.call("api_routes")
    visitors = [threading.Thread(target=hooks.answer, args=("web", "day", {}), daemon=True) for _ in range(MOST_ASKED)]
    for visitor in visitors:
        visitor.start()
        assert entered.acquire(timeout=20)
    hooks._listeners[0]._asked.timeout_s = 20
    delete(hooks)
    hang.set()
    for visitor in visitors:
        visitor.join(20)


def test_a_route_that_hangs_is_unavailable(hang):
    hooks = routed(AdminRoute("day", lambda query: hang.wait()), limits=QUICK)
    with pytest.raises(Unavailable, match=r"^The plug-in web has not answered within 0.3 s.$"):
        hooks.answer("web", "day", {})


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ([AdminRoute("../etc", refuse)], r"'../etc' is no AdminRoute"),
        ([AdminRoute("", refuse)], "'' is no AdminRoute"),
        ([AdminRoute("day", None)], "'day' is no AdminRoute"),
        (["day"], "'day' is no AdminRoute"),
        ([AdminRoute("day", refuse), AdminRoute("day", refuse)], "day is there twice"),
        (None, "TypeError"),
    ],
)
def test_a_route_that_is_none_stops_the_start(routes, words):
    hooks = Hooks([plugin("odd", api_routes=lambda: routes)])
    with pytest.raises(PluginError, match="Hook plug-in odd of dist-of-odd cannot be used: api_routes: .*" + words):
        hooks.call("api_routes")
