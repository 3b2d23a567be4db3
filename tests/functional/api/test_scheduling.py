"""GET /servers/{id}/os-scheduling: why a server is where it is, for its owner and for operators."""

import pytest

from corenova.api.views.servers import host_id
from corenova.db import decisions
from corenova.objects.decision import Decision, Refusal, Remedy, StageResult

STAGES = (StageResult("HostEnabled", 2, 2), StageResult("Capacity", 2, 1), StageResult("Odd", 1, 1, True))
PLACED = Decision(
    host="host1",
    stages=STAGES,
    weights={"RAMWeigher": 1.0, "total": 1.0},
    alternates=(("host2", "nova"),),
    candidates=2,
    revision=77,
)
NOWHERE = Decision(
    host=None,
    stages=(StageResult("HostEnabled", 2, 1), StageResult("Capacity", 1, 0)),
    refusals=(
        Refusal("HostEnabled", "disabled: the fan of host1 is broken", ("host1",)),
        Refusal("Capacity", "3 VCPU free, 4 asked", ("host2",)),
    ),
    remedies=(
        Remedy(kind="service", sentence="1 would take it.", hosts=1, host_names=("host1",), for_operators=True),
        Remedy(
            kind="reduce",
            sentence="With 1 VCPU less.",
            hosts=1,
            resource_class="VCPU",
            asked=4,
            fits=3,
            host_names=("host2",),
        ),
    ),
    summary="No valid host was found. Of 2 hosts, HostEnabled refused 1, Capacity refused 1.",
)


@pytest.fixture
def server(cloud):
    """Return what makes a server with a decision and returns the path of the resource."""

    def make(decision: Decision) -> str:
        server_id = cloud.boot()
        cloud.db.write("test", lambda connection: decisions.put(connection, [(server_id, decision)]))
        return f"/servers/{server_id}/os-scheduling"

    return make


def test_an_administrator_sees_hosts(cloud, server):
    assert cloud.get(server(PLACED), token="admin").json == {
        "scheduling": {
            "host": "host1",
            "summary": "",
            "candidates": 2,
            "revision": 77,
            "stages": [
                {"name": "HostEnabled", "asked": 2, "passed": 2, "lazily": False},
                {"name": "Capacity", "asked": 2, "passed": 1, "lazily": False},
                {"name": "Odd", "asked": 1, "passed": 1, "lazily": True},
            ],
            "weights": {"RAMWeigher": 1.0, "total": 1.0},
            "alternates": [{"host": "host2", "availability_zone": "nova"}],
            "remedies": [],
            "rejections": [],
        }
    }


def test_the_owner_sees_the_same_without_names_of_hosts(cloud, server):
    path = server(PLACED)
    seen = cloud.get(path).json["scheduling"]
    known = cloud.get(path, token="admin").json["scheduling"]
    assert seen["hostId"] == host_id("p-one", "host1")
    assert seen["alternates"] == [{"hostId": host_id("p-one", "host2"), "availability_zone": "nova"}]
    for key in ("summary", "candidates", "stages", "weights"):
        assert seen[key] == known[key]
    assert cloud.get(path, token="reader").json["scheduling"] == seen


def test_when_nothing_fits_operators_read_why_each_host_refused(cloud, server):
    path = server(NOWHERE)
    known = cloud.get(path, token="admin").json["scheduling"]
    assert (known["host"], known["summary"]) == (None, NOWHERE.summary)
    assert known["rejections"] == [
        {"host": "host1", "stage": "HostEnabled", "reason": "disabled: the fan of host1 is broken"},
        {"host": "host2", "stage": "Capacity", "reason": "3 VCPU free, 4 asked"},
    ]
    assert [(one["kind"], one["host_names"]) for one in known["remedies"]] == [
        ("service", ["host1"]),
        ("reduce", ["host2"]),
    ]
    answer = cloud.get(path)
    assert answer.json["scheduling"]["remedies"] == [
        {
            "kind": "reduce",
            "sentence": "With 1 VCPU less.",
            "hosts": 1,
            "resource_class": "VCPU",
            "asked": 4,
            "fits": 3,
        }
    ]
    assert answer.json["scheduling"]["rejections"] == [
        {"hostId": host_id("p-one", "host1"), "stage": "HostEnabled"},
        {"hostId": host_id("p-one", "host2"), "stage": "Capacity"},
    ]
    assert answer.json["scheduling"]["hostId"] == ""
    assert "host1" not in answer.text
    assert "fan" not in answer.text


def test_who_may_not_see_the_server_does_not_find_it(cloud, server):
    path = server(PLACED)
    assert cloud.get(path, token="stranger").status_code == 404
    assert cloud.get(path, token=None).status_code == 401
    assert cloud.get("/servers/nope/os-scheduling").status_code == 404


def test_without_a_decision_there_is_nothing_to_show(cloud):
    server_id = cloud.boot()
    answer = cloud.get(f"/servers/{server_id}/os-scheduling")
    assert answer.status_code == 404
    assert answer.json["itemNotFound"]["message"].startswith(f"No decision of the scheduler on server {server_id}")
