"""What operators add to hosts decides where servers go, over reports and restarts; and a no is told in numbers."""

import pytest
import sqlalchemy as sa

from corenova.db import hosts, providers, schema
from corenova.objects.host_state import Inventory
from corenova.objects.request_spec import Flavor

LICENSED = Flavor(
    flavorid="9", name="licensed", vcpus=1, memory_mb=64, root_gb=1, extra_specs={"resources:CUSTOM_LICENCE": "1"}
)
FILE = """
meta: {schema_version: "1.0"}
providers:
  - identification: {name: fake-013}
    inventories: {additional: [{CUSTOM_LICENCE: {total: 1}}]}
    traits: {additional: [CUSTOM_LICENSED]}
"""


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "licences.yaml").write_text(FILE)
    return folder


def test_a_class_from_a_file_is_claimed_where_it_is_and_only_as_often_as_it_is(make_cloud, files):
    cloud = make_cloud({"compute": {"provider_config_location": files}})
    row = cloud.db.read(lambda c: hosts.snapshot(c, down_time_s=60, hosts=["fake-013"]))[0]
    assert "CUSTOM_LICENSED" in row.facts.traits
    first = cloud.create_server(flavor=LICENSED)
    cloud.wait_for(first)
    assert cloud.server(first).host == "fake-013"
    second = cloud.create_server(flavor=LICENSED)
    cloud.wait_for(second, "error")
    assert cloud.server(second).fault_message.startswith("No valid host was found. Of 20 hosts, Capacity refused 20.")


def test_a_server_that_fits_nowhere_tells_operators_the_count_of_each_stage(cloud):
    uuid = cloud.create_server(flavor=LICENSED)
    cloud.wait_for(uuid, "error")
    row = cloud.server(uuid)
    told = row.fault_details.splitlines()
    assert row.fault_message.startswith(told[0])
    assert "HostEnabled: 20 of 20 hosts passed" in told
    assert "Capacity: 0 of 20 hosts passed" in told
    assert cloud.events(uuid)[0].details.splitlines()[0] == told[0]


def test_what_an_administrator_gives_is_seen_by_the_scheduler_and_stays_over_a_restart(cloud):
    nodes = schema.compute_nodes.c

    def give(connection: sa.Connection) -> None:
        uuid = connection.execute(sa.select(nodes.uuid).where(nodes.host == "fake-007")).scalar()
        node = providers.find(connection, uuid, lock=True)
        providers.set_inventory(connection, node, "CUSTOM_LICENCE", Inventory(total=2))

    cloud.wait_for(cloud.create_server())  # the scheduler has its picture of the hosts
    cloud.db.write("test", give)
    first = cloud.create_server(flavor=LICENSED)
    cloud.wait_for(first)
    cloud.restart()
    second = cloud.create_server(flavor=LICENSED)
    cloud.wait_for(second)
    assert {cloud.server(uuid).host for uuid in (first, second)} == {"fake-007"}
