"""A stranger's first plug-in: the commands of the filter tutorial, typed one after the other into a fresh environment.

Everything is installed from this tree and from pip's cache, which a first round fills. The clock stops when a server is
seen on the host that the new filter has let it go to.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, Goal, NotHereError, NotMeasuredError, check
from tests.functional.tutorials import tutorial

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "plugins" / "filter.md"
NEW = "corenova-manage plugin new"
SEEN = "corenova-manage --config-file corenova.conf explain web-1"
PARTS = {
    "venv_s": ("a virtual environment", ("python3 -m venv",)),
    "corenova_s": ("pip install of corenova, its plug-ins, the client", ("pip install \"$CORENOVA",)),
    "new_s": (NEW, (NEW,)),
    "install_s": ("pip install of the new filter", ("pip install ./",)),
    "tests_s": ("its tests", ("pytest",)),
    "start_s": ("corenova-all, until it is ready", ("corenova-all",)),
    "create_s": ("openstack server create", ("openstack",)),
    "explain_s": ("corenova-manage explain", ("corenova-manage --config",)),
}  # fmt: skip
"""What the time is made of: words for each part, and how its commands begin."""


def run(quick: bool) -> list[Figure]:
    """Type the tutorial twice, the first time to fill pip's cache (not when ``quick``), and time the second."""
    if not quick:
        _typed()
    typed = _typed()
    check(typed[-1].command == SEEN, f"{TUTORIAL.name} has no command {SEEN}")
    parts = [
        Figure(key, sum(one.seconds for one in typed if one.command.startswith(beginnings)), "s", f"  {words}")
        for key, (words, beginnings) in PARTS.items()
    ]
    first = next(number for number, one in enumerate(typed) if one.command.startswith(NEW))
    return [
        Figure("placed_s", sum(one.seconds for one in typed[first:]), "s", f"{NEW} to a server placed by it", Goal(60)),
        Figure("all_s", sum(one.seconds for one in typed), "s", "the same, corenova's own installation included"),
        Figure("all_cpu_s", sum(one.cpu_s for one in typed), "CPU s", "the same, CPU of all commands that ended"),
        *parts,
    ]


def _typed() -> list[tutorial.Typed]:
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as name:
        home = Path(name)
        _copy_tree(home / "corenova")  # pip leaves build products in what it installs from
        try:
            return tutorial.run(TUTORIAL, home, _environment(home), prepared=False, last=SEEN, patience_s=600.0)
        except AssertionError as error:
            if "No matching distribution" in str(error):
                raise NotHereError("pip finds no index here: the tutorial's first step needs one") from None
            raise NotMeasuredError(str(error)) from None


def _copy_tree(folder: Path) -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for file in filter(None, files.split("\0")):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, folder / file)


def _environment(home: Path) -> dict[str, str]:
    """Return the variables of somebody who has just logged in; ``~/corenova`` is the clone, the cache is pip's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OS_", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    ours = str(Path(sys.executable).parent)
    path = [f"{sys.base_prefix}/bin", *(each for each in kept.get("PATH", os.defpath).split(":") if each != ours)]
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True)
    return kept | {
        "HOME": str(home),
        "OS_API__BIND_PORT": "0",
        "PATH": ":".join(path),
        "PIP_CACHE_DIR": cache.stdout.strip(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
