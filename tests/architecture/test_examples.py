"""The distributions below examples/: installed as anybody's, enabled at once by their own ini files, and running."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/setup.py") if path.parent.name != "nova_filter")
BIN = Path(sys.executable).parent
LISTS = ("enabled_filters", "weight_classes", "enabled_hooks")
READY_S = 60
OFFERS = {
    "CostWeigher": "cost-aware-weigher",
    "LicenceLimitFilter": "licence-limit-filter",
    "MaintenanceWindowFilter": "maintenance-window-filter",
    "process": "process-driver",
    "quota_veto": "quota-veto",
    "state_webhook": "state-webhook",
}
# What pip does for each in a process of its own, which takes five times as long.
BUILD = """
import os, sys
from setuptools import build_meta
_, wheels, *folders = sys.argv
for folder in folders:
    os.chdir(folder)
    build_meta.build_wheel(wheels)
"""


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed all examples; wheels are built of copies."""
    base = tmp_path_factory.mktemp("examples")
    sources = [shutil.copytree(folder, base / "src" / folder.name) for folder in FOLDERS]
    run(sys.executable, "-W", "ignore", "-c", BUILD, base / "wheels", *sources)
    wheels = sorted((base / "wheels").glob("*.whl"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "install", "--no-deps", "--no-index", "--target", base / "installed", *wheels)
    return base / "installed"


def all_enabled(file: Path) -> None:
    """Write an ini file that says what the examples' own say, lists put together."""
    merged = configparser.ConfigParser(interpolation=None)
    merged.read_dict({"DEFAULT": {}, "api": {"bind_port": "0"}})
    for folder in FOLDERS:
        own = configparser.ConfigParser(interpolation=None)
        own.read_string((folder / "corenova.conf").read_text())
        for section in own.sections():
            if not merged.has_section(section):
                merged.add_section(section)
            for option, value in own[section].items():
                before = merged[section].get(option, "").split(",") if option in LISTS else []
                merged[section][option] = ",".join(dict.fromkeys([*filter(None, before), *value.split(",")]))
    merged["process"]["namespaces"] = "false"
    merged["DEFAULT"]["state_path"] = str(file.parent / "state")
    with file.open("w") as opened:
        merged.write(opened)


def test_all_are_installed_enabled_by_their_own_ini_files_and_loaded(installed: Path, tmp_path: Path):
    ini = tmp_path / "corenova.conf"
    all_enabled(ini)
    found = {"PYTHONPATH": str(installed)}
    with (tmp_path / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [BIN / "corenova-all", "--config-file", ini],
            env={**os.environ, **found}, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    timer = threading.Timer(READY_S, process.kill)  # ends the wait for a line that never comes
    timer.start()
    try:
        assert any("corenova is ready" in line for line in process.stdout), (tmp_path / "stderr").read_text()[-3000:]
        told = json.loads(run(BIN / "corenova-manage", "--config-file", ini, "plugins", "--json", **found))
    finally:
        timer.cancel()
        process.terminate()
        try:
            process.wait(15)
        finally:
            process.kill()
            process.stdout.close()
    loaded = {one["name"]: one["distribution"] for one in told if one["loaded"]}
    assert {name: loaded.get(name) for name in OFFERS} == OFFERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_is_a_lesson(folder: Path):
    """What the next author copies is complete, short, and says what it was written for."""
    modules = [path for path in folder.glob("*.py") if path.name not in ("setup.py", "receiver.py")]
    assert any("contract_version = (1, 0)" in path.read_text() for path in modules)
    assert all(len(path.read_text().splitlines()) <= 200 for path in modules)
    imported = {name for path in modules for name in re.findall(r"^from corenova\.(\w+)", path.read_text(), re.M)}
    assert imported <= {"contracts", "objects", "exceptions"}, "a plug-in needs nothing more of corenova"
    assert list((folder / "tests").glob("test_*.py"))
    commands = re.findall(r"^    (?:pip|python|corenova-all|openstack) .*", (folder / "README.md").read_text(), re.M)
    assert len(commands) == 3 and commands[0].startswith(f"    pip install ./examples/{folder.name} ")
    assert f"({folder.name}/README.md)" in (EXAMPLES / "README.md").read_text()
