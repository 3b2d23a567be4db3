"""What ``import nova...`` finds while a class is loaded: an installed nova, or the few modules of ``provided/``.

The modules are in ``sys.modules`` only inside :func:`provided`, so nobody else takes them for a nova.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

from oslo_config import cfg

from corenova.nova_adapter.provided import conf as nova_conf
from corenova.nova_adapter.provided import extra_specs_ops, filter_utils, filters, i18n, scheduler_utils, weights

PROVIDED: dict[str, tuple[ModuleType, tuple[str, ...]] | None] = {
    "nova": None,
    "nova.conf": (nova_conf, ("CONF",)),
    "nova.i18n": (i18n, ("_",)),
    "nova.weights": (weights, ("BaseWeigher",)),
    "nova.scheduler": None,
    "nova.scheduler.utils": (scheduler_utils, ("get_weight_multiplier",)),
    "nova.scheduler.weights": (weights, ("BaseHostWeigher",)),
    "nova.scheduler.filters": (filters, ("BaseHostFilter",)),
    "nova.scheduler.filters.extra_specs_ops": (extra_specs_ops, ("match",)),
    "nova.scheduler.filters.utils": (
        filter_utils,
        (
            "aggregate_metadata_get_by_host",
            "aggregate_values_from_key",
            "instance_uuids_overlap",
            "validate_num_values",
        ),
    ),
}
"""Nova's modules, each with the file here that stands for it and the names that it offers."""
_LOCK = threading.Lock()


class _Module(ModuleType):
    """A module of Nova's name; a package without files, so that no other part of nova is found below it."""

    def __init__(self, name: str):
        super().__init__(name, "Provided by corenova for plug-ins that were written for Nova.")
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # Python's own questions
            raise AttributeError(name)
        missing = f"{self.__name__}.{name}"
        raise ImportError(f"corenova does not provide {missing}", name=missing)


def _made() -> dict[str, ModuleType]:
    modules = {name: _Module(name) for name in PROVIDED}
    for name, offered in PROVIDED.items():
        package, _, last = name.rpartition(".")
        if package:
            setattr(modules[package], last, modules[name])
        if offered is not None:
            source, names = offered
            vars(modules[name]).update({each: getattr(source, each) for each in names})
    return modules


_MODULES = _made()


@contextlib.contextmanager
def provided(conf: cfg.ConfigOpts) -> Iterator[None]:
    """Let ``import nova...`` find something inside a ``with`` block; one thread at a time.

    Where nova is installed it is found, and its CONF reads our ini files.
    """
    with _LOCK:
        if _is_installed():
            _configure(conf)
            yield
            return
        nova_conf.CONF.follow(conf)
        sys.modules.update(_MODULES)
        try:
            yield
        finally:
            for name in _MODULES:
                sys.modules.pop(name, None)


def _is_installed() -> bool:
    found = find_spec("nova")
    return found is not None and found.origin is not None  # a mere folder of that name has no origin


def _configure(conf: cfg.ConfigOpts) -> None:
    from nova.conf import CONF

    if CONF is not conf:
        CONF([], project="nova", default_config_files=conf.config_file or [], default_config_dirs=[])
