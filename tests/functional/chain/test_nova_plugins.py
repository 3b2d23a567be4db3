"""A package that was written for Nova decides in a running cloud: examples/nova_filter, with its own ini."""

import configparser
import sys
from pathlib import Path

import pytest

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


def test_a_filter_and_a_weigher_written_for_nova(make_cloud, ini):
    cloud = make_cloud(ini)
    rack = set(sorted(cloud.driver.hosts())[:3])
    cloud.make_aggregate("rack-7", rack, {"rack": "r7, r8"})

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
