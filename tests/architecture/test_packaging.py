"""Proof by use: wheels of our three distributions and of a stranger's filter, in an environment outside the tree.

Nothing is fetched: third-party libraries are those of the environment that runs the tests, by symbolic links.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest

ROOT = Path(__file__).parents[2]
STRANGER = ROOT / "tests" / "data" / "stranger_filter"
DISTRIBUTIONS = {"core": ROOT, **{path.parent.name: path.parent for path in sorted(ROOT.glob("plugins/*/setup.py"))}}
OURS = re.compile(r"corenova|__editable__|distutils-precedence|__pycache__|stranger", re.IGNORECASE)
READY_S = 60
INI = """\
[DEFAULT]
state_path = {state}
[api]
bind_port = 0
[filter_scheduler]
enabled_filters = ComputeFilter,OnlyNumberSevenFilter
[compute]
driver = fake
[fake]
hosts = 20
"""


def _sources(folder: Path, into: Path) -> Path:
    """Copy what a distribution is made of, so that building it leaves nothing in the tree."""
    into.mkdir(parents=True)
    for entry in folder.iterdir():
        if entry.is_dir() and (entry / "__init__.py").exists():
            shutil.copytree(entry, into / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.is_file() and entry.suffix in (".py", ".toml", ".md", ""):
            shutil.copy(entry, into / entry.name)
    return into


def _run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_REQUIRE"))}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of our distributions and of the stranger's."""
    base = tmp_path_factory.mktemp("wheels")
    folders = [_sources(path, base / "src" / name) for name, path in {**DISTRIBUTIONS, "stranger": STRANGER}.items()]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    _run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", base / "out", *folders, cwd=base)
    return sorted((base / "out").glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with these wheels, which knows nothing of the tree."""
    base = tmp_path_factory.mktemp("elsewhere")
    libraries = base / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not OURS.match(entry.name) and entry.suffix != ".pth":
            (libraries / entry.name).symlink_to(entry)
    environment = base / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    site_packages = next(environment.glob("lib/python*/site-packages"))
    (site_packages / "libraries.pth").write_text(f"{libraries}\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", environment / "bin" / "python")
    _run(*pip, "install", "--no-deps", "--no-index", *wheels, cwd=base)
    return environment


@contextlib.contextmanager
def _cloud(environment: Path, folder: Path) -> Iterator[str]:
    """Run the environment's corenova-all on ``folder``; yields the line with which it says that it is ready."""
    folder.mkdir()
    (folder / "corenova.conf").write_text(INI.format(state=folder / "state"))
    command = [str(environment / "bin" / "corenova-all"), "--config-file", str(folder / "corenova.conf")]
    process_environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=process_environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    timer = threading.Timer(READY_S, process.kill)  # ends the wait for a line that never comes
    timer.start()
    try:
        line = next((line for line in process.stdout if "http" in line), "")
        assert line, f"corenova-all was not ready within {READY_S} s:\n{(folder / 'stderr').read_text()[-3000:]}"
        timer.cancel()
        yield line
    finally:
        timer.cancel()
        process.terminate()
        try:
            process.wait(timeout=15)
        finally:
            process.kill()
            process.stdout.close()


def test_there_is_a_wheel_of_each_distribution(wheels: list[Path]):
    names = {path.name.split("-")[0] for path in wheels}
    assert names == {"corenova", "corenova_filters", "corenova_drivers", "stranger_filter"}


def test_the_wheel_is_what_is_imported(elsewhere: Path, tmp_path: Path):
    program = "import corenova, corenova_drivers, corenova_filters, stranger_filter as s; print(corenova.__file__, "
    program += "corenova_drivers.__file__, corenova_filters.__file__, s.__file__, sep='\\n')"
    for file in _run(elsewhere / "bin" / "python", "-c", program, cwd=tmp_path).splitlines():
        assert Path(file).is_relative_to(elsewhere), f"{file} is not of the environment that was made for the test"


def test_everything_in_the_packages_is_in_the_wheels(elsewhere: Path):
    """A folder without __init__.py, or a template that setup.py does not name, would be missing here."""
    site_packages = next(elsewhere.glob("lib/python*/site-packages"))
    missing = []
    for folder in DISTRIBUTIONS.values():
        for package in folder.glob("corenova*/__init__.py"):
            for file in package.parent.rglob("*"):
                if file.is_file() and "__pycache__" not in file.parts:
                    relative = file.relative_to(folder)
                    if not (site_packages / relative).exists():
                        missing.append(str(relative))
    assert not missing


def test_a_strangers_filter_decides_where_a_server_runs(elsewhere: Path, tmp_path: Path, monkeypatch):
    with _cloud(elsewhere, tmp_path / "cloud") as line:
        clouds_yaml = tmp_path / "cloud" / "state" / "clouds.yaml"
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds_yaml))
        user, admin = openstack.connect(cloud="corenova"), openstack.connect(cloud="corenova-admin")
        url = re.search(r"https?://[\w.:\[\]-]+", line).group()
        assert user.compute.get_endpoint().startswith(url)
        server = user.compute.create_server(
            name="seventh",
            flavor_id=next(user.compute.flavors()).id,
            image_id=next(user.image.images()).id,
            networks="none",
        )
        deadline = time.monotonic() + 60
        while (server := user.compute.get_server(server)).status == "BUILD" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert server.status == "ACTIVE", server.fault
        assert admin.compute.get_server(server.id).compute_host == "fake-007"
