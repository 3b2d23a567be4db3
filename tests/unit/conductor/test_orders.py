"""Orders for rows of which some cannot be made: the others must not wait for them."""

from types import SimpleNamespace

import pytest

from corenova.conductor.tasks import orders
from corenova.contracts.backends import Backends
from corenova.exceptions import Unavailable
from corenova.objects.states import Step

FLAVOR = '{"flavorid":"1","name":"f","vcpus":1,"memory_mb":64,"root_gb":1}'
PORT = '[{"port_id":"p","network_id":"n","network_name":"net","mac":"m"}]'


def row(uuid, step, **columns):
    usual = {
        "display_name": "vm", "hostname": "vm", "project_id": "p", "user_id": "u", "flavor": FLAVOR, "image": None,
        "host": "h", "vm_state": "active", "task_state": None, "power_state": 1, "generation": 3, "metadata": "{}",
        "network_info": None, "step_args": None, "availability_zone": None, "launch_index": 0, "key_name": None,
        "key_data": None, "user_data": None, "config_drive": False,
    }  # fmt: skip
    return SimpleNamespace(uuid=uuid, step=step, **(usual | columns))


class Away:
    """A service that does not answer."""

    def __getattr__(self, name):
        def ask(*_, **__):
            raise Unavailable("it is away")

        return ask


@pytest.fixture
def ended(monkeypatch):
    """What was done with rows that got no order."""
    told = {"waits": [], "fails": [], "buried": []}
    monkeypatch.setattr(orders.topologies, "of_instances", lambda connection, uuids: {})
    monkeypatch.setattr(orders.work, "give_back", lambda connection, held: told["waits"].extend(u for u, _ in held))
    monkeypatch.setattr(orders.work, "fail_action", lambda c, row, backends, **_: told["fails"].append(row.uuid))
    monkeypatch.setattr(orders.work, "bury", lambda c, row, backends, **_: told["buried"].append(row.uuid))
    return told


def test_what_needs_a_service_that_is_away_waits_and_nothing_else(ended):
    rows = [
        row("boots", Step.BUILD, image='{"id":"i","name":"image"}'),
        row("plugs", Step.START, network_info=PORT),
        row("copies", Step.SNAPSHOT, step_args='{"image_id":"i"}'),
        row("stops", Step.STOP, network_info=PORT),
        row("goes", Step.DELETE, network_info=PORT, image='{"id":"i","name":"image"}'),
    ]
    made = orders.make_orders(None, rows, Backends(images=Away(), networks=Away()))
    assert [order.instance.uuid for order in made] == ["stops", "goes"]
    assert ended == {"waits": ["boots", "plugs", "copies"], "fails": [], "buried": []}


def test_a_row_that_cannot_be_read_is_ended_and_only_a_build_is_buried(ended):
    rows = [
        row("new", Step.BUILD, flavor="{"),
        row("old", Step.STOP, flavor="{"),
        row("odd", Step.SNAPSHOT, step_args="["),
        row("good", Step.STOP),
    ]
    made = orders.make_orders(None, rows, Backends(images=Away(), networks=Away()))
    assert [order.instance.uuid for order in made] == ["good"]
    assert ended == {"waits": [], "fails": ["old", "odd"], "buried": ["new"]}
