"""A stranger's hook plug-in in the command itself: its options, its admin resource, and its last words."""

import json
import signal

INI = """\
[plugins]
enabled_hooks = witness
[testimony]
file = {file}
colour = red
"""
MODULE = """\
import json

from oslo_config import cfg

from corenova.contracts.hooks import AdminRoute, hookimpl


class Witness:
    def __init__(self):
        self.started, self.stopped = [], []

    @hookimpl
    def config_options(self, conf):
        self.conf = conf
        return {"testimony": [cfg.StrOpt("file")]}

    @hookimpl
    def api_routes(self):
        return [AdminRoute("seen", lambda query: {"seen": self.started})]

    @hookimpl
    def service_started(self, binary):
        self.started.append(binary)

    @hookimpl
    def service_stopped(self, binary):
        self.stopped.append(binary)
        with open(self.conf.testimony.file, "w") as file:
            json.dump(self.stopped, file)
"""


def install(folder):
    info = folder / "witness-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "witness.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: witness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[corenova.hooks]\nwitness = witness:Witness\n")


def test_options_a_resource_and_last_words_of_a_hook_plug_in(place, tmp_path):
    file = tmp_path / "stopped.json"
    install(tmp_path / "site")
    place.write(INI.format(file=file))
    running = place.start(PYTHONPATH=str(tmp_path / "site"))
    running.log_in("corenova-admin")
    services = ["nova-conductor", "nova-scheduler", "nova-compute", "nova-osapi_compute"]
    seen: list[str] = []
    while seen != services:  # the plug-in is told in its own time
        seen = running.call("GET", "/compute/v2.1/os-plugins/witness/seen")["seen"]
    (own, *_) = running.call("GET", "/compute/v2.1/os-processes")["processes"]
    assert (own["hook_faults"], own["alarms"]) == ({}, [])
    _, err = running.stop(signal.SIGTERM)
    assert running.process.returncode == 0
    assert json.loads(file.read_text()) == services[::-1]
    assert [line.partition(" [-] ")[2] for line in err.splitlines() if " WARNING " in line] == [
        f"{place.ini}: there is no option colour in [testimony]; it is ignored."
    ]
