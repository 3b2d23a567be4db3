"""A package that was written for Nova decides in a running cloud: examples/nova_filter, with its own ini."""

import configparser
import sys
from pathlib import Path

import pytest

from corenova.db import aggregates
from corenova.db import hosts as db_hosts

EXAMPLE = Path(__file__).parents[3] / "examples" / "nova_filter"
OTHERS = 17
"""Of 20 fake hosts three are in the rack."""


@pytest.fixture
def ini(monkeypatch):
    """The options of the example's ini by section; its package can be imported."""
    monkeypatch.syspath_prepend(EXAMPLE)
    parser = configparser.ConfigParser(strict=False)
    parser.read(EXAMPLE / "corenova.conf")
    yield {section: dict(parser[section]) for section in parser.sections()}
    for name in [name for name in sys.modules if name.partition(".")[0] == "rack_aware"]:
        del sys.modules[name]


def make_rack(cloud, hosts):
    """Put these hosts into an aggregate with the metadata that the example's filter reads."""

    def write(connection):
        made = aggregates.create(connection, "rack-7", None)
        aggregates.set_metadata(connection, made.id, {"rack": "r7, r8"})
        for host in hosts:
            aggregates.add_host(connection, made.id, host)

    for host in hosts:
        cloud.wait(lambda host=host: cloud.db.read(lambda c: db_hosts.known(c, host)), what=f"{host} is known")
    cloud.db.write("make a rack", write)


def test_a_filter_and_a_weigher_written_for_nova(make_cloud, ini):
    cloud = make_cloud(ini)
    rack = set(sorted(cloud.driver.hosts())[:3])
    make_rack(cloud, rack)

    hinted = cloud.create_servers(6, scheduler_hints={"rack": "r7"})
    cloud.wait_for(hinted)
    hosts = [cloud.server(uuid).host for uuid in hinted]
    assert {host: hosts.count(host) for host in hosts} == dict.fromkeys(rack, 2)  # the weigher spreads

    decision = cloud.decision(hinted[0])
    assert [(s.name, s.passed) for s in decision.stages if s.name == "RackFilter"] == [("RackFilter", 3)]
    assert set(decision.weights) == {"RAMWeigher", "QuietHostWeigher", "total"}

    free = cloud.create_servers(OTHERS)
    cloud.wait_for(free)
    assert not {cloud.server(uuid).host for uuid in free} & rack  # the others are quieter

    nowhere = cloud.create_server(scheduler_hints={"rack": "r9"})
    cloud.wait_for(nowhere, "error")
    assert "RackFilter refused 20" in cloud.server(nowhere).fault_message
