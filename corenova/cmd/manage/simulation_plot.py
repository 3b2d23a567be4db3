"""The picture of a simulation: what was in use against what there was, hosts in use, and how well they were filled.

The only file that knows matplotlib, an extra (``corenova[plot]``) that nothing else needs.
"""

from pathlib import Path

import numpy as np

from corenova.exceptions import ConfigurationError, InvalidInput
from corenova.scheduler.simulation import HostSize
from corenova.scheduler.timeline import Timeline, shares

SUFFIXES = (".png", ".svg")
_DAY_S = 86400
_MOST_POINTS = 4000
"""A picture has no more pixels across, and an SVG with every event would be large."""


def check(path: Path) -> None:
    """Refuse, before the work is done, what could not be drawn.

    :raises InvalidInput: the file's name ends in neither .png nor .svg.
    :raises ConfigurationError: matplotlib is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise InvalidInput(f"--plot {path}: the name of a picture ends in {' or '.join(SUFFIXES)}.")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"--plot needs matplotlib ({error}). Install it with: pip install 'corenova[plot]'."
        ) from None


def draw(path: Path, course: Timeline, *, hosts: int, size: HostSize) -> None:
    """Draw the course of a simulation into a PNG or SVG file."""
    from matplotlib.figure import Figure

    thin = slice(None, None, max(1, len(course.time_s) // _MOST_POINTS))
    days = (course.time_s[thin] - course.time_s[:1]) / _DAY_S
    packing = {key: 100 * values[thin] for key, values in shares(course, hosts=hosts, vcpus=size.vcpus).items()}
    panels = (
        (
            f"in use, % of {hosts} hosts of {size.vcpus} vCPUs and {size.ram_mb / 1024:g} GiB",
            {
                "vCPUs": 100 * course.vcpus[thin] / (hosts * size.vcpus),
                "RAM": 100 * course.ram_mb[thin] / (hosts * size.ram_mb),
                "hosts with servers": 100 * course.busy_hosts[thin] / hosts,
            },
        ),
        (
            "packing, %",
            {
                "vCPUs in use, of hosts with servers": packing["density_non_empty"],
                "free vCPUs that cannot take 8 vCPUs and 14 GiB": packing["stranded_cpu_share"],
            },
        ),
    )
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(len(panels), sharex=True), panels, strict=True):
        _panel(axes, title, days, lines)
    axes.set_xlabel("days")
    figure.savefig(path)


def _panel(axes: object, title: str, days: np.ndarray, lines: dict[str, np.ndarray]) -> None:
    for label, values in lines.items():
        axes.step(days, values, where="post", label=label, linewidth=1)
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_ylim(0, 105)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="best")
