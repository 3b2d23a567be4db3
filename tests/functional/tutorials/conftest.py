"""An environment for tutorials: what the tests run with, and the commands that a tutorial's first step installs."""

import os
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

_COMMANDS = ("corenova-all", "corenova-manage", "openstack", "pip", "pytest")
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The variables of a shell in which a fresh environment is active; nothing is fetched in it."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    # Not a path alone: what is installed there for development has .pth files of its own.
    (site_packages / "base.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name in _COMMANDS:
        _, _, program = (Path(sys.executable).parent / name).read_text().partition("\n")
        (folder / "bin" / name).write_text(f"#!{folder / 'bin' / 'python'}\n{program}")
        (folder / "bin" / name).chmod(0o755)
    return {name: value for name, value in os.environ.items() if name in _KEPT} | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OS_API__BIND_PORT": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means: none
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }
