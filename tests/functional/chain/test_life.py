"""Stories of a server's life after the create: power, deletes at any moment, resets, guests that die."""

import pytest

from corenova.exceptions import InstanceInvalidState, NotFound
from corenova.objects.states import PowerState, Step


def test_stop_start_and_reboot(cloud):
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.action(uuid, Step.STOP)
    cloud.wait_for(uuid, "stopped")
    assert cloud.server(uuid).power_state == PowerState.SHUTDOWN
    with pytest.raises(InstanceInvalidState, match="while it is in vm_state stopped"):
        cloud.action(uuid, Step.STOP)
    cloud.action(uuid, Step.START)
    cloud.wait_for(uuid)
    for step in (Step.REBOOT_SOFT, Step.REBOOT_HARD):
        cloud.action(uuid, step)
        cloud.wait_for(uuid)
    events = [(e.event, e.result) for e in reversed(cloud.events(uuid))]
    assert events[1:] == [
        ("compute_stop_instance", "Success"),
        ("compute_start_instance", "Success"),
        ("compute_reboot_instance", "Success"),
        ("compute_reboot_instance", "Success"),
    ]


def test_delete_leaves_nothing_but_history(cloud):
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.delete(uuid)
    cloud.wait_for(uuid, "deleted")
    assert cloud.guests() == {}
    assert cloud.server(uuid).terminated_at is not None
    assert cloud.decision(uuid) is None
    with pytest.raises(NotFound):
        cloud.delete(uuid)


def test_delete_wins_over_a_build_under_way(make_cloud):
    cloud = make_cloud({"fake": {"spawn_latency_s": 0.5}})
    uuids = cloud.create_servers(20)
    cloud.wait(lambda: any(row.step == Step.BUILD for row in map(cloud.server, uuids)))
    for uuid in uuids:
        cloud.delete(uuid)
    cloud.wait_for(uuids, "deleted")
    cloud.wait(lambda: not cloud.guests(), what="no guest is left")


def test_delete_before_anything_was_scheduled(cloud):
    cloud.stop("scheduler")
    uuid = cloud.create_server()
    cloud.delete(uuid)
    assert cloud.server(uuid).deleted
    cloud.start("scheduler")


def test_delete_on_a_host_that_is_down_is_done_at_once_and_the_guest_is_reaped_later(cloud):
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.stop("compute")
    cloud.delete(uuid)
    assert cloud.server(uuid).deleted
    cloud.start("compute")
    assert uuid in cloud.guests()
    cloud.wait(lambda: not cloud.guests(), what="the orphan is destroyed")


def test_an_operator_resets_a_lost_build(cloud):
    cloud.stop("conductor")
    uuid = cloud.create_server()
    cloud.reset_state(uuid, "error")
    row = cloud.server(uuid)
    assert (row.vm_state, row.task_state, row.step) == ("error", None, None)
    assert "given up" in row.fault_message
    cloud.start("conductor")


def test_a_guest_that_dies_takes_its_server_to_shutoff(make_cloud):
    cloud = make_cloud({"fake": {"die_after_s": 0.2}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid, "stopped")
    assert cloud.server(uuid).power_state == PowerState.SHUTDOWN


def test_a_power_cut_takes_servers_to_error_and_a_hard_reboot_brings_them_back(make_cloud, tmp_path):
    path = tmp_path / "cut"
    cloud = make_cloud(path=path)
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.stop()
    cloud = make_cloud({"fake": {"power_cut": True}}, path=path)
    cloud.wait_for(uuid, "error")
    assert "vanished" in cloud.server(uuid).fault_message
    cloud.action(uuid, Step.REBOOT_HARD)
    cloud.wait_for(uuid)
    assert cloud.guests() == {uuid: cloud.server(uuid).host}


def test_an_action_is_refused_while_another_is_under_way(make_cloud):
    cloud = make_cloud({"fake": {"power_latency_s": 0.5}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.action(uuid, Step.STOP)
    with pytest.raises(InstanceInvalidState, match="task_state powering-off"):
        cloud.action(uuid, Step.REBOOT_SOFT)
    cloud.wait_for(uuid, "stopped")


def test_a_restart_in_the_middle_of_builds_waits_for_the_hosts_to_come_back(make_cloud):
    cloud = make_cloud({"fake": {"spawn_latency_s": 1}})
    uuids = cloud.create_servers(10)
    cloud.wait(lambda: any(row.step == Step.BUILD for row in map(cloud.server, uuids)))
    cloud.restart()
    cloud.wait_for(uuids)


def test_deadlines_that_pass_while_nothing_runs_do_not_count(make_cloud):
    # Nor is a compute down that has only just come back.
    cloud = make_cloud({"conductor": {"build_deadline_s": 1}, "DEFAULT": {"service_down_time": 60}})
    cloud.stop("conductor", "scheduler", "compute")
    uuids = cloud.create_servers(3)
    cloud.wait(lambda: cloud.db.read(lambda c: c.exec_driver_sql(OVERDUE).scalar()) == 3, what="deadlines have passed")
    cloud.start("conductor", "scheduler", "compute")
    cloud.wait_for(uuids)


OVERDUE = "SELECT count(*) FROM instances WHERE deadline < (julianday('now') - 2440587.5) * 86400.0"


def test_a_build_past_its_deadline_ends_with_the_reason(make_cloud):
    cloud = make_cloud({"conductor": {"build_deadline_s": 2}, "fake": {"spawn_hang_names": "stuck*"}})
    uuid = cloud.create_server(name="stuck")
    cloud.wait_for(uuid, "error")
    assert "was still being built at its deadline" in cloud.server(uuid).fault_message


def test_a_host_that_stays_down_loses_its_builds_to_another(make_cloud):
    cloud = make_cloud({"fake": {"spawn_hang_names": "*"}})
    uuid = cloud.create_server()
    cloud.wait(lambda: cloud.server(uuid).step == Step.BUILD and cloud.server(uuid).owner)
    first = cloud.server(uuid).host
    cloud.stop("compute")
    cloud._ini["fake"] = {"name_prefix": "other-"}
    cloud.start("compute")
    # The new compute serves other hosts: nobody serves the first one any more.
    cloud.wait(lambda: cloud.server(uuid).host != first, what="the build is given to another host", timeout_s=60)


def test_a_decision_is_forgotten_with_time_and_the_server_stays(make_cloud):
    cloud = make_cloud({"scheduler": {"decision_retention": 2, "refresh_interval_s": 0.05}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    assert cloud.decision(uuid).host == cloud.server(uuid).host
    cloud.wait(lambda: cloud.decision(uuid) is None, what="the decision is forgotten")
    assert cloud.server(uuid).vm_state == "active"
