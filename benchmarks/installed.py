"""What a hundred plug-ins cost a start: distributions of one filter each, installed only, and enabled as well."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import cloud
from benchmarks.figures import Figure, Goal
from corenova.conf import filter_scheduler

PLUGINS = 100
ROUNDS = 3
_DEFAULTS = next(option.default for option in filter_scheduler.OPTIONS if option.name == "enabled_filters")


def run(quick: bool) -> list[Figure]:
    """Start with none, with all installed, and with all enabled, in turn; the least CPU of some rounds each.

    CPU and the least of it, because others on the machine only add to it. The first round fills stevedore's cache.
    """
    rounds, count = (1, 5) if quick else (ROUNDS, PLUGINS)
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder:
        names = _install(Path(folder) / "plugins", count)
        home = {"XDG_CACHE_HOME": f"{folder}/cache"}
        installed = home | {"PYTHONPATH": f"{folder}/plugins"}
        kinds: dict[str, tuple[Mapping[str, str], str]] = {
            "none": (home, ""),
            "installed": (installed, ""),
            "enabled": (installed, f"[filter_scheduler]\nenabled_filters = {','.join([*_DEFAULTS, *names])}\n"),
        }
        cold = {kind: _start_cpu_s(*how) for kind, how in kinds.items()}
        warm = [{kind: _start_cpu_s(*how) for kind, how in kinds.items()} for _ in range(rounds)]
    least = {kind: min(found[kind] for found in warm) for kind in kinds}
    text = f"the same with {count} plug-ins"
    return [
        Figure("plugins", count, "", "plug-ins, each of a distribution of its own"),
        Figure("start_cpu_s", least["none"], "CPU s", "process start to ready, without them"),
        Figure("installed_s", least["installed"] - least["none"], "CPU s", f"{text} installed: more", Goal(0.3)),
        Figure("enabled_s", least["enabled"] - least["none"], "CPU s", f"{text} enabled: more"),
        Figure("first_s", cold["installed"] - cold["none"], "CPU s", f"{text} installed, the first time: more"),
    ]


def _install(folder: Path, count: int) -> list[str]:
    """Write ``count`` distributions as pip leaves them; return the names of their filters."""
    names = [f"Number{number}Filter" for number in range(count)]
    for number, name in enumerate(names):
        module = f"number{number}"
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(
            f"class {name}:\n    def host_passes(self, host_state, spec):\n        return True\n"
        )
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[corenova.scheduler.filters]\n{name} = {module}:{name}\n")
    return names


def _start_cpu_s(environment: Mapping[str, str], ini: str) -> float:
    with cloud.server(hosts=20, ini=ini, environment=os.environ | environment) as server:
        server.wait_ready()
        return server.cpu_s()
