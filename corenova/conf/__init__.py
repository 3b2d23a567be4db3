"""Options, one file per ini section. Values are handed down from ``cmd``; nothing here holds a configuration.

Plug-ins bring their own sections (``options`` of the plug-in, see corenova/contracts/__init__.py).
"""

from types import ModuleType

from oslo_config import cfg

from corenova.conf import (
    api,
    compute,
    conductor,
    database,
    default,
    filter_scheduler,
    identity,
    image,
    network,
    notifications,
    pci,
    plugins,
    quota,
    scheduler,
)

SECTIONS: tuple[ModuleType, ...] = (
    default, api, compute, conductor, database, filter_scheduler, identity, image, network, notifications, pci, plugins,
    quota, scheduler,
)  # fmt: skip


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option of the core on ``conf``; again is harmless."""
    for section in SECTIONS:
        conf.register_opts(section.OPTIONS, group=section.GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return (section, options) pairs for oslo.config's sample generator."""
    return [(section.GROUP or "DEFAULT", section.OPTIONS) for section in SECTIONS]
