"""Races that Nova's rechecks guard, decided here by compare-and-swap: the last slot, the last quota, group policies."""

import uuid as uuids_of

import pytest

from corenova.db import groups
from corenova.exceptions import OverQuota
from corenova.testing.cloud import PROJECT
from tests.races import at_once


def make_group(cloud, policy, rules=None):
    group = str(uuids_of.uuid4())
    cloud.db.write(
        "test",
        lambda c: groups.create(
            c, uuid=group, project_id=PROJECT, user_id="u", name=policy, policy=policy, rules=rules or {}, limit=-1
        ),
    )
    return group


def test_quota_lets_exactly_as_many_through_as_it_says(make_cloud):
    cloud = make_cloud({"quota": {"instances": 25}})
    outcomes = at_once(40, lambda n: cloud.create_server())
    assert sum(isinstance(o, str) for o in outcomes) == 25
    assert sum(isinstance(o, OverQuota) for o in outcomes) == 15


def test_the_last_slots_are_given_once(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 5, "ram_mb": 640}, "conductor": {"workers": 4}})
    at_once(16, lambda n: cloud.create_servers(5))
    cloud.wait_settled()
    states = [row.vm_state for row in cloud.servers()]
    assert (states.count("active"), states.count("error")) == (50, 30)


def test_parallel_requests_cannot_break_anti_affinity(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 6}, "conductor": {"workers": 4}})
    group = make_group(cloud, "anti-affinity")
    at_once(8, lambda n: cloud.create_server(instance_group_uuid=group))
    cloud.wait_settled()
    rows = cloud.servers()
    hosts = [row.host for row in rows if row.vm_state == "active"]
    assert sorted(hosts) == [f"fake-{n:03}" for n in range(1, 7)]
    errors = [row.fault_message for row in rows if row.vm_state == "error"]
    assert len(errors) == 2
    assert all("ServerGroupAntiAffinityFilter" in message for message in errors)


def test_parallel_requests_cannot_break_affinity(make_cloud):
    cloud = make_cloud({"conductor": {"workers": 4}})
    group = make_group(cloud, "affinity")
    at_once(8, lambda n: cloud.create_server(instance_group_uuid=group))
    cloud.wait_settled()
    assert len({row.host for row in cloud.servers()}) == 1


def test_max_server_per_host_is_kept_in_one_request_and_over_several(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 3}})
    group = make_group(cloud, "anti-affinity", {"max_server_per_host": 2})
    cloud.wait_for(cloud.create_servers(5, instance_group_uuid=group))
    cloud.wait_for(cloud.create_server(instance_group_uuid=group))
    cloud.wait_for(cloud.create_server(instance_group_uuid=group), "error")
    hosts = [row.host for row in cloud.servers() if row.host]
    assert sorted(hosts.count(name) for name in set(hosts)) == [2, 2, 2]


def test_an_alternate_must_satisfy_the_group_too(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 3, "spawn_failure_hosts": "fake-001"}})
    group = make_group(cloud, "anti-affinity")
    at_once(2, lambda n: cloud.create_server(instance_group_uuid=group))
    cloud.wait_settled()
    assert sorted(row.host for row in cloud.servers()) == ["fake-002", "fake-003"]


def test_soft_anti_affinity_spreads_and_then_doubles_up(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 3}})
    group = make_group(cloud, "soft-anti-affinity")
    for _ in range(6):
        cloud.wait_for(cloud.create_server(instance_group_uuid=group))
    hosts = [row.host for row in cloud.servers()]
    assert sorted(hosts.count(name) for name in set(hosts)) == [2, 2, 2]


def test_a_full_group_refuses_more_members(make_cloud):
    cloud = make_cloud({"quota": {"server_group_members": 3}})
    group = make_group(cloud, "soft-affinity")
    outcomes = at_once(5, lambda n: cloud.create_server(instance_group_uuid=group))
    assert sum(isinstance(o, OverQuota) for o in outcomes) == 2


@pytest.mark.parametrize("schedulers", [2])
def test_two_schedulers_share_the_hosts_without_overcommit(make_cloud, schedulers):
    """Two processes' worth of schedulers: each has its own picture, the database decides."""
    cloud = make_cloud({"fake": {"hosts": 4, "ram_mb": 640}, "conductor": {"workers": 4}})
    with cloud.another("scheduler"):
        at_once(12, lambda n: cloud.create_servers(5))
        cloud.wait_settled()
    states = [row.vm_state for row in cloud.servers()]
    assert (states.count("active"), states.count("error")) == (40, 20)
