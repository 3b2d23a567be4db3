"""The process dies at every point of the pipeline, before and after every commit and every send (F1-F12, F25, F30).

The list of points is read from the source, so a new commit or a new verb is covered by being written.
"""

import contextlib
import re
from pathlib import Path

import pytest

import corenova
from corenova.crash import SimulatedCrash
from corenova.exceptions import CorenovaError

SOURCE = Path(corenova.__file__).parent
WRITES = re.compile(r"""(?:db|_db)\.write\(\s*\n?\s*"([a-z_.]+)\"""")
VERBS = ("schedule_and_build_instances", "select_destinations", "build_and_run_instance", "begin_work", "report_work")
OF_CREATE = ("api.create", "conductor.", "scheduler.claim")


def _points() -> list[str]:
    names = {name for path in SOURCE.rglob("*.py") for name in WRITES.findall(path.read_text())}
    return sorted(names)


POINTS = _points()
IN_A_CREATE = [
    f"{name}.{side}"
    for name in [
        *(f"rpc.{verb}" for verb in VERBS),
        "api.create", "conductor.take_scheduling", "scheduler.claim", "conductor.begin_work", "conductor.report",
    ]
    for side in ("before", "after")
]  # fmt: skip


def test_every_commit_of_the_create_path_is_among_the_points():
    assert {"api.create", "conductor.take_scheduling", "scheduler.claim", "conductor.begin_work"} <= set(POINTS)
    assert len(POINTS) >= 20


@pytest.mark.parametrize("point", IN_A_CREATE)
def test_a_crash_during_creates_loses_nothing(make_cloud, point):
    cloud = make_cloud({"fake": {"keep_history": True}})
    accepted = []
    with cloud.crash_at(point) as met:
        for _ in range(10):
            with contextlib.suppress(SimulatedCrash, CorenovaError):
                accepted += cloud.create_servers(2)
        assert met.wait(10), f"{point} was never passed"
        cloud.revive()
        cloud.wait_settled(timeout_s=30)
    rows = cloud.servers()
    assert set(accepted) <= {row.uuid for row in rows}
    assert {row.vm_state for row in rows} <= {"active"}
    cloud.wait(lambda: set(cloud.guests()) == {row.uuid for row in rows}, what="guests and rows agree")


IN_A_DELETE = [
    f"{name}.{side}"
    for name in ("api.delete", "rpc.terminate_instance", "conductor.begin_work", "conductor.report")
    for side in ("before", "after")
]


@pytest.mark.parametrize("point", IN_A_DELETE)
def test_a_crash_during_deletes_leaves_no_guest_and_no_claim(make_cloud, point):
    cloud = make_cloud()
    uuids = cloud.create_servers(6)
    cloud.wait_for(uuids)
    asked = []
    with cloud.crash_at(point) as met:
        for uuid in uuids:
            with contextlib.suppress(SimulatedCrash, CorenovaError):
                cloud.delete(uuid)
                asked.append(uuid)
        assert met.wait(10), f"{point} was never passed"
        cloud.revive()
        cloud.wait_settled(timeout_s=30)
    gone = {row.uuid for row in cloud.servers(deleted=True)}
    assert set(asked) <= gone
    cloud.wait(lambda: not gone & set(cloud.guests()), what="no guest of a deleted server is left")
