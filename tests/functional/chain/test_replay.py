"""A decision of a running cloud is made again on what it was made on: the same host, or what another ini would do."""

import json
from uuid import uuid4

import pytest

from corenova.cmd.manage import main
from corenova.db import groups
from corenova.db.schema import fleet_records
from corenova.objects.request_spec import Flavor

LARGE = Flavor(flavorid="9", name="m1.large", vcpus=16, memory_mb=65536, root_gb=1)


@pytest.fixture
def replay(make_cloud, capsys):
    """Give a cloud in which servers were created, and a function that replays the decision on one of them."""
    cloud = make_cloud({"scheduler": {"refresh_interval_s": "0.05"}})

    def run(uuid, ini="", *, code=0):
        file = cloud.path / "other.conf"
        file.write_text(ini)
        files = ["--config-file", str(cloud.path / "test-host.conf"), "--config-file", str(file)]
        assert main.run([*files, "replay", uuid, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return cloud, run


def test_a_decision_made_again_is_the_same(replay):
    cloud, run = replay
    uuids = cloud.create_servers(5) + cloud.create_servers(3, flavor=LARGE)
    cloud.wait_for(uuids)
    cloud.stop("scheduler")  # which writes what it has
    for uuid in uuids:
        told = run(uuid)
        assert (told["differences"], told["now"]["host"]) == ([], cloud.server(uuid).host)
        assert told["hosts"] == 20


def test_another_ini_shows_what_it_would_change(replay):
    cloud, run = replay
    first = cloud.create_servers(4)
    cloud.wait_for(first)
    second = cloud.create_server()
    cloud.wait_for(second)
    cloud.stop("scheduler")
    packed = "[filter_scheduler]\nweight_classes = RAMWeigher\nram_weight_multiplier = -1\n"
    told = run(second, packed, code=1)
    taken = {cloud.server(uuid).host for uuid in first}
    assert told["then"]["host"] not in taken and told["now"]["host"] in taken
    assert told["differences"][0]["what"] == "host"
    assert any(one["what"] == "weight RAMWeigher" for one in told["differences"])


def test_a_group_is_what_it_was(replay):
    cloud, run = replay
    group = str(uuid4())
    cloud.db.write(
        "test",
        lambda c: groups.create(
            c, uuid=group, project_id="p", user_id="u", name="g", policy="anti-affinity", rules={}, limit=-1
        ),
    )
    uuids = cloud.create_servers(4, instance_group_uuid=group)
    cloud.wait_for(uuids)
    cloud.stop("scheduler")
    assert all(run(uuid)["differences"] == [] for uuid in uuids)


def test_what_is_not_recorded_is_said_in_one_line(replay, capsys):
    cloud, _ = replay
    uuid = cloud.create_server()
    cloud.wait_for(uuid)
    cloud.stop("scheduler")
    cloud.db.write("test", lambda connection: connection.execute(fleet_records.delete()))
    assert main.run(["--config-file", str(cloud.path / "test-host.conf"), "replay", uuid]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no longer kept" in line and "decision_retention" in line
