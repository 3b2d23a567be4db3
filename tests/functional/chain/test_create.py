"""Stories of a create: from the accepted request to a guest, to another host, or to a reason."""

import time

import pytest

from corenova.exceptions import OverQuota
from corenova.objects.request_spec import Flavor
from corenova.testing.cloud import NANO

BIG = Flavor(flavorid="9", name="m9.huge", vcpus=1, memory_mb=10**6, root_gb=1)


def details(cloud, uuid):
    """The operator's words for what went wrong, of all events."""
    return " | ".join(event.details or "" for event in cloud.events(uuid))


def test_a_server_becomes_active_with_a_guest_and_a_true_history(cloud):
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    row = cloud.server(uuid)
    assert cloud.guests() == {uuid: row.host}
    assert (row.task_state, row.power_state, row.launched_at > row.created_at) == (None, 1, True)
    (event,) = cloud.events(uuid)
    assert (event.event, event.result, event.host) == ("compute__do_build_and_run_instance", "Success", row.host)
    decision = cloud.decision(uuid)
    assert decision.host == row.host and len(decision.alternates) == 2
    assert [stage.name for stage in decision.stages][:7] == [
        "HostEnabled", "ForcedHost", "AvailabilityZone", "Tenant", "IsolatedAggregates", "Traits", "Capacity",
    ]  # fmt: skip


def test_a_hundred_in_one_request_are_spread_and_numbered(cloud):
    uuids = cloud.create_servers(100, name="web")
    cloud.wait_for(uuids)
    rows = [cloud.server(uuid) for uuid in uuids]
    assert sorted(row.display_name for row in rows) == sorted(f"web-{n}" for n in range(1, 101))
    assert len({row.host for row in rows}) == 20
    assert len({row.reservation_id for row in rows}) == 1


def test_what_fits_nowhere_ends_in_error_and_says_why(cloud):
    uuid = cloud.create_server(flavor=BIG)
    cloud.wait_for(uuid, "error")
    row = cloud.server(uuid)
    assert row.fault_message == (
        "No valid host was found. Of 20 hosts, Capacity refused 20. MEMORY_MB: 1000000 asked, at most 262144 free on "
        "any one host. With 737856 MEMORY_MB less, 262144 instead of 1000000, it fits on 20 hosts."
    )
    assert "fake-" not in row.fault_message
    told = row.fault_details.splitlines()
    assert "Capacity: 0 of 20 hosts passed" in told
    assert "No host is large enough even when empty. MEMORY_MB: 1000000 asked, 262144 at most." in told
    rejections = cloud.decision(uuid).rejections
    assert len(rejections) == 20
    assert rejections[0].reason == "262144 MEMORY_MB free, 1000000 asked"
    assert [e.result for e in cloud.events(uuid)] == ["Error"]
    cloud.delete(uuid)
    assert cloud.server(uuid).deleted


def test_a_host_that_cannot_build_is_left_for_an_alternate(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 3, "spawn_failure_hosts": "fake-001,fake-002"}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    assert cloud.server(uuid).host == "fake-003"
    assert [e.result for e in reversed(cloud.events(uuid))] == ["Error", "Error", "Success"]
    assert cloud.guests() == {uuid: "fake-003"}


def test_when_all_attempts_fail_the_server_says_what_the_last_one_said(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 5, "spawn_failure_hosts": "*"}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "error")
    row = cloud.server(uuid)
    assert row.fault_message.startswith("Exceeded maximum number of retries")
    assert "the hypervisor could not build it" in row.fault_message
    assert (row.host, row.attempts, cloud.guests()) == (None, 3, {})
    assert [e.result for e in cloud.events(uuid)] == ["Error"] * 3


def test_an_aborted_build_is_not_tried_elsewhere(make_cloud):
    cloud = make_cloud({"fake": {"spawn_abort_names": "doomed*"}})
    uuid = cloud.create_server(name="doomed")
    cloud.wait_for(uuid, "error")
    assert cloud.server(uuid).attempts == 1
    assert [e.result for e in cloud.events(uuid)] == ["Error"]


def test_failed_builds_make_a_host_unpopular(make_cloud):
    cloud = make_cloud({"fake": {"hosts": 2, "spawn_failure_hosts": "fake-001"}})
    cloud.wait_for(cloud.create_server())
    time.sleep(0.2)  # the scheduler's picture of the hosts may be 50 ms old
    for _ in range(3):
        uuid = cloud.create_server()
        cloud.wait_for(uuid)
        assert len(cloud.events(uuid)) == 1, "the host that failed was tried again"


def test_quota_counts_in_the_create_and_lowers_max_to_min(make_cloud):
    cloud = make_cloud({"quota": {"instances": 5}})
    assert len(cloud.create_servers(3)) == 3
    assert len(cloud.create_servers(4, min_count=1)) == 2
    with pytest.raises(OverQuota, match="Quota exceeded for instances: Requested 1, but already used 5 of 5"):
        cloud.create_server()
    cloud.wait_settled()
    cloud.delete(cloud.servers()[0].uuid)
    cloud.wait_settled()
    cloud.create_server()


@pytest.mark.parametrize(("limit", "flavor"), [("cores", NANO), ("ram", NANO)])
def test_cores_and_ram_count_too(make_cloud, limit, flavor):
    allowed = {"cores": 4, "ram": 4 * flavor.memory_mb}
    cloud = make_cloud({"quota": {limit: allowed[limit]}})
    cloud.create_servers(4, flavor=flavor)
    with pytest.raises(OverQuota, match=limit):
        cloud.create_server(flavor=flavor)


def test_a_forced_host_skips_filters_but_not_capacity(cloud):
    uuid = cloud.create_server(force_hosts=("fake-013",))
    cloud.wait_for(uuid)
    assert cloud.server(uuid).host == "fake-013"
    uuid = cloud.create_server(force_hosts=("fake-013",), flavor=BIG)
    cloud.wait_for(uuid, "error")
    assert "ForcedHost refused 19, Capacity refused 1" in cloud.server(uuid).fault_message


def test_with_no_compute_ever_seen_the_reason_is_not_empty(make_cloud):
    cloud = make_cloud()
    cloud.stop("compute")
    cloud.db.write("test", lambda c: [c.exec_driver_sql(f"DELETE FROM {t}") for t in ("compute_nodes", "inventories")])
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "error")
    assert cloud.server(uuid).fault_message == "No valid host was found. There are no hosts."
