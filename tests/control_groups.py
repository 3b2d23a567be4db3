"""Control groups for the hosts of tests/libvirt_host.py: a branch of the machine's trees that is the root of one host.

Without it two hosts would meet in one group as soon as both have a guest with the same name. It is done where each
controller has a tree of its own (version 1) and no systemd places guests; elsewhere a host has no control groups, and
cannot do what needs them: CPU quotas and CPU time by kind.
"""

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
INHERITED = ("cpuset.cpus", "cpuset.mems")  # empty in a new group, in which nothing could run


def branch(slot: int) -> list[Path]:
    """Make the branch of the host that holds ``slot``, and return it in each tree; nothing where there can be none."""
    if (ROOT / "cgroup.controllers").exists() or Path("/run/systemd/system").exists():
        return []
    found = []
    for tree in sorted(path.parent for path in ROOT.glob("*/cgroup.procs") if not path.parent.is_symlink()):
        place = tree / _name(slot)
        try:
            place.mkdir(exist_ok=True)
            for file in INHERITED:
                if (tree / file).exists():
                    (place / file).write_text((tree / file).read_text())
        except OSError:  # read only, as in many containers
            sweep(slot)
            return []
        found.append(place)
    return found


def sweep(slot: int) -> None:
    """Remove the branch of ``slot``, whose processes have ended."""
    for place in ROOT.glob(f"*/{_name(slot)}"):
        for directory, _, _ in os.walk(place, topdown=False):
            _remove(directory)


def _remove(directory: str) -> None:
    for _ in range(20):  # the kernel takes a moment to forget the dead
        with contextlib.suppress(OSError):
            os.rmdir(directory)
            return
        time.sleep(0.05)


def _name(slot: int) -> str:
    return f"corenova-host-{slot}"
