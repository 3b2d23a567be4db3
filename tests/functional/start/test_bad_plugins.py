"""Plug-ins of strangers that cannot load: one line with distribution and remedy, from the start and from the command.

The start is made in the test's process, up to where services would run; one test runs the commands themselves.
"""

import json
import signal

import pytest
from oslo_config import cfg

from corenova import loader
from corenova.cmd import all_in_one
from corenova.cmd.manage import main as manage
from corenova.cmd.parts import Parts
from corenova.cmd.process import configure
from corenova.cmd.service_host import ServiceHost
from corenova.db import services
from corenova.exceptions import PluginError
from corenova.scheduler.manager import build_pipeline
from tests.distributions import Installer

GOOD = "class BadFilter:\n    def host_passes(self, host_state, spec):\n        return True\n"
CONTRACT = GOOD.replace(":\n", ":\n    contract_version = {}\n", 1)
OPTION = "[filter_scheduler] enabled_filters"
BAD = {
    "name taken": (
        [("one-dist", GOOD), ("two-dist", GOOD)],
        f"{OPTION}: offered by more than one distribution: BadFilter by one-dist and two-dist. Uninstall one of them.",
    ),
    "missing entry point": ([], f"{OPTION} names BadFilter, which no installed distribution offers in "),
    "contract too new": (
        [("one-dist", CONTRACT.format((99, 0)))],
        "of one-dist 1.0 was written for the filter contract 99.0; this corenova speaks {spoken}. Upgrade corenova, or "
        f"install an older one-dist, or take BadFilter out of {OPTION}.",
    ),
    "contract too old": (
        [("one-dist", CONTRACT.format((0, 1)))],
        "of one-dist 1.0 was written for the filter contract 0.1; this corenova speaks {spoken}. Install a newer "
        f"one-dist, or take BadFilter out of {OPTION}.",
    ),
    "import of what is not installed": (
        [("one-dist", "import no_such_module\n")],
        f"of one-dist 1.0, named by {OPTION}, failed to load: ModuleNotFoundError: No module named 'no_such_module'. "
        "Install what one-dist needs, or take BadFilter out of that option.",
    ),
    "distribution not allowed": (
        [("evil-dist", "raise RuntimeError('imported')\n")],
        f"{OPTION} names BadFilter: evil-dist is not among [plugins] allowed_distributions. Add it there if you ",
    ),
}  # fmt: skip


@pytest.fixture(params=BAD, ids=str)
def bad(request, tmp_path, monkeypatch, place):
    """Install what is bad, enable it, and give the place and what must be said."""
    distributions, words = BAD[request.param]
    install = Installer(tmp_path, monkeypatch)
    for distribution, source in distributions:
        install(distribution, source, "BadFilter")
    enable(place, "")
    return place, words.replace("{spoken}", loader.shown(loader.KINDS[loader.FILTERS].version))


def enable(place, plugins):
    place.write(
        "[filter_scheduler]\nenabled_filters = ComputeFilter, BadFilter\n"
        "[plugins]\nallowed_distributions = corenova-filters, corenova-drivers, one-dist, two-dist\n" + plugins
    )


def parts_of(place):
    """What corenova-all makes its services of."""
    conf = cfg.ConfigOpts()
    configure(conf, ["--config-file", str(place.ini)], prog="corenova-all")
    return Parts(conf)


def listed(place, capsys):
    """What ``corenova-manage plugins --json`` says of it, and the exit code."""
    code = manage.run(["--config-file", str(place.ini), "plugins", "--json"])
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    return code, found["BadFilter"]


def test_it_stops_the_start_and_is_listed_with_the_same_words(bad, capsys):
    place, words = bad
    with pytest.raises(PluginError) as refused:
        all_in_one.build(parts_of(place), ServiceHost())
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert not place.state.exists()
    code, one = listed(place, capsys)
    assert (code, one["enabled"], one["loaded"], one["reason"]) == (1, True, False, str(refused.value))


def test_where_it_is_optional_the_services_do_without_it_and_say_so(bad, capsys):
    place, words = bad
    enable(place, "optional = BadFilter\n")
    parts = parts_of(place)
    pipeline = build_pipeline(parts.conf)
    parts.plugins.add(pipeline.plugins, pipeline.left_out)
    (alarm,) = parts.report(services.SCHEDULER).alarms
    assert alarm.startswith("filter BadFilter is left out: ") and words in alarm
    assert parts.report(services.CONDUCTOR).alarms == ()
    names = {one.name: one.reason for one in parts.report(services.SCHEDULER).accounts}
    assert words in names["BadFilter"] and names["ComputeFilter"] == ""
    code, one = listed(place, capsys)
    assert (code, one["loaded"]) == (1, False) and words in one["reason"]


def test_the_commands_themselves(place, tmp_path, monkeypatch, capsys):
    """Refused, then started where it is optional: the list of services has the alarm, that of plug-ins the reason."""
    Installer(tmp_path, monkeypatch)("one-dist", "import no_such_module\n", "BadFilter")
    installed = {"PYTHONPATH": str(tmp_path / "one-dist")}
    words = BAD["import of what is not installed"][1]
    enable(place, "")
    refused = place.popen(**installed)
    out, err = refused.communicate(timeout=120)
    assert (refused.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("corenova-all: Plug-in BadFilter (one_dist:BadFilter) of one-dist 1.0") and words in line

    enable(place, "optional = BadFilter\n")
    running = place.start(**installed)
    assert manage.run(["--config-file", str(place.ini), "service", "list", "--json"]) == 0
    alarms = {one["binary"]: one["alarms"] for one in json.loads(capsys.readouterr().out)["services"]}
    (alarm,) = alarms[services.SCHEDULER]
    assert alarm.startswith("filter BadFilter is left out: ") and words in alarm
    code, bad = listed(place, capsys)
    assert (code, bad["loaded"]) == (1, False) and words in bad["reason"]
    assert [(one["binary"], one["loaded"]) for one in bad["services"]] == [(services.SCHEDULER, False)]
    running.stop(signal.SIGTERM)
