"""setup.py is the plug board, pyproject.toml the identity: what they name exists, and what they promise fits."""

import importlib
import re
import runpy
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import setuptools

import corenova

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT, *(path.parent for path in sorted(ROOT.glob("plugins/*/setup.py")))]
TEMPLATES = [path.parent for path in sorted(ROOT.glob("corenova/cmd/manage/plugin-templates/*/setup.py"))]


def _identity(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def _plug_board(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return the entry points of a setup.py, which thinks that it is being run."""
    given: dict = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    monkeypatch.chdir(folder)
    runpy.run_path(str(folder / "setup.py"))
    return given["entry_points"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name if folder != ROOT else "core")
def test_every_entry_point_exists_and_is_installed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    name = _identity(folder)["name"]
    installed = {(ep.group, ep.name, ep.value) for ep in metadata.distribution(name).entry_points}
    wrong = []
    for group, lines in _plug_board(folder, monkeypatch).items():
        for line in lines:
            entry, value = (part.strip() for part in line.split("=", 1))
            module, _, attribute = value.partition(":")
            try:
                found = importlib.import_module(module)
                if attribute:  # an entry point may be a module
                    getattr(found, attribute)
            except (ImportError, AttributeError) as error:
                wrong.append(f"{group}: {line}: {error}")
            if (group, entry, value) not in installed:
                wrong.append(f"{group}: {line}: not installed, run `make dev`")
    assert not wrong


def test_versions_are_plain_and_plug_ins_ask_for_this_core():
    version = _identity(ROOT)["version"]
    assert corenova.__version__ == version
    major, minor, _ = version.split(".")
    wanted = f">={major}.{minor},<{major}.{int(minor) + 1}"
    assert len(TEMPLATES) == 4
    for folder in [*FOLDERS, *TEMPLATES]:
        identity = _identity(folder)
        assert re.fullmatch(r"\d+\.\d+\.\d+", identity["version"]), identity
        if folder != ROOT:
            assert [line for line in identity["dependencies"] if re.match(r"corenova\b(?!-)", line)] == [
                f"corenova{wanted}"
            ]
    extra = _identity(ROOT)["optional-dependencies"]["all"]
    assert sorted(extra) == sorted(f"{_identity(folder)['name']}{wanted}" for folder in FOLDERS[1:])


def test_the_core_depends_on_no_plug_in():
    plug_ins = {_identity(folder)["name"] for folder in FOLDERS[1:]}
    assert not [line for line in _identity(ROOT)["dependencies"] if re.match(r"[\w.-]+", line).group() in plug_ins]
