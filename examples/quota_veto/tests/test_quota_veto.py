"""QuotaVeto: the contract, a table of hours and requests, and what it does not ask for nothing."""

from datetime import datetime

import pytest
from quota_veto import QuotaVeto

from corenova import loader
from corenova.exceptions import PluginError, Vetoed
from corenova.objects.context import RequestContext
from corenova.testing.builders import request
from corenova.testing.cloud import PROJECT
from corenova.testing.configuration import configuration
from corenova.testing.suites import HookSuite


class TestContract(HookSuite):
    plugin = QuotaVeto
    ini = {"QuotaVeto": {"cores": "p:4", "office_hours": "00:00-00:00"}}


def veto(now="12:00", **options):
    """Return the hook with these options at this time of day."""
    conf = configuration({"QuotaVeto": {"cores": "lab-a:8,id-b:4", **options}})
    found = loader.load_one(conf, loader.HOOKS, loader.give(conf, loader.HOOKS, QuotaVeto)).object
    found._clock = lambda zone: datetime.fromisoformat(f"2026-11-30T{now}").replace(tzinfo=zone)
    return found


def asked(hook, *, project="lab-a", vcpus=2, count=1, used=0):
    """Return what the hook says to a request for ``count`` servers."""
    context = RequestContext(request_id="req", user_id="u", project_id=f"id-{project[-1]}", project_name=project)
    return hook.api_create_pre(context, request(vcpus=vcpus), count, lambda: {"cores": used, "instances": 1, "ram": 1})


@pytest.mark.parametrize(
    ("who", "is_refused"),
    [
        ({"count": 4}, False),
        ({"count": 5}, True),
        ({"used": 6}, False),
        ({"used": 7}, True),
        ({"project": "lab-b", "used": 2}, False),
        ({"project": "lab-b", "used": 3}, True),
        ({"project": "lab-c", "used": 999}, False),
    ],
)
def test_who_may_have_how_many_cores(who, is_refused):
    assert (asked(veto(), **who) is not None) is is_refused


@pytest.mark.parametrize(
    ("hours", "now", "holds"),
    [
        ("08:00-18:00", "07:59", False),
        ("08:00-18:00", "08:00", True),
        ("08:00-18:00", "17:59", True),
        ("08:00-18:00", "18:00", False),
        ("22:00-06:00", "23:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "12:00", False),
        ("00:00-00:00", "03:00", True),
    ],
)
def test_when_it_holds(hours, now, holds):
    assert (asked(veto(now, office_hours=hours), used=99) is not None) is holds


def test_the_reason_says_the_rule_what_is_used_and_what_was_asked():
    assert asked(veto(time_zone="Europe/Berlin"), count=2, used=6) == (
        "Project lab-a may use 8 cores between 08:00 and 18:00 (Europe/Berlin); it uses 6 and this request asks for 4 "
        "more. Ask for fewer, wait, or delete some."
    )
    always = asked(veto(office_hours="00:00-00:00"), count=2, used=6)
    assert always.startswith("Project lab-a may use 8 cores; it uses 6") and "wait" not in always


@pytest.mark.parametrize(("project", "now"), [("lab-c", "12:00"), ("lab-a", "20:00")])
def test_the_database_is_not_asked_for_nothing(project, now):
    def usage():
        raise AssertionError("asked")

    context = RequestContext(request_id="req", user_id="u", project_id="x", project_name=project)
    assert veto(now).api_create_pre(context, request(), 1, usage) is None


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"cores": "lab-a:many"}, "lab-a:many is no number of cores"),
        ({"cores": "lab-a:-1"}, "no number of cores"),
        ({"office_hours": "8 to 6"}, "is not like 08:00-18:00"),
        ({"office_hours": "08:00-25:00"}, "is not like"),
        ({"time_zone": "Mars/Olympus"}, "time_zone = Mars/Olympus"),
        ({"time_zone": "../../etc/passwd"}, "is not known here"),
    ],
)
def test_an_option_that_cannot_be_read_stops_the_start(options, what):
    with pytest.raises(PluginError, match=what):
        veto(**options)


@pytest.mark.cloud(hooks=[QuotaVeto], ini={"QuotaVeto": {"cores": f"{PROJECT}:2", "office_hours": "00:00-00:00"}})
def test_a_lab_that_has_its_share_is_refused_until_it_gives_some_back(cloud):
    first, _ = servers = cloud.create_servers(2)
    cloud.wait_active(*servers)
    with pytest.raises(Vetoed, match="may use 2 cores; it uses 2 and this request asks for 1 more"):
        cloud.create_server()
    cloud.delete_server(first)
    cloud.wait_active(cloud.create_server())
