"""Distributions that a test installs at run time: folders on the path, as pip would have left them."""

import sys
from pathlib import Path

import pytest

from corenova import loader


class Installer:
    """Installs distributions of one module each for the time of a test.

    :ivar path: the folders, for PYTHONPATH of a process.
    """

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        self._folder, self._monkeypatch = tmp_path, monkeypatch
        self.path: list[Path] = []

    def __call__(self, distribution: str, source: str, *entry_points: str, group: str = loader.FILTERS) -> None:
        """Install ``distribution`` 1.0, whose module of the same name has these entry points in ``group``."""
        folder = self._folder / distribution
        module = distribution.replace("-", "_")
        self._monkeypatch.setitem(sys.modules, module, None)  # so that it goes with the test ...
        del sys.modules[module]  # ... and can be imported in it
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name} = {module}:{name}" for name in entry_points]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        self._monkeypatch.syspath_prepend(folder)
        self.path.append(folder)
