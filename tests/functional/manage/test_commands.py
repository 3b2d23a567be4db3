"""The other commands of corenova-manage, as operators see them."""

import json
from importlib import metadata

import pytest

from corenova import loader
from corenova.db import migrate, plugin_accounts, services
from corenova.objects.plugin_account import PluginAccount
from tests.distributions import Installer

IN_PROCESS = True
LOST = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("server", [LOST, "lost"])
def test_explain_says_why_a_server_is_nowhere(stopped, server):
    told = stopped.json("explain", server)
    assert (told["uuid"], told["status"], told["host"]) == (LOST, "ERROR", None)
    assert told["fault"]["message"] == told["decision"]["summary"]
    assert told["decision"]["stages"][1] == {"name": "Capacity", "asked": 2, "passed": 0, "lazily": False}
    assert told["decision"]["rejections"][0]["reason"] == "4 MEMORY_MB free, 64 asked"
    assert told["decision"]["refusals"][0]["hosts"] == ["h1", "h2"]
    assert told["decision"]["remedies"][0]["fits"] == 4
    assert [hop["where"] for hop in told["path"]] == ["api", "scheduler", "conductor"]
    assert all(hop["at_ms"] >= 0 for hop in told["path"])


def test_explain_for_the_eye(stopped):
    text = stopped.manage("explain", "lost").stdout
    assert "lost (11111111-1111-4111-8111-111111111111): ERROR, on no host" in text
    assert "Capacity         2            0       .......... 0/2" in text
    assert "Capacity    4 MEMORY_MB free, 64 asked  2      h1, h2" in text
    assert "With 60 MEMORY_MB less, 4 instead of 64, it fits on 2 hosts.  reduce  h1, h2" in text
    assert "create accepted, req-1 (failed)" in text


def test_explain_of_an_unknown_server(stopped):
    assert "There is no server nobody" in stopped.refused("explain", "nobody", code=1)


def test_host_list(stopped):
    first = stopped.json("host", "list")["hosts"][0]
    assert (first["host"], first["state"], first["status"]) == ("h1", "down", "enabled")
    assert first["resources"]["VCPU"] == {"used": 0, "capacity": 4, "total": 4}
    assert stopped.manage("host", "list").stdout.splitlines()[1].split()[:4] == ["h1", "down", "enabled", "0"]


def test_service_list(stopped):
    told = stopped.json("service", "list")["services"]
    assert [(s["host"], s["state"], s["seen_s_ago"]) for s in told] == [("h1", "down", None), ("h2", "down", None)]
    assert stopped.manage("service", "list").stdout.splitlines()[0].split()[:2] == ["BINARY", "HOST"]


def plugins(deployment, code=0):
    """What is said of each plug-in by name; ``embedded`` names two."""
    return {p["name"]: p for p in deployment.json("plugins", code=code)}


def test_plugins(deployment):
    deployment.write_ini("[filter_scheduler]\nenabled_filters = ComputeFilter, NoSuchFilter\n")
    told = plugins(deployment, code=1)
    assert told["ComputeFilter"] == {
        "group": "corenova.scheduler.filters", "name": "ComputeFilter", "distribution": "corenova-filters",
        "version": metadata.version("corenova-filters"), "contract": told["ComputeFilter"]["contract"],
        "enabled": True, "loaded": True, "reason": None, "calls": None, "mean_us": None, "faults": None,
        "breaker": None, "last_fault": None, "services": [],
    }  # fmt: skip
    assert (told["AllHostsFilter"]["enabled"], told["AllHostsFilter"]["loaded"]) == (False, None)
    assert (told["NoSuchFilter"]["enabled"], told["NoSuchFilter"]["loaded"]) == (True, False)
    assert told["NoSuchFilter"]["reason"].startswith("[filter_scheduler] enabled_filters names NoSuchFilter, which no")
    assert told["fake"]["loaded"] is True
    assert not deployment.state.exists()


UNUSABLE = """
from corenova.contracts.hooks import hookimpl

class Nothing:
    pass

class BadOptions:
    @hookimpl
    def config_options(self):
        raise OSError("no options")

class BadRoutes:
    @hookimpl
    def api_routes(self):
        return [3]
"""


