"""Imports point one way, and the core knows no plug-in by name."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_point_downwards():
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_core_names_no_plug_in_package():
    """Not even in a text: an import by name (``importlib.import_module``) is no import for the checker above."""
    packages = {path.parent.name for path in ROOT.glob("plugins/*/*/__init__.py") if path.parent.name != "tests"}
    assert {"corenova_filters", "corenova_drivers"} <= packages
    named = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / "corenova").rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if any(package in line for package in packages)
    ]
    assert not named


def test_one_module_imports_stevedore():
    """Whoever loads by another way would load what nobody has held against ``[plugins] allowed_distributions``."""
    importing = re.compile(r"^\s*(from|import) stevedore\b", re.MULTILINE)
    found = [file for file in (ROOT / "corenova").rglob("*.py") if importing.search(file.read_text())]
    assert [str(file.relative_to(ROOT)) for file in found] == ["corenova/loader/offer.py"]
