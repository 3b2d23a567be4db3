"""A package that was written for Nova decides in a running cloud: examples/nova_filter, with its own ini."""

import sys
from pathlib import Path

import pytest
from oslo_config import cfg

from corenova import loader
from corenova.conf import register
from corenova.db import aggregates

EXAMPLE = Path(__file__).parents[3] / "examples" / "nova_filter"


@pytest.fixture
def ini(monkeypatch):
    """The options of the example's ini by section; its package can be imported."""
    monkeypatch.syspath_prepend(EXAMPLE)
    conf = cfg.ConfigOpts()
    register(conf)
    conf.register_opts([cfg.FloatOpt("quiet_host_weight_multiplier")], group="rack_aware")
    conf(["--config-file", str(EXAMPLE / "corenova.conf")], default_config_files=[], default_config_dirs=[])
    names = "available_filters", "enabled_filters", "weight_classes", "ram_weight_multiplier"
    yield {
        "filter_scheduler": {name: _written(conf.filter_scheduler[name]) for name in names},
        "rack_aware": {"quiet_host_weight_multiplier": conf.rack_aware.quiet_host_weight_multiplier},
    }
    for name in [name for name in sys.modules if name.partition(".")[0] == "rack_aware"]:
        del sys.modules[name]


def _written(value):
    return ",".join(value) if isinstance(value, list) else value


def test_a_filter_and_a_weigher_written_for_nova(make_cloud, ini):
    ini["filter_scheduler"]["available_filters"] = "rack_aware.rack_filter.RackFilter"
    cloud = make_cloud(ini)
    rack = {f"fake-{number:05}" for number in ()} or set(sorted(cloud.driver.hosts())[:3])

    def make_rack(connection):
        made = aggregates.create(connection, "rack-7", None)
        aggregates.set_metadata(connection, made.id, {"rack": "r7, r8"})
        for host in rack:
            aggregates.add_host(connection, made.id, host)

    cloud.wait(lambda: cloud.db.read(lambda c: _all_known(c, rack)), what="hosts are known")
    cloud.db.write(make_rack)

    hinted = cloud.create_servers(6, scheduler_hints={"rack": "r7"})
    cloud.wait_for(hinted)
    hosts = [cloud.server(uuid).host for uuid in hinted]
    assert {host: hosts.count(host) for host in hosts} == dict.fromkeys(rack, 2)  # the weigher spreads

    decision = cloud.decision(hinted[0])
    assert decision.host in rack
    assert [(s.name, s.passed) for s in decision.stages if s.name == "RackFilter"] == [("RackFilter", 3)]
    assert set(decision.weights) == {"RAMWeigher", "QuietHostWeigher", "total"}

    free = cloud.create_servers(17)
    cloud.wait_for(free)
    assert not {cloud.server(uuid).host for uuid in free} & rack  # the others are quieter

    nowhere = cloud.create_server(scheduler_hints={"rack": "r9"})
    cloud.wait_for(nowhere, "error")
    assert "RackFilter refused 20" in cloud.server(nowhere).fault_message


def _all_known(connection, hosts):
    from corenova.db import hosts as db_hosts

    return hosts <= {row.host for row in db_hosts.load(connection)}
