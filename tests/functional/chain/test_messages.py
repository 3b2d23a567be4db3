"""Messages are hints: lost, doubled, late and overtaken ones cost time and nothing else (F4, F5, F9)."""

from corenova.objects.states import Step
from corenova.rpc.faults import DELIVER, DROP, SeededFaults

HINTS = (
    "schedule_and_build_instances", "build_and_run_instance", "terminate_instance", "stop_instance", "start_instance",
)  # fmt: skip


def spawned(cloud):
    """How often each server was spawned, by the fake driver's own journal."""
    from collections import Counter

    from corenova_drivers.fake_store import read_history

    return Counter(record["uuid"] for record in read_history(str(cloud.path / "state")) if record["op"] == "spawn")


def test_when_every_hint_is_lost_the_sweeper_and_the_computes_find_the_work(cloud):
    lost = []

    def plan(passing):
        if passing.method in HINTS:
            lost.append(passing.method)
            return DROP
        return DELIVER

    with cloud.faults(plan):
        uuids = cloud.create_servers(30)
        cloud.wait_for(uuids)
        cloud.action(uuids[0], Step.STOP)
        cloud.wait_for(uuids[0], "stopped")
        for uuid in uuids:
            cloud.delete(uuid)
        cloud.wait_for(uuids, "deleted")
    assert {"schedule_and_build_instances", "build_and_run_instance", "terminate_instance"} <= set(lost)


def test_doubled_late_and_reordered_messages_build_each_server_once(make_cloud):
    cloud = make_cloud({"fake": {"keep_history": True}})
    plan = SeededFaults(7, duplicate=0.4, delay=0.3, reorder=0.2, max_delay_s=0.3)
    with cloud.faults(plan):
        uuids = [uuid for _ in range(30) for uuid in cloud.create_servers(3)]
        cloud.wait_for(uuids)
    assert plan.injected["duplicate"] > 5 and plan.injected["delay"] > 5
    assert set(cloud.guests()) == set(uuids)
    assert spawned(cloud) == dict.fromkeys(uuids, 1)


def test_lost_calls_and_replies_are_made_good(make_cloud):
    cloud = make_cloud({"fake": {"keep_history": True}})
    plan = SeededFaults(11, drop=0.15)
    with cloud.faults(plan):
        uuids = [uuid for _ in range(10) for uuid in cloud.create_servers(4)]
        cloud.wait_for(uuids, timeout_s=60)
    assert plan.injected["drop"] > 3
    assert set(cloud.guests()) == set(uuids)


def test_a_hint_from_long_ago_is_a_no_op(make_cloud):
    cloud = make_cloud({"fake": {"keep_history": True}})
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    parts = cloud.parts("test")
    from corenova.rpc.compute import ComputeAPI

    for step in (Step.BUILD, Step.DELETE, Step.STOP):
        assert ComputeAPI(parts.transport).hint(parts.name, step, [uuid])
    cloud._provisioner()._conductor.schedule_and_build_instances([uuid])
    other = cloud.create_server()
    cloud.wait_for(other)
    assert cloud.server(uuid).vm_state == "active"
    assert spawned(cloud) == {uuid: 1, other: 1}
