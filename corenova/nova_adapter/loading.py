"""A class path of an ini file to the classes that it names, with one line of error that names path and cause."""

import importlib
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata

from oslo_config import cfg

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
    except Exception as error:
        raise PluginError(f"{option} names {path}, {_cause(error)}.") from error
    if not all(isinstance(each, type) for each in found):
        raise PluginError(f"{option} names {path}, which is neither a class nor a function that returns classes.")
    return found


def _cause(error: Exception) -> str:
    missing = getattr(error, "name", None)
    if isinstance(error, ImportError) and missing and missing.partition(".")[0] == "nova":
        return f"which imports {missing}; corenova does not provide it to plug-ins written for Nova"
    return f"which cannot be loaded: {type(error).__name__}: {' '.join(str(error).split())}"


def owner(path: str) -> tuple[str, str]:
    """Return name and version of the distribution that a class path belongs to, without importing it.

    Of several distributions that share a package (a namespace) it is the one that lists the module, else the first.
    Code of no distribution goes by the name of its package, without a version.
    """
    module = path.rpartition(".")[0]
    package = module.partition(".")[0]
    names = _packages(tuple(sys.path)).get(package, [])
    found = [metadata.distribution(name) for name in dict.fromkeys(names)]
    if not found:
        return package, ""
    stem = module.replace(".", "/")
    files = {f"{stem}.py", f"{stem}/__init__.py"}
    listing = [one for one in found if any(str(file) in files for file in one.files or ())] if len(found) > 1 else []
    chosen = (listing or found)[0]
    return chosen.name, chosen.version


@lru_cache(maxsize=1)
def _packages(_path: tuple[str, ...]) -> Mapping[str, list[str]]:
    return metadata.packages_distributions()  # reads all that is installed
