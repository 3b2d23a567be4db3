"""Scheduler hints and hosts of choice: what a create hands on to the scheduler, and what it refuses."""

import pytest

from corenova.db import instances, schema
from corenova.objects.request_spec import RequestSpec

IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"
ONE = "aaaaaaaa-0000-4000-8000-0000000000f1"
TWO = "aaaaaaaa-0000-4000-8000-0000000000f2"


def _spec(cloud, server_id: str) -> RequestSpec:
    i = schema.instances.c
    text = cloud.db.read(lambda c: c.execute(schema.instances.select().where(i.uuid == server_id)).one().spec)
    return instances.decode_spec(text)


def _create(cloud, *, key: str = "os:scheduler_hints", hints: object = None, token: str = "member", **server):
    body = {"server": {"name": "vm", "imageRef": IMAGE, "flavorRef": "1", "networks": "none", **server}}
    return cloud.post("/servers", body if hints is None else body | {key: hints}, token=token)


ACCEPTED = [
    ({"different_host": ONE}, {"different_host": ONE}),
    ({"different_host": [ONE, TWO]}, {"different_host": [ONE, TWO]}),
    ({"same_host": ONE}, {"same_host": ONE}),
    ({"same_host": []}, {"same_host": []}),
    ({"query": '[">=","$free_ram_mb",1024]'}, {"query": '[">=","$free_ram_mb",1024]'}),
    ({"query": ["and", ["=", "$host", "h"], ["not", False]]}, {"query": '["and",["=","$host","h"],["not",false]]'}),
    ({"query": "[]"}, {"query": "[]"}),
    ({"target_cell": "cell1"}, {"target_cell": "cell1"}),
    ({"build_near_host_ip": "10.0.0.9"}, {"build_near_host_ip": "10.0.0.9"}),
    ({"build_near_host_ip": "fd00::9", "cidr": "/64"}, {"build_near_host_ip": "fd00::9", "cidr": "/64"}),
    ({"own": {"deep": [1, None]}, "reservation": "x"}, {"own": {"deep": [1, None]}, "reservation": "x"}),
    ({"_nova_check_type": ["rebuild"]}, {}),
    ({}, {}),
]


@pytest.mark.parametrize(("hints", "kept"), ACCEPTED)
@pytest.mark.parametrize("key", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
def test_hints_reach_the_scheduler(cloud, key, hints, kept):
    answer = _create(cloud, key=key, hints=hints)
    assert answer.status_code == 202, answer.text
    assert _spec(cloud, answer.json["server"]["id"]).scheduler_hints == kept


REFUSED = [
    ("text", "'text' is not of type 'object'"),
    (["different_host"], "is not of type 'object'"),
    ({"group": "web"}, "group"),
    ({"group": [ONE, TWO]}, "group"),
    ({"group": []}, "group"),
    ({"group": 7}, "group"),
    ({"different_host": "host1"}, "different_host"),
    ({"different_host": [ONE, "host1"]}, "different_host"),
    ({"different_host": {"a": 1}}, "different_host"),
    ({"same_host": 5}, "same_host"),
    ({"same_host": "host1"}, "same_host"),
    ({"different_host": [ONE] * 513}, "different_host"),
    ({"query": 5}, "query"),
    ({"query": {"a": 1}}, "query"),
    ({"query": "[>="}, "The scheduler hint query is no JSON"),
    ({"query": "[" * 30_000}, "The scheduler hint query is no JSON"),
    ({"query": '"text"'}, "The scheduler hint query is no list of an operator and its arguments."),
    ({"query": '["~=", 1, 2]'}, "The scheduler hint query has the unknown operator '~='; there are =, <, >"),
    ({"query": ["and", ["xor", 1, 2]]}, "unknown operator 'xor'"),
    ({"query": '["not",' * 30 + "1" + "]" * 30}, "nested more than 20 deep"),
    ({"target_cell": ["a"]}, "target_cell"),
    ({"different_cell": 1}, "different_cell"),
    ({"build_near_host_ip": "rack7"}, "build_near_host_ip"),
    ({"build_near_host_ip": "10.0.0.9", "cidr": "24"}, "cidr"),
    ({"build_near_host_ip": "10.0.0.9", "cidr": 24}, "cidr"),
    ({"build_near_host_ip": "10.0.0.9", "cidr": "/99"}, "name no network: 10.0.0.9/99"),
    ({f"h{n}": "x" for n in range(65)}, "too many properties"),
    ({"own": "x" * 33_000}, "The scheduler hints are 33010 bytes together, more than 32768."),
]


@pytest.mark.parametrize(("hints", "sentence"), REFUSED)
def test_a_hint_that_cannot_be_meant_is_refused(cloud, hints, sentence):
    answer = _create(cloud, hints=hints)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json["badRequest"]["message"]
    assert cloud.get("/servers").json["servers"] == []


def test_a_forced_host_and_a_requested_one_are_two_things(cloud):
    """``az:host`` skips the filters; ``host`` (2.74) only says which host they are asked about."""
    forced = _spec(cloud, cloud.boot(availability_zone="nova:host1", token="admin"))
    assert (forced.force_hosts, forced.requested_host) == (("host1",), None)
    node = _spec(cloud, cloud.boot(availability_zone="nova::host1", token="admin"))
    assert (node.force_nodes, node.requested_host) == (("host1",), None)
    for choice in (
        {"host": "host2"},
        {"hypervisor_hostname": "host2"},
        {"host": "host2", "hypervisor_hostname": "host2"},
    ):
        asked = _spec(cloud, cloud.boot(token="admin", **choice))
        assert (asked.force_hosts, asked.force_nodes, asked.requested_host) == ((), (), "host2")
    zoned = _spec(cloud, cloud.boot(host="host2", availability_zone="nova", token="admin"))
    assert (zoned.availability_zone, zoned.requested_host) == ("nova", "host2")


def test_hosts_of_choice_that_contradict_each_other_are_refused(cloud):
    for choice, sentence in (
        ({"host": "host1", "availability_zone": "nova:host1"}, "mutually exclusive"),
        ({"host": "host1", "hypervisor_hostname": "host2"}, "Host host1 has no hypervisor host2."),
        ({"host": "host1", "availability_zone": "mars"}, "availability zone is not available"),
    ):
        answer = _create(cloud, token="admin", **choice)
        assert answer.status_code == 400
        assert sentence in answer.json["badRequest"]["message"]


def test_the_default_zone_does_not_contradict_a_host_of_choice(cloud):
    cloud.conf.set_override("default_schedule_zone", "east")
    assert _spec(cloud, cloud.boot(host="host2", token="admin")).availability_zone is None
