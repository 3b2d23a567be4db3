"""A filter in a process of its own hangs in C, holding the interpreter's lock: others are placed, it can be killed."""

import os
import signal
import sys

import pytest
from stevedore import _cache
from stevedore.extension import ExtensionManager

from corenova.db import services
from corenova.objects.request_spec import Flavor
from corenova.testing.cloud import Cloud

CURSED = Flavor(flavorid="66", name="m1.cursed", vcpus=1, memory_mb=64, root_gb=1)
SOURCE = """
import re

class SpinningFilter:
    def host_passes(self, host_state, spec):
        return spec.flavor.name != "m1.cursed" or re.match("(a+)+$", "a" * 60 + "b") is None
"""
INI = {
    "filter_scheduler": {"enabled_filters": "ComputeFilter,SpinningFilter"},
    "conductor": {"lease_s": 30},
    "DEFAULT": {"rpc_response_timeout": 30},  # nobody asks again meanwhile
    "plugins": {"isolate": "SpinningFilter", "plugin_timeout_s": 60, "breaker_faults": 1, "breaker_open_s": 1},
}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """A cloud with the filter above installed and isolated; what the pipeline of its scheduler is made of is seen."""
    info = tmp_path / "spinning-1.0.dist-info"
    info.mkdir()
    (tmp_path / "spinning.py").write_text(SOURCE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spinning\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[corenova.scheduler.filters]\nSpinningFilter = spinning:SpinningFilter\n")
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})
    monkeypatch.setattr(_cache, "get_group_all", _cache.Cache(str(tmp_path / "cache")).get_group_all)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.syspath_prepend(tmp_path)
    made = []
    from corenova.testing import cloud as module

    build = module.build_pipeline
    monkeypatch.setattr(module, "build_pipeline", lambda conf: made.append(build(conf)) or made[-1])
    with Cloud(tmp_path / "cloud", INI) as cloud:
        (cloud.plugin,) = (one for one in made[0].plugins if one.name == "SpinningFilter")
        yield cloud
        cloud.wait_settled()
        assert cloud.findings() == []
    assert not cloud.plugin.object._all


def test_a_filter_that_spins_with_the_lock_harms_its_request_alone(cloud):
    processes = cloud.plugin.object._all
    cloud.wait_for([cloud.create_server()])
    (stuck,) = [process.pid for process in processes]
    cursed = cloud.create_server(flavor=CURSED)
    cloud.wait(lambda: cloud.plugin.object._idle == [], what="it is asked")
    healthy = cloud.create_servers(3)
    cloud.wait_for(healthy)
    assert cloud.server(cursed).vm_state == "building", "they did not wait for it"
    assert len(processes) == 2, "it is asked in another process meanwhile"

    os.kill(stuck, signal.SIGKILL)
    cloud.wait_for([cursed], "error")
    assert cloud.server(cursed).fault_message == "No valid host was found. Of 20 hosts, SpinningFilter refused 20."
    assert cloud.plugin.told().last_fault == "ChildProcessError: its process ended by signal 9 (SIGKILL)"
    cloud.wait(lambda: "filter SpinningFilter is switched off after faults" in _alarms(cloud), what="the alarm")

    cloud.wait(lambda: _placed(cloud), what="it works again", timeout_s=30)
    cloud.wait(lambda: not _alarms(cloud), what="the alarm is over")
    assert cloud.plugin.told().breaker == "closed"


def _alarms(cloud):
    (row,) = cloud.db.read(lambda c: services.list_services(c, down_time_s=60, binary=services.SCHEDULER))
    return row.alarms or ""


def _placed(cloud):
    uuid = cloud.create_server()
    cloud.wait(lambda: cloud.server(uuid).step is None)
    return cloud.server(uuid).vm_state == "active"
