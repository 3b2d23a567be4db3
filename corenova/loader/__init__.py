"""Names to plug-in objects, and strict.

An enabled name that is missing, found twice, does not import, was written for another contract or comes from a
distribution that may not load stops the start with one line that names the distribution: a security filter that is
silently absent would be worse than no start. ``[plugins] optional`` names those that a service may start without.
Services get plug-ins from here and nowhere else; hooks (pluggy) are found by the same scan.
"""

from corenova.loader.choice import leave_out, load, load_one, refusal
from corenova.loader.installed import give, installed, normal, offered, owner
from corenova.loader.kinds import (
    DRIVERS,
    FILTERS,
    HOOKS,
    IMAGE_BACKENDS,
    KINDS,
    NETWORK_BACKENDS,
    WEIGHERS,
    Kind,
    Plugin,
    shown,
)

__all__ = [
    "DRIVERS",
    "FILTERS",
    "HOOKS",
    "IMAGE_BACKENDS",
    "KINDS",
    "NETWORK_BACKENDS",
    "WEIGHERS",
    "Kind",
    "Plugin",
    "give",
    "installed",
    "leave_out",
    "load",
    "load_one",
    "normal",
    "offered",
    "owner",
    "refusal",
    "shown",
]