@pytest.mark.parametrize(
    ("group", "name", "words"),
    [
        (loader.DRIVERS, "Nothing", "its abilities are "),
        (loader.IMAGE_BACKENDS, "Nothing", "The image backend Nothing of bad-dist cannot be used: it has no "),
        (loader.NETWORK_BACKENDS, "Nothing", "The network backend Nothing of bad-dist cannot be used: it has no "),
        (loader.FILTERS, "Nothing", "The filter Nothing of bad-dist cannot be used: it has neither host_passes nor"),
        (loader.WEIGHERS, "Nothing", "The weigher Nothing of bad-dist cannot be used: it has neither weigh nor"),
        (loader.HOOKS, "BadOptions", "config_options: OSError: no options. Mend bad-dist"),
        (loader.HOOKS, "BadRoutes", "3 is no AdminRoute with a path and an answer. Mend bad-dist"),
    ],
)
def test_what_would_stop_a_service_is_told_by_plugins_and_by_config_check(
    deployment, tmp_path, monkeypatch, group, name, words
):
    Installer(tmp_path, monkeypatch)("bad-dist", UNUSABLE, name, group=group)
    section, option = loader.KINDS[group].option.removeprefix("[").split("] ")
    deployment.write_ini(f"[{section}]\n{option} = {name}\n")
    bad = plugins(deployment, code=1)[name]
    assert (bad["group"], bad["enabled"], bad["loaded"]) == (group, True, False)
    assert words in bad["reason"]
    assert any(words in problem for problem in deployment.json("config", "check", code=1)["problems"])


STRANGERS = """
from oslo_config import cfg
from corenova.contracts.hooks import hookimpl

class Tuned:
    options = [cfg.IntOpt("size", default=3, help="How large it is.")]

class Further:
    @hookimpl
    def config_options(self):
        return {"further": [cfg.StrOpt("colour")]}
"""


def test_the_sample_has_the_options_of_installed_plug_ins_and_says_which_cannot_be_told(
    deployment, tmp_path, monkeypatch
):
    install = Installer(tmp_path, monkeypatch)
    install("good-dist", STRANGERS, "Tuned")
    install("hook-dist", STRANGERS, "Further", group=loader.HOOKS)
    text = deployment.manage("config", "sample").stdout
    assert "[Tuned]\n\n# How large it is. (integer value)\n#size = 3\n" in text
    assert "[further]" in text and "[filter_scheduler]" in text and "[libvirt]" in text
    install("bad-dist", "raise RuntimeError('poison')", "Broken")
    done = deployment.manage("config", "sample")
    assert (done.returncode, "[Tuned]" in done.stdout) == (1, True)
    assert "the filter Broken of bad-dist cannot be told: RuntimeError: poison." in done.stderr
    deployment.write_ini("[plugins]\nallowed_distributions = good-dist\n")
    done = deployment.manage("config", "sample")
    assert (done.returncode, "[Tuned]" in done.stdout, "[further]" in done.stdout) == (0, True, False)


def test_plugins_need_no_ini_file(deployment):
    done = deployment.manage("plugins", "--json", files=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"ComputeFilter", "RAMWeigher", "fake"} <= {p["name"] for p in json.loads(done.stdout) if p["loaded"]}


def test_plugins_for_the_eye(stopped):
    lines = stopped.manage("plugins").stdout.splitlines()
    assert lines[0].split()[:5] == ["KIND", "NAME", "DISTRIBUTION", "CONTRACT", "LOADED"]
    assert "filter   ComputeFilter " in "\n".join(lines)
    assert max(map(len, lines)) <= 120
    (account,) = [
        PluginAccount(
            group="corenova.scheduler.filters", name="ComputeFilter", distribution="d", calls=123456789, seconds=1e3,
            faults=12345, last_fault="RuntimeError: poison", breaker="on trial", contract="1.0",
        )
    ]  # fmt: skip
    who = {"binary": services.SCHEDULER, "address": "s1", "incarnation": "i"}
    db = stopped.database()
    db.write("test", lambda connection: plugin_accounts.tell(connection, **who, accounts=[account]))
    db.close()
    lines = stopped.manage("plugins").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("filter   ComputeFilter ")]
    assert line.split()[-5:] == ["123M", "8.1", "12345", "on", "trial"]
    assert "last fault: filter ComputeFilter: RuntimeError: poison" in lines
    assert max(len(line) for line in lines if ": " not in line) <= 120


def test_plugins_of_a_list_carried_over_from_nova(deployment):
    all_of_novas = "nova.scheduler.weights.all_weighers, nova.scheduler.weights.cross_cell.CrossCellWeigher"
    deployment.write_ini(f"[filter_scheduler]\nweight_classes = {all_of_novas}\n")
    told = plugins(deployment)
    assert told["RAMWeigher"]["loaded"] is True
    assert not {"nova.scheduler.weights.all_weighers", "CrossCellWeigher"} & told.keys()


