"""corenova-manage plugin new: a whole distribution or nothing, and a clear word about a bad name."""

import configparser
import importlib
import os
import re

import pytest

from corenova import loader
from corenova.cmd.manage import main, plugin_new

IN_PROCESS = True
FILES = {
    ".gitignore", ".github/workflows/test.yml", "README.md", "pyproject.toml", "setup.py", "tests/test_rack_aware.py",
    "rack_aware.py", "rack_aware.conf",
}  # fmt: skip
ENTRY_POINTS = {
    "filter": "RackAwareFilter = rack_aware:RackAwareFilter",
    "weigher": "RackAwareWeigher = rack_aware:RackAwareWeigher",
    "driver": "rack_aware = rack_aware:RackAwareDriver",
    "hook": "rack_aware = rack_aware:RackAwareHook",
}


def files(folder):
    """All files below ``folder`` with their texts."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ENTRY_POINTS)
def test_a_distribution_of_that_name_is_written(deployment, kind):
    done = deployment.manage("plugin", "new", kind, "rack_aware", "--dir", str(deployment.path))
    assert (done.returncode, done.stderr) == (0, "")
    written = files(deployment.path / "rack_aware")
    assert set(written) == FILES
    assert f'"{ENTRY_POINTS[kind]}"' in written["setup.py"]
    assert 'name = "rack_aware"' in written["pyproject.toml"]
    left = [name for name, text in written.items() if re.search("template", name + text, re.IGNORECASE)]
    assert not left, "names of the template"
    assert not deployment.state.exists()
    assert sorted(path.name for path in deployment.path.iterdir()) == ["corenova.conf", "rack_aware"]
    for name, text in written.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_every_kind_of_the_command_has_a_template():
    (command,) = [c for c in main.COMMANDS if (c.noun, c.verb) == ("plugin", "new")]
    assert set(dict(command.arguments)["kind"]["choices"]) == set(plugin_new.GROUPS) == set(ENTRY_POINTS)
    assert {path.name for path in plugin_new.TEMPLATES.iterdir()} == set(ENTRY_POINTS)


@pytest.mark.parametrize("kind", ENTRY_POINTS)
def test_the_ini_snippet_chooses_the_plug_in_and_names_options_that_it_has(kind):
    template = plugin_new.TEMPLATES / kind
    (entry_point,) = re.findall(r'"(\w+ = \w+:\w+)"', (template / "setup.py").read_text())
    name, _, place = entry_point.partition(" = ")
    module, _, class_name = place.partition(":")
    ini = configparser.ConfigParser()
    ini.read_string((template / f"{module}.conf").read_text())
    section, option = loader.KINDS[plugin_new.GROUPS[kind]].option.removeprefix("[").split("] ")
    assert name in ini[section][option].split(",")
    options = {one.dest for one in getattr(importlib.import_module(module), class_name).options}
    assert set(ini[name]) and set(ini[name]) <= options


def test_what_to_do_next_is_said(deployment, monkeypatch):
    monkeypatch.chdir(deployment.path)
    lines = deployment.manage("plugin", "new", "filter", "demo").stdout.splitlines()
    commands = [line.strip() for line in lines if line.startswith("    ")]
    assert commands == [
        "pip install './demo[test]'",
        "pytest ./demo",
        "corenova-all --config-file ./demo/demo.conf",
    ]
    assert "the filter DemoFilter" in lines[0]


def test_the_answer_as_json(deployment):
    told = deployment.json("plugin", "new", "hook", "Quota_veto", "--dir", str(deployment.path))
    assert told == {
        "kind": "hook",
        "distribution": "Quota_veto",
        "group": loader.HOOKS,
        "entry_point": "quota_veto",
        "path": str(deployment.path / "Quota_veto"),
    }


def test_no_ini_file_is_needed_and_a_broken_one_does_no_harm(deployment, monkeypatch):
    monkeypatch.chdir(deployment.path)
    assert deployment.manage("plugin", "new", "filter", "one", files=False).returncode == 0
    deployment.write_ini("[fake]\nhosts = many")
    assert deployment.manage("plugin", "new", "filter", "two").returncode == 0
    assert not deployment.state.exists()


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("filter", "my-filter", "Take another one: my_filter."),
        ("filter", "7up", "Take another one: up."),
        ("filter", "_x", "Take another one: x."),
        ("filter", "x_", "Take another one: x."),
        ("filter", "über", "Take another one: ber."),
        ("filter", "", "Take another one: my_filter."),
        ("hook", "../x", "Take another one: x."),
        ("filter", "class", "class_filter"),
        ("filter", "tests", "my_tests"),
        ("filter", "corenova", "taken by the installed distribution corenova."),
        ("filter", "Corenova_Filters", "taken by the installed distribution corenova-filters."),
        ("filter", "email", "taken by a module of Python itself."),
        ("filter", "yaml", "taken by a module of the distribution PyYAML."),
        ("weigher", "RAM", "the weigher RAMWeigher is one of the distribution corenova-filters."),
        ("driver", "Fake", "the driver fake is one of the distribution corenova-drivers."),
        ("hook", "api", "ini files have [api] for something else."),
        ("driver", "Default", "ini files have [default] for something else."),
        ("thing", "x", "argument kind: invalid choice: 'thing'"),
    ],
)
def test_a_bad_name_is_refused_with_a_good_one_or_the_owner(deployment, kind, name, says):
    before = files(deployment.path)
    assert says in deployment.refused("plugin", "new", kind, name, "--dir", str(deployment.path))
    assert files(deployment.path) == before


def test_a_module_on_the_path_is_told_by_its_file(deployment, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lonely_module.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    line = deployment.refused("plugin", "new", "filter", "lonely_module", "--dir", str(deployment.path))
    assert f"taken by the module {tmp_path / 'elsewhere' / 'lonely_module.py'}." in line


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_what_is_there_is_left_alone(deployment, there):
    target = deployment.path / "demo"
    {"folder": target.mkdir, "file": target.touch, "dangling link": lambda: target.symlink_to("nowhere")}[there]()
    line = deployment.refused("plugin", "new", "filter", "demo", "--dir", str(deployment.path))
    assert f"{target} exists already." in line
    assert sorted(path.name for path in deployment.path.iterdir()) == ["corenova.conf", "demo"]


def test_a_directory_must_be_there(deployment):
    line = deployment.refused("plugin", "new", "filter", "demo", "--dir", str(deployment.path / "no"))
    assert f"There is no directory {deployment.path / 'no'}. Make it" in line
    assert "There is no directory" in deployment.refused(
        "plugin", "new", "filter", "demo", "--dir", str(deployment.ini)
    )


def test_a_directory_that_cannot_be_written_to(deployment):
    assert "/proc/1/demo cannot be written: " in deployment.refused(
        "plugin", "new", "filter", "demo", "--dir", "/proc/1"
    )


def test_half_a_distribution_is_never_left(deployment, monkeypatch):
    written = plugin_new.Names.renamed
    calls = []

    def full(self, text):
        calls.append(text)
        if len(calls) == 5:
            raise OSError(28, os.strerror(28))
        return written(self, text)

    monkeypatch.setattr(plugin_new.Names, "renamed", full)
    line = deployment.refused("plugin", "new", "filter", "demo", "--dir", str(deployment.path))
    assert "No space left on device" in line
    assert [path.name for path in deployment.path.iterdir()] == ["corenova.conf"]


def test_an_interrupted_one_leaves_nothing_either(deployment, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(plugin_new.Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployment.manage("plugin", "new", "filter", "demo", "--dir", str(deployment.path))
    assert [path.name for path in deployment.path.iterdir()] == ["corenova.conf"]
