"""``corenova-manage plugin new``: a distribution with one plug-in that installs, passes its tests and works at once.

The templates beside this file are such distributions themselves, tested as they are. Their names occur nowhere else in
them, so that a copy with other names is an exact one.
"""

import contextlib
import importlib.util
import keyword
import os
import re
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path

import msgspec
from oslo_config import cfg

from corenova import loader
from corenova.cmd.manage.output import Output
from corenova.exceptions import ConfigurationError, InvalidInput

TEMPLATES = Path(__file__).with_name("plugin-templates")
GROUPS = {"filter": loader.FILTERS, "weigher": loader.WEIGHERS, "driver": loader.DRIVERS, "hook": loader.HOOKS}
"""The kinds that can be made, each with the group that its entry point goes into."""
_LOWER_CASE = ("driver", "hook")
_NAME = re.compile("[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?")  # an identifier, and what packaging allows
_FILES = ("setup", "tests", "conftest")


class Names(msgspec.Struct, frozen=True):
    """What things are called in a new distribution.

    :param module: the module, and the distribution.
    :param entry_point: what an ini file says, and the section of its options.
    """

    kind: str
    module: str
    class_name: str
    entry_point: str

    @classmethod
    def of(cls, kind: str, name: str) -> "Names":
        """Return the names of a plug-in ``name``: ``rack_aware`` makes RackAwareFilter, or the driver rack_aware."""
        camel = "".join(part[:1].upper() + part[1:] for part in [*name.split("_"), kind])
        return cls(kind, name, camel, name.lower() if kind in _LOWER_CASE else camel)

    def renamed(self, text: str) -> str:
        """Return a text (or a file's name) of the template with these names in it."""
        old = (f"template_{self.kind}", f"Template{self.kind.capitalize()}", f"template{self.kind}")
        for word, new in zip(old, (self.module, self.class_name, self.entry_point), strict=True):
            text = text.replace(word, new)
        return text


def new(conf: cfg.ConfigOpts, output: Output) -> int:
    """Write the distribution and say what to do next.

    :raises InvalidInput: the name cannot be one, or is taken.
    :raises ConfigurationError: the directory cannot be written to, or has something of this name.
    """
    names = Names.of(conf.noun.kind, _checked(conf.noun.plugin_name, conf.noun.kind))
    folder = Path(conf.noun.dir)
    target = folder / names.module
    _check_place(folder, target)
    _check_free(conf, names)
    _write(names, target)
    output.json(
        {
            "kind": names.kind,
            "distribution": names.module,
            "group": GROUPS[names.kind],
            "entry_point": names.entry_point,
            "path": str(target),
        }
    )
    _say_next(names, str(target), output)
    return 0


def _say_next(names: Names, path: str, output: Output) -> None:
    here = path if os.path.isabs(path) else f"./{path}"  # pip takes a bare word for a name on its index
    output.line(f"Wrote {path}, a distribution with the {names.kind} {names.entry_point}. Next:")
    output.line()
    output.line(f"    pip install {shlex.quote(f'{here}[test]')}")
    output.line(f"    pytest {shlex.quote(here)}")
    output.line(f"    corenova-all --config-file {shlex.quote(f'{here}/{names.module}.conf')}")
    output.line()
    output.line(f"What it does is in {path}/{names.module}.py, how to see it work in {path}/README.md.")


def _checked(name: str, kind: str) -> str:
    """Return a name that can be one of a module and a distribution; raises InvalidInput, which says a good one."""
    if keyword.iskeyword(name):
        raise InvalidInput(
            f"{name} is a word of Python and cannot be a module's name. Take another one: {name}_{kind}."
        )
    if name in _FILES:
        raise InvalidInput(f"{name} is what a file of the distribution is called. Take another name: my_{name}.")
    if not _NAME.fullmatch(name):
        good = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lstrip("0123456789_") or f"my_{kind}"
        raise InvalidInput(
            f"{name!r} cannot be a name: it must consist of letters, digits and underscores, with a letter first and "
            f"no underscore last. Take another one: {good}."
        )
    return name


def _check_place(folder: Path, target: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError(f"There is no directory {folder}. Make it, or name another one with --dir.")
    if os.path.lexists(target):
        raise ConfigurationError(f"{target} exists already. Remove it, or take another name or another --dir.")


def _check_free(conf: cfg.ConfigOpts, names: Names) -> None:
    """Raise InvalidInput when what is installed here has one of the names."""
    module, entry_point = names.module, names.entry_point
    another = f"Take another name: my_{module}."
    with contextlib.suppress(metadata.PackageNotFoundError):
        found = metadata.distribution(module)
        raise InvalidInput(f"The name {module} is taken by the installed distribution {found.name}. {another}")
    owner = loader.installed(GROUPS[names.kind]).get(entry_point)
    if owner is not None:
        raise InvalidInput(
            f"The name {module} is taken: the {names.kind} {entry_point} is one of the distribution {owner}. {another}"
        )
    if entry_point in conf or entry_point == "default":  # options of the plug-in would be in the section of that name
        raise InvalidInput(f"The name {module} is taken: ini files have [{entry_point}] for something else. {another}")
    owner = _owner_of_module(module)
    if owner is not None:
        raise InvalidInput(f"The name {module} is taken by {owner}. {another}")


def _owner_of_module(name: str) -> str | None:
    """Return what the importable module ``name`` is, None when there is none."""
    if name in sys.stdlib_module_names:
        return "a module of Python itself"
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    owners = metadata.packages_distributions().get(name)
    if owners:
        return f"a module of the distribution {' and '.join(sorted(set(owners)))}"
    # A mere directory on the path has no origin; an installed module comes before it.
    return spec.origin and f"the module {spec.origin}"


def _write(names: Names, target: Path) -> None:
    """Write all of it beside ``target`` and give it its name last: there is never half of it."""
    half = target.with_name(f".{target.name}.{os.getpid()}")
    template = TEMPLATES / names.kind
    try:
        for file in sorted(template.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = half / names.renamed(str(file.relative_to(template)))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(names.renamed(file.read_text("utf-8")), "utf-8")
        half.rename(target)
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
