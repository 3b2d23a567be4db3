"""The accounts of filters and weighers: a pass is one call, whatever the number of hosts, and faults are entered."""

import pytest

from corenova.scheduler import classes, filter_guard, pipeline, ranking, weigher_guard


@pytest.fixture
def work(monkeypatch, build):
    """Give a function that makes plug-ins which take a second for each host, by a clock of their own."""
    now = [0.0]
    for module in (filter_guard, weigher_guard, classes, pipeline, ranking):
        monkeypatch.setattr(module, "perf_counter", lambda: now[0])

    def spend(hosts, answer):
        now[0] += hosts
        return answer

    forms = {
        "host_passes": lambda state, _: spend(1, state.num_instances < 100),
        "mask": lambda hosts, _: spend(len(hosts), hosts.num_instances < 100),
        "weigh": lambda state, _: spend(1, float(state.free_ram_mb)),
        "weights": lambda hosts, _: spend(len(hosts), hosts.free_ram_mb.astype(float)),
    }

    def make(form, *, selective=False, **members):
        more = {"applies": lambda spec: spend(0.5, True)} if selective else {}
        return build.plugin("Busy", **{form: forms[form]}, **more, **members)

    return make


def since(account, before=(0, 0.0)):
    return account.calls - before[0], account.seconds - before[1]


@pytest.mark.parametrize("form", ["host_passes", "mask"])
def test_a_filter_is_asked_in_passes(build, work, form):
    busy = work(form)
    line, hosts = build.pipeline([busy]), build.table(10)
    account = line.plugins[0].account
    line.place(hosts, build.spec(), 1)
    assert since(account) == (1, 10.0), "all hosts at once"
    before = account.calls, account.seconds
    line.place(hosts, build.spec(), 1)
    assert since(account, before) == (1, 1.0), "the one that was claimed"
    line.refusal(hosts, build.spec(), "h3")
    assert since(account, before) == (2, 2.0)


def test_of_several_hosts_that_have_changed_a_pass_is_made(build, work):
    line, hosts = build.pipeline([work("host_passes")]), build.table(10)
    account = line.plugins[0].account
    line.place(hosts, build.spec(), 1)
    before = account.calls, account.seconds
    for row in range(4):
        hosts.consume(row, {"MEMORY_MB": 1})
    line.place(hosts, build.spec(), 1)
    assert since(account, before) == (1, 4.0)


@pytest.mark.parametrize("form", ["host_passes", "mask"])
def test_a_filter_that_looks_at_the_single_request_is_asked_in_one_pass(build, work, form):
    line, hosts = build.pipeline([work(form, selective=True)], fixed=True), build.table(10)
    line.place(hosts, build.spec(), 1)
    assert since(line.plugins[0].account) == (1, 3.5), "the best and two alternates, and whether it applies"


@pytest.mark.parametrize("form", ["weigh", "weights"])
def test_a_weigher_is_asked_in_passes(build, work, form):
    busy = work(form, minval=0.0, maxval=10000.0)
    line, hosts = build.pipeline(weighers=[busy], fixed=True), build.table(10)
    account = line.plugins[0].account
    line.place(hosts, build.spec(), 1)
    assert since(account) == (1, 10.0)
    before = account.calls, account.seconds
    hosts.consume(3, {"MEMORY_MB": 1})
    hosts.consume(4, {"MEMORY_MB": 1})
    line.place(hosts, build.spec(), 1)
    calls, seconds = since(account, before)
    assert seconds == 3.0
    assert calls == (1 if form == "weigh" else 3), "without a scalar form, each is asked about by itself"


def test_what_is_not_asked_is_not_counted(build, work):
    line, hosts = build.pipeline([build.plugin("Idle", host_passes=lambda state, _: True)]), build.table(3)
    for _ in range(5):
        line.place(hosts, build.spec(), 1)
    assert line.plugins[0].account.calls == 1, "no claim changes what it reads"


def test_faults_and_the_breaker_are_told_by_the_account(build, breakers, clock):
    """F21: alarm, account and breaker, and all of it is over when the plug-in is well."""
    ill = [True]
    plugin = build.plugin("Moody", host_passes=lambda state, _: 1 / 0 if ill[0] else True)
    line, hosts = build.pipeline([plugin], breakers=breakers), build.table(4)
    (loaded,) = line.plugins
    for _ in range(3):
        line.place(hosts, build.spec(), 1)
    told = loaded.told()
    assert (told.breaker, told.last_fault) == ("open", "ZeroDivisionError: division by zero")
    assert told.faults >= 3 * 4, "each host's"
    assert breakers.alarms() == ["filter Moody is switched off after faults: ZeroDivisionError: division by zero"]
    line.place(hosts, build.spec(), 1)
    assert (loaded.told().calls, loaded.told().faults) == (told.calls, told.faults), "it is not called"
    ill[0], clock.now = False, clock.now + 60
    assert line.place(hosts, build.spec(), 1)[0].host is not None
    assert loaded.told().breaker == "closed"
    assert (loaded.told().faults, breakers.alarms()) == (told.faults, []), "the count stays"


def test_the_plug_ins_of_a_pipeline_are_its_filters_and_weighers(build):
    filters = [build.plugin("F", host_passes=lambda state, _: True)]
    line = build.pipeline(filters, [build.by_name({})])
    assert [one.name for one in line.plugins] == ["F", "ByName"]
    assert line.twin().plugins is line.plugins
    assert [one.account.breaker.plugin for one in line.plugins] == ["filter F", "weigher ByName"]
