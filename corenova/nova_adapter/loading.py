"""A class path of an ini file to the classes that it names, with one line of error that names path and cause."""

import importlib

from oslo_config import cfg

from corenova.account import FAULTS, words
from corenova.exceptions import PluginError
from corenova.nova_adapter.imports import provided


def classes(conf: cfg.ConfigOpts, option: str, path: str) -> list[type]:
    """Return the class that ``path`` names, or the classes that the function returns which it names.

    :param option: the option that holds the path, for messages.
    :raises PluginError: it cannot be imported, or is neither of the two.
    """
    module, _, name = path.rpartition(".")
    try:
        with provided(conf):
            named = getattr(importlib.import_module(module), name)
            found = [named] if isinstance(named, type) else list(named())
    except FAULTS as error:
        raise PluginError(f"{option} names {path}, {_cause(error)}.") from error
    if not all(isinstance(each, type) for each in found):
        raise PluginError(f"{option} names {path}, which is neither a class nor a function that returns classes.")
    return found


def _cause(error: BaseException) -> str:
    missing = getattr(error, "name", None)
    if isinstance(error, ImportError) and missing and missing.partition(".")[0] == "nova":
        return f"which imports {missing}; corenova does not provide it to plug-ins written for Nova"
    return f"which cannot be loaded: {' '.join(words(error).split())}"
