"""The documentation site is built without a warning, and has what is read from the code."""

import subprocess
import sys
from pathlib import Path

import pytest

from corenova.api.routes import ROUTES
from corenova.cmd.manage.main import COMMANDS
from corenova.contracts.hooks import HookSpecs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(folder / "html")]
    built = subprocess.run([*command, "-d", str(folder / "doctrees")], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_it_has_what_is_read_from_the_code(site):
    def page(name):
        return (site / "reference" / f"{name}.html").read_text()

    assert all(f'id="{each}"' in page("contracts") for each in _anchors())
    assert 'id="plugins.enabled_hooks"' in page("options")
    assert all(route.path.split("/")[1] in page("api") for route in ROUTES)
    assert all(command.help.split(".")[0][:30] in page("commands") for command in COMMANDS)


def _anchors():
    hooks = [name for name in vars(HookSpecs) if not name.startswith("_")]
    yield from (f"corenova.contracts.hooks.HookSpecs.{name}" for name in hooks)
    yield "corenova.contracts.filter.ScalarFilter.host_passes"
    yield "corenova.contracts.driver.Driver.spawn"
