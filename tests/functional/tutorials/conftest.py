"""An environment for tutorials: what the tests run with, and the commands that a tutorial's first step installs."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.tutorials import warm

_WARM = ("corenova-manage", "openstack", "pip", "pytest")
_KEPT = ("LANG", "LC_ALL", "TMPDIR")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a shell in which an environment is active; nothing is fetched in it. It is one for all."""
    base = tmp_path_factory.mktemp("tutorials")
    programs = base / "venv" / "bin"
    venv.create(programs.parent, with_pip=False, symlinks=True)
    python = programs / "python"
    site_packages = next(programs.parent.glob("lib/python*/site-packages"))
    # Not a path alone: what is installed there for development has .pth files of its own.
    (site_packages / "base.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    (base / "scripts").mkdir()
    for name in ("corenova-all", *_WARM):
        _, _, program = (Path(sys.executable).parent / name).read_text().partition("\n")
        script = base / "scripts" / name if name in _WARM else programs / name
        script.write_text(f"#!{python}\n{program}")
        if name in _WARM:
            client = warm.CLIENT.format(python=python, socket=str(base / "door"), script=str(script))
            (programs / name).write_text(client)
        (programs / name).chmod(0o755)
    variables = {name: value for name, value in os.environ.items() if name in _KEPT} | {
        "PATH": f"{programs}:{os.defpath}",
        "HOME": str(base),
        "OS_API__BIND_PORT": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means: none
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }
    with subprocess.Popen([python, warm.__file__, base / "door"], env=variables, stdin=subprocess.DEVNULL) as server:
        try:
            yield variables
        finally:
            server.kill()
