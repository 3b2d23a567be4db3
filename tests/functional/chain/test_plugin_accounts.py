"""What services tell of their plug-ins while they run, and that it is gone when they stop."""

import pytest
import sqlalchemy as sa

from corenova import loader
from corenova.cmd import plugin_list
from corenova.db import plugin_accounts, schema, services
from corenova.rpc.transport import Caller
from tests.distributions import Installer

COUNTING = """
from corenova.contracts.hooks import hookimpl

class Listening:
    contract_version = (1, 0)

    @hookimpl
    def service_started(self, binary, host):
        pass
"""
BROKEN = "import no_such_module\n"


@pytest.fixture
def cloud(make_cloud, tmp_path, monkeypatch):
    """A cloud with a hook plug-in, and a filter and a hook plug-in that cannot be loaded and are optional."""
    install = Installer(tmp_path, monkeypatch)
    install("listening-dist", COUNTING, "Listening", group=loader.HOOKS)
    install("broken-dist", BROKEN, "BrokenFilter")
    ini = {
        "plugins": {"enabled_hooks": "Listening, GoneHook", "optional": "BrokenFilter, GoneHook"},
        "filter_scheduler": {"enabled_filters": "ComputeFilter, BrokenFilter"},
    }
    return make_cloud(ini)


def told(cloud):
    return cloud.db.read(lambda connection: plugin_accounts.told(connection, down_time_s=60.0))


def test_each_service_tells_of_what_it_uses(cloud):
    names = {one.binary: {account.name for account in one.accounts} for one in told(cloud)}
    backends = {"embedded"}
    hooks = {"Listening", "GoneHook"}
    assert names.keys() == {services.COMPUTE, services.CONDUCTOR, services.SCHEDULER}
    assert names[services.COMPUTE] == {"fake", *hooks}
    assert names[services.CONDUCTOR] == {*backends, *hooks}
    assert names[services.SCHEDULER] >= {"ComputeFilter", "BrokenFilter", "RAMWeigher", *hooks}

    seen = {one.name: one for one in plugin_list.Seen(cloud.conf(), cloud.db).describe() if one.enabled}
    listening = seen["Listening"]
    assert (listening.distribution, listening.version, listening.contract) == ("listening-dist", "1.0", "1.0")
    assert (listening.loaded, listening.reason, listening.breaker) == (True, None, "closed")
    assert {(one.binary, one.loaded) for one in listening.services} == {(binary, True) for binary in names}
    broken = seen["BrokenFilter"]
    assert (broken.distribution, broken.loaded, broken.calls) == ("broken-dist", False, None)
    assert broken.reason.startswith("nova-scheduler on test-host: Plug-in BrokenFilter (broken_dist:BrokenFilter) of ")
    assert broken.reason.endswith("Install what broken-dist needs, or take BrokenFilter out of that option.")
    assert (seen["GoneHook"].distribution, seen["GoneHook"].loaded) == (None, False)


def test_what_is_left_out_is_an_alarm_of_the_services_that_would_use_it(cloud):
    rows = cloud.db.read(lambda connection: services.list_services(connection, down_time_s=60.0))
    alarms = {row.binary: {alarm.partition(": ")[0] for alarm in row.alarms.split("\n")} for row in rows}
    of_all = {"hook plug-in GoneHook is left out"}
    assert alarms[services.SCHEDULER] == {"filter BrokenFilter is left out", *of_all}
    assert (alarms[services.COMPUTE], alarms[services.CONDUCTOR]) == (of_all, of_all)


def test_a_service_that_stops_takes_its_accounts_with_it_and_one_of_an_earlier_version_tells_nothing(cloud):
    (before,) = [one for one in told(cloud) if one.binary == services.COMPUTE]
    cloud.stop("scheduler", "compute")
    assert {one.binary for one in told(cloud)} == {services.CONDUCTOR}
    old = Caller(cloud.parts("test").transport, "conductor", namespace="conductor")
    who = {"address": before.address, "incarnation": before.incarnation}
    assert old.call("heartbeat", timeout_s=5, **who) is True
    old.call("withdraw_compute", timeout_s=5, **who)
    cloud.start("scheduler", "compute")
    assert len(told(cloud)) == 3
    rows = cloud.db.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(schema.plugin_accounts)).scalar())
    assert rows == 3
