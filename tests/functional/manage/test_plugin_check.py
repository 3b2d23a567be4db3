"""corenova-manage plugin check: what it says of good and of bad plug-ins, and of what is no distribution of any."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from corenova import loader
from corenova.cmd.manage import main, plugin_check
from corenova.cmd.manage.main import run
from corenova.testing import check

STRANGER = Path(__file__).parents[2] / "data" / "stranger_filter"
MODULE = """
from corenova.contracts.hooks import hookimpl

class SaysNothing:
    def host_passes(self, host_state, spec):
        pass

class Hears:
    @hookimpl
    def state_changed(self, instance):
        pass

class NoDriver:
    pass
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a distribution on the path, for this process and those it starts."""

    def put(name, group_lines, folder):
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(group_lines)
        for path in {tmp_path, folder}:
            monkeypatch.syspath_prepend(str(path))
            monkeypatch.setenv("PYTHONPATH", str(path), prepend=":")

    return put


def test_a_strangers_filter_is_found_good(install, capsys):
    install(
        "stranger-filter",
        "[corenova.scheduler.filters]\nOnlyNumberSevenFilter = stranger_filter:OnlyNumberSevenFilter\n",
        STRANGER,
    )
    assert run(["plugin", "check", "stranger-filter"]) == 0
    title, _, row = capsys.readouterr().out.strip().splitlines()
    assert title == "stranger-filter 1.0"
    assert row.split() == ["filter", "OnlyNumberSevenFilter", "5", "0", "1"]


def test_what_is_wrong_is_told_with_the_words_of_the_contract(install, tmp_path, capsys):
    (tmp_path / "mine_of_the_test.py").write_text(MODULE)
    install(
        "mine",
        "[corenova.scheduler.filters]\nSaysNothing = mine_of_the_test:SaysNothing\n"
        "[corenova.hooks]\nhears = mine_of_the_test:Hears\n"
        "[corenova.compute.drivers]\none = mine_of_the_test:NoDriver\ntwo = mine_of_the_test:NoDriver\n",
        tmp_path,
    )
    assert run(["plugin", "check", "mine", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    found = {
        (row["kind"], row["name"]): (row["failed"] > 0, row["passed"] > 0, row["note"][:11]) for row in told["plugins"]
    }
    assert found == {
        ("filter", "SaysNothing"): (True, True, ""),
        ("hook plug-in", "hears"): (False, True, ""),
        ("driver", "one"): (False, False, "not checked"),
        ("driver", "two"): (False, False, "not checked"),
    }
    (wrong,) = [one for one in told["checks"] if one["outcome"] == "failed"]
    assert wrong["test"] == "it decides alike in both forms and twice and changes nothing"
    assert wrong["reason"].startswith("host_passes returns None, which is no bool")
    assert "corenova/contracts/filter.py" in wrong["contract"] and "Return True when" in wrong["contract"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("corenova-filtres", "No distribution corenova-filtres is installed. Did you mean corenova-filters?"),
        ("zzzz", "No distribution zzzz is installed. Install it into this environment first (pip install)."),
        ("", "No distribution  is installed. Install it into this environment first (pip install)."),
        ("pluggy", "brings no plug-ins: no entry point is in one of corenova.scheduler.filters, "),
    ],
)
def test_what_is_no_distribution_of_plug_ins_is_one_line(capsys, name, sentence):
    assert run(["plugin", "check", name]) == 1
    error = capsys.readouterr().err
    assert sentence.replace("  ", " ") in error and error.count("\n") == 1


def test_without_pytest_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(plugin_check.importlib.util, "find_spec", lambda name: None)
    assert run(["plugin", "check", "corenova-filters"]) == main.CANNOT_RUN
    assert "pip install 'corenova[testing]'" in capsys.readouterr().err


ENDING = """
class Interrupts:
    def host_passes(self, host_state, spec):
        raise KeyboardInterrupt

class Last:
    def host_passes(self, host_state, spec):
        return True
"""


def test_who_ends_the_run_has_failed_and_so_has_whoever_was_not_checked_for_it(install, tmp_path, capsys):
    (tmp_path / "mine_that_ends.py").write_text(ENDING)
    lines = "Interrupts = mine_that_ends:Interrupts\nLast = mine_that_ends:Last\n"
    install("mine", f"[corenova.scheduler.filters]\n{lines}", tmp_path)
    assert run(["plugin", "check", "mine", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["failed"] for row in told["plugins"]} == {"Interrupts": 1, "Last": 1}
    failed = {one["name"]: (one["test"], one["reason"]) for one in told["checks"] if one["outcome"] == "failed"}
    assert failed["Interrupts"][0] != "it is checked"
    assert failed["Interrupts"][1] == "It has ended the run: KeyboardInterrupt: "
    assert failed["Last"] == ("it is checked", "The run has ended before: KeyboardInterrupt: ")


def test_checks_that_cannot_be_collected_have_failed(tmp_path):
    report = tmp_path / "report"
    subprocess.run([sys.executable, "-m", check.__name__, str(report), "no.group:One,no.group:Two"], check=True)
    found = json.loads(report.read_bytes())
    assert [(one["name"], one["outcome"]) for one in found] == [("One", "failed"), ("Two", "failed")]
    assert "KeyError: 'no.group'" in found[0]["reason"]


@pytest.mark.parametrize("code", [0, 5])
def test_a_plug_in_that_nothing_was_seen_of_has_failed(code):
    (one,) = check.Witness().checked([f"{loader.FILTERS}:One"], code)
    assert (one.group, one.name, one.outcome) == (loader.FILTERS, "One", "failed")


def test_an_exit_that_asks_for_a_good_code_is_no_success():
    witness = check.Witness()
    with pytest.raises(pytest.exit.Exception) as ended:
        pytest.exit("bye", returncode=0)
    witness.pytest_keyboard_interrupt(ended)
    (one,) = witness.checked([f"{loader.FILTERS}:One"], 0)
    assert (one.outcome, one.reason) == ("failed", "The run has ended before: Exit: bye")


def test_a_plug_in_that_ends_the_process_is_one_line(install, tmp_path, capsys):
    (tmp_path / "mine_that_exits.py").write_text("import os\nos._exit(3)\n")
    install("mine", "[corenova.hooks]\nhears = mine_that_exits:Hears\n", tmp_path)
    assert run(["plugin", "check", "mine"]) == main.CANNOT_RUN
    assert "The checks of mine ended early" in capsys.readouterr().err
