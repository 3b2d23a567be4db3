"""Whose code a class path is. It is told before any of it is imported, by the file that an import would read."""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_SITES = frozenset({"site-packages", "dist-packages"})


def owner(path: str) -> tuple[str, str]:
    """Return name and version of the distribution that a class path belongs to.

    That is the one which lists the file, or whose working tree it is in (an editable install). Code of no distribution
    goes by the name of its package; a stray file in a package that is some distribution's goes by its own path, so that
    nobody takes it for a part of that. Both have no version.
    """
    module = path.rpartition(".")[0]
    package = module.partition(".")[0]
    names = _packages(tuple(sys.path)).get(package, ())
    if not names:
        return package, ""
    file = _file(module)
    if file is None:
        return f"the module {module}", ""
    bringing = [one for one in map(metadata.distribution, dict.fromkeys(names)) if _brings(one, module, file)]
    return (bringing[0].name, bringing[0].version) if len(bringing) == 1 else (str(file), "")


@lru_cache(maxsize=1)
def _packages(_path: tuple[str, ...]) -> Mapping[str, list[str]]:
    return metadata.packages_distributions()  # reads all that is installed


def _file(module: str) -> Path | None:
    """Return the file that ``import module`` would read, None when it would find none."""
    name, places, spec = "", None, None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = _spec(name, places)
        if spec is None:
            return None
        places = spec.submodule_search_locations or ()
    return Path(spec.origin).resolve() if spec is not None and spec.has_location and spec.origin else None


def _spec(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    """Find a module below ``places`` (None: on the path). importlib.util.find_spec would import the packages above."""
    # By the last part of its name: inside a namespace package Python looks for the imported module of the one above.
    found = PathFinder.find_spec(name.rpartition(".")[2], places)
    if found is not None:
        return found
    others = [one.find_spec for one in sys.meta_path if one is not PathFinder and hasattr(one, "find_spec")]
    return next(filter(None, (find(name, places) for find in others)), None)  # those of editable installs, for one


def _brings(distribution: metadata.Distribution, module: str, file: Path) -> bool:
    def located(name: object) -> Path:
        return Path(str(distribution.locate_file(name))).resolve()

    files = distribution.files
    if files is None:  # nobody has written down what was installed
        stem = module.replace(".", "/")
        return file in (located(f"{stem}.py"), located(f"{stem}/__init__.py"))
    if any(located(one) == file for one in files if one.name == file.name):
        return True
    tree = _working_tree(distribution)
    # What is installed into an environment inside that tree is not the tree's.
    return tree is not None and file.is_relative_to(tree) and _SITES.isdisjoint(file.relative_to(tree).parts)


def _working_tree(distribution: metadata.Distribution) -> Path | None:
    facts = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not facts.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(facts["url"]).path)).resolve()