NOVA_FILTER = """
from nova.scheduler import filters, weights

class AlwaysFilter(filters.BaseHostFilter):
    def host_passes(self, host_state, spec_obj):
        return True

class NeverFilter(AlwaysFilter):
    pass

class SomeWeigher(weights.BaseHostWeigher):
    def _weigh_object(self, host_state, weight_properties):
        return 1.0

def all_of_them():
    return [AlwaysFilter, NeverFilter]
"""
NOVA_INI = """
[filter_scheduler]
available_filters = of_nova.all_of_them
enabled_filters = AlwaysFilter
weight_classes = RAMWeigher, of_nova.SomeWeigher
"""


def test_plugins_written_for_nova(deployment, monkeypatch, tmp_path):
    (tmp_path / "of_nova.py").write_text(NOVA_FILTER)
    monkeypatch.syspath_prepend(tmp_path)
    deployment.write_ini(NOVA_INI)
    told = {name: (p["distribution"], p["enabled"], p["loaded"]) for name, p in plugins(deployment).items()}
    assert told["AlwaysFilter"] == ("of_nova", True, True)
    assert told["NeverFilter"] == ("of_nova", False, None)
    assert told["SomeWeigher"] == ("of_nova", True, True)
    assert deployment.json("config", "check")["problems"] == []

    deployment.write_ini("[filter_scheduler]\nweight_classes = of_nova.OtherWeigher\n")
    assert "of_nova.OtherWeigher" in deployment.refused("plugins")
    (problem,) = deployment.json("config", "check", code=1)["problems"]
    assert "names of_nova.OtherWeigher, which cannot be loaded" in problem


@pytest.mark.parametrize("option", ["ram_weight_multiplier", "build_failure_weight_multiplier"])
def test_a_multiplier_that_is_no_number(deployment, option):
    deployment.write_ini(f"[filter_scheduler]\n{option} = much\n")
    (problem,) = deployment.json("config", "check", code=1)["problems"]
    assert f"[filter_scheduler] {option} in " in problem
    assert "much" in problem


def test_db_upgrade_makes_the_database_and_is_idempotent(deployment):
    for _ in range(2):
        done = deployment.manage("db", "upgrade")
        assert (done.returncode, done.stderr) == (0, "")
    assert deployment.json("db", "version")["version"] == migrate.head()
    assert deployment.manage("audit").returncode == 0


def test_config_check_of_a_good_file(deployment):
    deployment.write_ini("[database]\nconnection = sqlite:////secret/place\n")
    told = deployment.json("config", "check")
    assert told["problems"] == []
    options = {(o["section"], o["option"]): o for o in told["options"]}
    assert options["DEFAULT", "state_path"]["source"] == str(deployment.ini)
    assert options["compute", "driver"] == {
        "section": "compute", "option": "driver", "value": "fake", "source": "default",
    }  # fmt: skip
    assert options["database", "connection"]["value"] == "****"
    assert "secret" not in json.dumps(told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[compte]\nthreads = 1\n", "did you mean compute?"),
        ("[compute]\nthread = 1\n", "did you mean threads?"),
        ("[compute]\nthreads = many\n", "[compute] threads in "),
        ("[filter_scheduler]\nenabled_filters = ComputFilter\n", "Did you mean ComputeFilter?"),
    ],
)
def test_config_check_of_a_bad_file(deployment, text, words):
    deployment.write_ini(text)
    told = deployment.json("config", "check", code=1)
    (problem,) = told["problems"]
    assert words in problem
    assert f"wrong: {problem}" in deployment.manage("config", "check").stdout.splitlines()


def test_a_bad_value_refuses_every_other_command(stopped):
    stopped.write_ini("[compute]\nthreads = many\n")
    for command in ("audit",), ("host", "list"):
        assert "[compute] threads in " in stopped.refused(*command)


@pytest.mark.parametrize("text", ["[compute\n", "threads\n"])
def test_a_file_that_is_no_ini_file(deployment, text):
    deployment.ini.write_text(text)
    for command in ("audit",), ("config", "check"):
        assert str(deployment.ini) in deployment.refused(*command)


def test_an_ini_file_that_is_not_there(deployment):
    deployment.ini.unlink()
    assert "--config-file" in deployment.refused("audit")


@pytest.mark.parametrize(
    "args", [[], ["frob"], ["db"], ["db", "downgrade"], ["explain"], ["audit", "--frob"]], ids=" ".join
)
def test_a_command_line_that_means_nothing(deployment, args):
    deployment.refused(*args)


@pytest.mark.parametrize(
    "args", [["--help"], ["audit", "--help"], ["db", "--help"], ["db", "upgrade", "--help"]], ids=" ".join
)
def test_help_needs_no_configuration(deployment, args):
    done = deployment.manage(*args, files=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: corenova-manage" in done.stdout


def test_openapi_is_json_or_one_line(deployment):
    done = deployment.manage("openapi")
    if done.returncode == 0:
        assert json.loads(done.stdout)["openapi"].startswith("3.")
    else:
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
