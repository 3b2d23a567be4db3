"""Faults that a review found, each as the story that showed it."""

import threading

import pytest
from oslo_db import exception as db_error

from corenova.db.engine import Database
from corenova.exceptions import Conflict
from corenova.objects.host_state import HostReport
from corenova.objects.plugin_account import ServiceReport
from corenova.objects.states import Step
from corenova.objects.work import Report, Result
from corenova.rpc.conductor import ConductorAPI


def conductor(cloud):
    return ConductorAPI(cloud.parts("test").transport, timeout_s=10)


@pytest.mark.parametrize("count", [1, 3])
def test_a_commit_whose_answer_is_lost_creates_no_second_server(cloud, monkeypatch, count):
    real, lost = Database._write_once, []

    def once(self, name, work):
        result = real(self, name, work)
        if name == "api.create" and not lost:
            lost.append(name)
            raise db_error.DBConnectionError("the connection broke in COMMIT")
        return result

    monkeypatch.setattr(Database, "_write_once", once)
    uuids = cloud.create_servers(count)
    assert lost
    cloud.wait_for(uuids)
    assert sorted(row.uuid for row in cloud.servers()) == sorted(uuids)


def test_a_member_of_an_affinity_group_is_rescheduled(make_cloud):
    from tests.functional.chain.test_races import make_group

    cloud = make_cloud({"fake": {"hosts": 3, "spawn_failure_hosts": "fake-001"}})
    uuid = cloud.create_server(instance_group_uuid=make_group(cloud, "affinity"))
    cloud.wait_for(uuid)
    assert cloud.server(uuid).host != "fake-001"


def test_a_wish_that_cannot_be_read_does_not_keep_others_from_being_built(cloud):
    cloud.stop("conductor")
    uuids = cloud.create_servers(5)
    cloud.db.write(
        "test", lambda c: c.exec_driver_sql("UPDATE instances SET spec = '{\"flavor\": 1}' WHERE uuid = ?", (uuids[2],))
    )
    cloud.start("conductor")
    cloud.wait_for(uuids[:2] + uuids[3:])
    cloud.wait_for(uuids[2], "error")
    assert "cannot be read" in cloud.server(uuids[2]).fault_message
    cloud.delete(uuids[2])


def test_a_second_compute_cannot_take_the_hosts_of_one_that_lives(cloud):
    with pytest.raises(Conflict, match="fake-001 is served by the compute"):
        report = HostReport(host="fake-001", hypervisor_type="fake", hypervisor_version=1)
        conductor(cloud).register_compute("somebody-else", "x", [report], ServiceReport())


def test_a_compute_speaks_for_its_own_hosts_only(cloud):
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    row = cloud.server(uuid)
    false = Report(
        instance_uuid=uuid, generation=row.generation, host=row.host, step=Step.DELETE, result=Result.DONE
    )  # fmt: skip
    assert conductor(cloud).report_work("somebody-else", [false]) == []
    assert cloud.server(uuid).vm_state == "active"


def test_a_report_that_arrives_twice_at_once_counts_once(make_cloud):
    cloud = make_cloud({"fake": {"power_latency_s": 2}})
    kept, gone = cloud.create_servers(2)
    cloud.wait_for([kept, gone])
    cloud.stop("compute")
    cloud.db.write("test", lambda c: c.exec_driver_sql("UPDATE services SET last_seen_at = 1e12"))
    cloud.delete(gone)
    row = cloud.server(gone)
    done = Report(
        instance_uuid=gone, generation=row.generation, host=row.host, step=Step.DELETE, result=Result.DONE
    )  # fmt: skip
    address = cloud.parts("test").name
    senders = [threading.Thread(target=conductor(cloud).report_work, args=(address, [done])) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert cloud.server(gone).deleted
    cloud.start("compute")
    cloud.wait(lambda: set(cloud.guests()) == {kept}, what="the guest that nobody destroyed is reaped")


def test_a_reset_does_not_cancel_a_delete(make_cloud):
    cloud = make_cloud()
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.stop("conductor")
    cloud.delete(uuid)
    with pytest.raises(Conflict, match="deleting"):
        cloud.reset_state(uuid, "active")
    cloud.start("conductor")
    cloud.wait_for(uuid, "deleted")


def test_an_action_that_is_never_done_ends_with_the_reason(make_cloud):
    cloud = make_cloud({"conductor": {"build_deadline_s": 2}, "fake": {"power_latency_s": 30}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.action(uuid, Step.STOP)
    cloud.wait(lambda: cloud.server(uuid).step is None, what="the stop is given up")
    assert (cloud.server(uuid).vm_state, cloud.server(uuid).task_state) == ("active", None)
    assert "not done by its deadline" in cloud.server(uuid).fault_message
