"""What there is to choose from: the entry points of all installed distributions, and the classes that tests give.

Nothing is imported here.
"""

import os
import re
import sys
from functools import lru_cache
from importlib import metadata
from typing import ClassVar

from oslo_config import cfg

from corenova.loader.kinds import KINDS

Offers = dict[str, list[metadata.EntryPoint]]
"""``{name: entry points}``; usually one a name."""
_GIVEN = "_corenova_given"


def offers(conf: cfg.ConfigOpts, group: str) -> Offers:
    """Return what is installed in ``group``, and what was given to ``conf``."""
    return offered(group) | conf.__dict__.get(_GIVEN, {}).get(group, {})


def offered(group: str) -> Offers:
    """Return all that is installed in ``group``, loaded or not."""
    found: Offers = {}
    for entry_point in _scanned(_path())[group]:
        same = found.setdefault(entry_point.name, [])
        # A folder that is twice on the path (an editable install, and the working directory) is one distribution.
        if all((owner(one)[0], one.value) != (owner(entry_point)[0], entry_point.value) for one in same):
            same.append(entry_point)
    return found


def installed(group: str) -> dict[str, str]:
    """Return ``{name: distribution}`` of all that is installed in ``group``, loaded or not."""
    return {name: owner(found[-1])[0] for name, found in offered(group).items()}


def owner(entry_point: metadata.EntryPoint) -> tuple[str, str | None]:
    """Return name and version of the distribution that brings an entry point; ``("?", None)`` when it is not known."""
    return ("?", None) if entry_point.dist is None else _named(entry_point.dist)


def normal(distribution: str) -> str:
    """Return the name of a distribution as packaging tools compare names."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def give(conf: cfg.ConfigOpts, group: str, written: type) -> str:
    """Offer a class that no entry point names to whatever is made from ``conf``, as tests do; return its name."""
    given = conf.__dict__.setdefault(_GIVEN, {}).setdefault(group, {})
    given[written.__name__] = [_Given(group, written)]
    return written.__name__


def _path() -> tuple[tuple[str, int], ...]:
    """Return where distributions are looked for, with what changes when one is installed there."""
    return tuple((folder, _changed_at(folder or ".")) for folder in sys.path)


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _scanned(_path: tuple[tuple[str, int], ...]) -> Offers:
    """Read the entry points of all distributions, once for each state of the path: it takes longer than loading."""
    found = metadata.entry_points()
    return {group: list(found.select(group=group)) for group in KINDS}


@lru_cache(maxsize=1024)
def _named(distribution: metadata.Distribution) -> tuple[str, str]:
    facts = distribution.metadata  # reads and parses a file
    return facts["Name"], facts["Version"]


class _ThisProcess:
    """In place of the distribution of a class that was given."""

    metadata: ClassVar = {"Name": "this process", "Version": ""}


class _Given(metadata.EntryPoint):
    """A class in place of an entry point."""

    def __init__(self, group: str, written: type):
        super().__init__(written.__name__, f"{written.__module__}:{written.__qualname__}", group)
        vars(self).update(written=written, dist=_ThisProcess())

    def load(self) -> type:
        return vars(self)["written"]
